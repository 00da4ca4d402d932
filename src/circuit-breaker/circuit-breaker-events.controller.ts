import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { breakerEventSchema, breakerEventsQuery, reportBreakerEventSchema, toBreakerEvent } from './circuit-breaker-events.schemas.js';
import { CircuitBreakerEventsService } from './circuit-breaker-events.service.js';

@Controller('circuit-breakers/events')
export class CircuitBreakerEventsController {
  constructor(
    private readonly service: CircuitBreakerEventsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ agent: 'records', unlimited: true })
  @Answers(breakerEventSchema, 201)
  report(@Body({ schema: reportBreakerEventSchema }) body: z.output<typeof reportBreakerEventSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toBreakerEvent(await this.service.report(tx, caller, body)));
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(breakerEventSchema))
  async list(@Query({ schema: breakerEventsQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof breakerEventsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list({ ...filter, agentId: agentShown(caller, agentId) }, limit, cursor), limit, toBreakerEvent);
  }
}
