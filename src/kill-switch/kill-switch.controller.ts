import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { HaltsShownRepository } from './halts-shown.repository.js';
import { haltSchema, haltsQuery, imposeSchema, releaseAnswerSchema, releaseSchema } from './kill-switch.schemas.js';
import { KillSwitchService } from './kill-switch.service.js';

@Controller('kill-switch')
export class KillSwitchController {
  constructor(
    private readonly service: KillSwitchService,
    private readonly shown: HaltsShownRepository,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'operator', agent: 'any', unlimited: true })
  @Answers(haltSchema, 201)
  @Answers(haltSchema, 202)
  async impose(@Body({ schema: imposeSchema }) body: z.output<typeof imposeSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Res({ passthrough: true }) reply: FastifyReply) {
    const { id } = await once.run(this.idempotency, (tx) => this.service.impose(tx, caller, body));
    const halt = await this.service.whenEffective(id);
    if (halt.inForce && halt.effectiveAt === null) void reply.status(202);
    return halt;
  }

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(pageSchema(haltSchema))
  async list(@Query({ schema: haltsQuery }) { limit, cursor, active }: z.output<typeof haltsQuery>) {
    const { items, nextCursor } = pageOf(await this.shown.list(active, limit, cursor), limit, (row) => row);
    const halts = [];
    for (const row of items) halts.push(await this.service.withContext(row));
    return { items: halts, nextCursor };
  }

  @Get(':id')
  @Allow({ person: 'viewer' })
  @Answers(haltSchema)
  get(@Param({ schema: idParam() }) { id }: { id: string }) {
    return this.service.get(id);
  }

  @Post(':id/release')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(releaseAnswerSchema)
  @Answers(releaseAnswerSchema, 202)
  async release(@Param({ schema: idParam() }) { id }: { id: string }, @Body({ schema: releaseSchema }) { reason }: z.output<typeof releaseSchema>, @CurrentCaller() caller: Caller, @Res({ passthrough: true }) reply: FastifyReply) {
    const answer = await this.service.release(caller, id, reason);
    if (answer.waitsFor !== null) void reply.status(202);
    return answer;
  }
}
