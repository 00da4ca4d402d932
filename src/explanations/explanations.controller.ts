import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import {
  createExplanationSchema, createSkipSchema, explainedTradeParam, explanationSchema, explanationsQuery, toExplanation, tradeExplanationsQuery,
} from './explanations.schemas.js';
import { ExplanationsService } from './explanations.service.js';
import { rowsThatFit } from '../common/page-bytes.js';

type TradeParam = z.output<typeof explainedTradeParam>;

@Controller()
export class ExplanationsController {
  constructor(
    private readonly service: ExplanationsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post('trades/:tradeId/explanations')
  @Allow({ agent: 'records' })
  @Answers(explanationSchema, 201)
  create(@Param({ schema: explainedTradeParam }) { tradeId }: TradeParam, @Body({ schema: createExplanationSchema }) body: z.output<typeof createExplanationSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toExplanation(await this.service.create(tx, caller, tradeId, body)));
  }

  @Get('trades/:tradeId/explanations')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(explanationSchema))
  async listOfTrade(@Param({ schema: explainedTradeParam }) { tradeId }: TradeParam, @Query({ schema: tradeExplanationsQuery }) { limit, cursor }: z.output<typeof tradeExplanationsQuery>, @CurrentCaller() caller: Caller) {
    const rows = await this.service.listOfTrade(caller, tradeId, limit, cursor);
    return pageOf(rows, rowsThatFit(rows, limit), toExplanation);
  }

  @Post('explanations')
  @Allow({ agent: 'records' })
  @Answers(explanationSchema, 201)
  createAlone(@Body({ schema: createSkipSchema }) body: z.output<typeof createSkipSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toExplanation(await this.service.createAlone(tx, caller, body)));
  }

  @Get('explanations')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(explanationSchema))
  async list(@Query({ schema: explanationsQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof explanationsQuery>, @CurrentCaller() caller: Caller) {
    const rows = await this.service.list({ ...filter, agentId: agentShown(caller, agentId) }, limit, cursor);
    return pageOf(rows, rowsThatFit(rows, limit), toExplanation);
  }
}
