import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { FromReplica } from '../common/http/from-replica.js';
import { AskedAccount } from './asked-account.js';
import { PerformanceRepository } from './performance.repository.js';
import { performanceQuery, performanceSchema, toPerformance } from './performance.schemas.js';

@Controller('reports/performance')
export class PerformanceController {
  constructor(
    private readonly performance: PerformanceRepository,
    private readonly accounts: AskedAccount,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(performanceSchema)
  @FromReplica('reports.performance')
  async get(@Query({ schema: performanceQuery }) { account, mode, groupBy, ...window }: z.output<typeof performanceQuery>, @CurrentCaller() caller: Caller) {
    const accountId = account === undefined ? null : await this.accounts.idOf(caller, account);
    const filter = { agentId: agentShown(caller, undefined), accountId, executionMode: mode ?? null, from: window.from ?? null, to: window.to ?? null, groupBy, byPerson: caller.principal.kind === 'user' };
    return toPerformance(groupBy, await this.performance.figures(filter));
  }
}
