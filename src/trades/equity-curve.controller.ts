import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { FromReplica } from '../common/http/from-replica.js';
import { equityCurveQuery, equityCurveSchema } from './equity-curve.schemas.js';
import { EquityCurveService } from './equity-curve.service.js';

@Controller('trades/equity-curve')
export class EquityCurveController {
  constructor(private readonly service: EquityCurveService) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(equityCurveSchema)
  @FromReplica('trades.equity-curve')
  get(@Query({ schema: equityCurveQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof equityCurveQuery>, @CurrentCaller() caller: Caller) {
    return this.service.page({ ...filter, agentId: agentShown(caller, agentId), byPerson: caller.principal.kind === 'user' }, limit, cursor);
  }
}
