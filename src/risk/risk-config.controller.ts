import { Body, Controller, Get, Put, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IfMatch, type Precondition, Tagged, type Tagging } from '../common/http/if-match.js';
import { OrStale, type StaleAnswer } from '../common/http/stale.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { StaleReading } from '../database/stale-reading.js';
import { RiskConfigRepository } from './risk-config.repository.js';
import { historyQuery, historySchema, putRiskConfigSchema, readRiskConfigSchema, riskConfigSchema, toHistory } from './risk-config.schemas.js';
import { RiskConfigService } from './risk-config.service.js';

@Controller('risk-config')
export class RiskConfigController {
  constructor(
    private readonly service: RiskConfigService,
    private readonly config: RiskConfigRepository,
    private readonly stale: StaleReading,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any', stale: true })
  @Answers(readRiskConfigSchema)
  get(@Tagged() tag: Tagging, @OrStale() or: StaleAnswer) {
    return or.from(this.stale, 'risk-config', async () => tag.answer(await this.service.get()), (kept: z.output<typeof riskConfigSchema>) => kept);
  }

  @Put()
  @Allow({ person: 'admin' })
  @Answers(riskConfigSchema)
  async put(@Body({ schema: putRiskConfigSchema }) body: z.output<typeof putRiskConfigSchema>, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return match.answer(await this.service.put(caller, match.of(await this.service.get(), body).version, body));
  }

  @Get('history')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(historySchema))
  async history(@Query({ schema: historyQuery }) { limit, cursor }: z.output<typeof historyQuery>) {
    return pageOf(await this.config.history(limit, cursor), limit, toHistory);
  }
}
