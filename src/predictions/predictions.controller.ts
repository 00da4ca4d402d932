import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import {
  createPredictionSchema, createPredictionsSchema, latestQuery, predictionSchema, predictionsQuery, storedPredictionsSchema, toPrediction,
} from './predictions.schemas.js';
import { PredictionsService } from './predictions.service.js';

@Controller('predictions')
export class PredictionsController {
  constructor(
    private readonly service: PredictionsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ agent: 'records' })
  @Answers(predictionSchema, 201)
  create(@Body({ schema: createPredictionSchema }) body: z.output<typeof createPredictionSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.runMerged(
      this.idempotency,
      (claim) => this.service.createMerged(caller, body, claim),
      async (tx) => toPrediction(await this.service.create(tx, caller, body)),
    );
  }

  @Post('batch')
  @Allow({ agent: 'records' })
  @Answers(storedPredictionsSchema, 201)
  createMany(@Body({ schema: createPredictionsSchema }) { items }: z.output<typeof createPredictionsSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => {
      const rows = await this.service.createMany(tx, caller, items);
      return { items: rows.map((row) => ({ id: row.id, shouldTrade: row.should_trade, thresholdUsed: row.threshold_used })) };
    });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(predictionSchema))
  async list(@Query({ schema: predictionsQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof predictionsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list({ ...filter, agentId: agentShown(caller, agentId) }, limit, cursor), limit, toPrediction);
  }

  @Get('latest')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(predictionSchema)
  async latest(@Query({ schema: latestQuery }) { symbol, agentId }: z.output<typeof latestQuery>, @CurrentCaller() caller: Caller) {
    return toPrediction(await this.service.latest(agentShown(caller, agentId), symbol));
  }
}
