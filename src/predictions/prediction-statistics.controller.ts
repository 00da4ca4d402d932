import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { FromReplica } from '../common/http/from-replica.js';
import { SymbolLookup } from '../instruments/symbol-lookup.js';
import { PredictionStatisticsRepository } from './prediction-statistics.repository.js';
import { MODELS_SHOWN_MAX, predictionStatisticsQuery, predictionStatisticsSchema, toPredictionStatistics } from './prediction-statistics.schemas.js';

@Controller('predictions/stats')
export class PredictionStatisticsController {
  constructor(
    private readonly statistics: PredictionStatisticsRepository,
    private readonly lookup: SymbolLookup,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(predictionStatisticsSchema)
  @FromReplica('predictions.stats')
  async get(@Query({ schema: predictionStatisticsQuery }) { agentId, symbol, ...filter }: z.output<typeof predictionStatisticsQuery>, @CurrentCaller() caller: Caller) {
    const shown = agentShown(caller, agentId);
    const symbols = symbol === undefined ? undefined : await this.lookup.spellings(shown, symbol);
    return toPredictionStatistics(await this.statistics.figures({ ...filter, symbols, agentId: shown }, MODELS_SHOWN_MAX));
  }
}
