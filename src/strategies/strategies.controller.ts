import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IfMatch, type Precondition, Tagged, type Tagging } from '../common/http/if-match.js';
import { type Creation, Once } from '../common/http/once.js';
import { OrStale, type StaleAnswer, staleFields } from '../common/http/stale.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { StaleReading } from '../database/stale-reading.js';
import { type KeptStrategy, keptPage } from './kept-strategies.js';
import { StrategiesRepository } from './strategies.repository.js';
import { createStrategySchema, putStrategySchema, readStrategySchema, retireSchema, strategiesQuery, strategyParam, strategySchema, strategyVersionSchema, toStrategy, toVersion, versionsQuery } from './strategies.schemas.js';
import { StrategiesService } from './strategies.service.js';

type StrategyParam = z.output<typeof strategyParam>;

@Controller('strategies')
export class StrategiesController {
  constructor(
    private readonly service: StrategiesService,
    private readonly strategies: StrategiesRepository,
    private readonly idempotency: Idempotency,
    private readonly stale: StaleReading,
  ) {}

  @Post()
  @Allow({ person: 'admin' })
  @Answers(strategySchema, 201)
  create(@Body({ schema: createStrategySchema }) body: z.output<typeof createStrategySchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Tagged() tag: Tagging) {
    return once.run(this.idempotency, async (tx) => toStrategy(await this.service.create(tx, caller, body))).then((made) => tag.answer(made));
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any', stale: true })
  @Answers(pageSchema(strategySchema).extend(staleFields))
  list(@Query({ schema: strategiesQuery }) { limit, cursor, ...filter }: z.output<typeof strategiesQuery>, @OrStale() or: StaleAnswer) {
    return or.from(this.stale, 'strategies', async () => pageOf(await this.strategies.list(filter, limit, cursor), limit, toStrategy),
      (kept: KeptStrategy[]) => pageOf(keptPage(kept, filter, limit, cursor), limit, ({ strategy }) => strategy));
  }

  @Get(':strategyId')
  @Allow({ person: 'viewer', agent: 'any', stale: true })
  @Answers(readStrategySchema)
  get(@Param({ schema: strategyParam }) { strategyId }: StrategyParam, @Tagged() tag: Tagging, @OrStale() or: StaleAnswer) {
    return or.from(this.stale, 'strategies', async () => tag.answer(toStrategy(await this.service.get(strategyId))),
      (kept: KeptStrategy[]) => kept.find(({ strategy }) => strategy.id === strategyId.toLowerCase())?.strategy);
  }

  @Get(':strategyId/versions')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(strategyVersionSchema))
  async versions(@Param({ schema: strategyParam }) { strategyId }: StrategyParam, @Query({ schema: versionsQuery }) { limit, cursor }: z.output<typeof versionsQuery>) {
    await this.service.get(strategyId);
    return pageOf(await this.strategies.versions(strategyId, limit, cursor), limit, toVersion);
  }

  @Put(':strategyId')
  @Allow({ person: 'admin' })
  @Answers(strategySchema)
  async put(@Param({ schema: strategyParam }) { strategyId }: StrategyParam, @Body({ schema: putStrategySchema }) body: z.output<typeof putStrategySchema>, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    match.of({ ...toStrategy(await this.service.get(strategyId)), currency: this.service.currency }, body);
    return match.answer(toStrategy(await this.service.put(caller, strategyId, match.version, body)));
  }

  @Post(':strategyId/retire')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(strategySchema)
  async retire(@Param({ schema: strategyParam }) { strategyId }: StrategyParam, @Body({ schema: retireSchema }) { reason }: z.output<typeof retireSchema>, @CurrentCaller() caller: Caller, @Tagged() tag: Tagging) {
    return tag.answer(toStrategy(await this.service.retire(caller, strategyId, reason ?? null)));
  }
}
