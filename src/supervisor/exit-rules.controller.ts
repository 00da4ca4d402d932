import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { tradeParam } from '../trades/trades.schemas.js';
import { exitRulesSchema, type PutExitRules, putExitRulesSchema, toExitRules } from './exit-rules.schemas.js';
import { ExitRulesService } from './exit-rules.service.js';

type TradeParam = z.output<typeof tradeParam>;

@Controller('trades')
export class ExitRulesController {
  constructor(private readonly service: ExitRulesService) {}

  @Get(':tradeId/exit-rules')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(exitRulesSchema)
  async get(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @CurrentCaller() caller: Caller) {
    return toExitRules(await this.service.get(caller, tradeId));
  }

  @Put(':tradeId/exit-rules')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(exitRulesSchema)
  async put(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Body({ schema: putExitRulesSchema }) body: PutExitRules, @CurrentCaller() caller: Caller) {
    return toExitRules(await this.service.put(caller, tradeId, body));
  }
}
