import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { FromReplica } from '../common/http/from-replica.js';
import { TradeStatisticsRepository } from './trade-statistics.repository.js';
import { toTradeStatistics, tradeStatisticsQuery, tradeStatisticsSchema } from './trade-statistics.schemas.js';

@Controller('trades/stats')
export class TradeStatisticsController {
  constructor(private readonly statistics: TradeStatisticsRepository) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(tradeStatisticsSchema)
  @FromReplica('trades.stats')
  async get(@Query({ schema: tradeStatisticsQuery }) { agentId, ...filter }: z.output<typeof tradeStatisticsQuery>, @CurrentCaller() caller: Caller) {
    const rows = await this.statistics.figures({ ...filter, agentId: agentShown(caller, agentId), byPerson: caller.principal.kind === 'user' });
    const inWindow = filter.from !== undefined || filter.to !== undefined;
    return { items: rows.map((row) => toTradeStatistics(row, inWindow)) };
  }
}
