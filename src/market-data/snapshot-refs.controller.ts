import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { Idempotency } from '../database/idempotency.js';
import { createRefSchema, refSchema, toRef } from './snapshot-refs.schemas.js';
import { SnapshotRefsService } from './snapshot-refs.service.js';

const refParam = idParam();

@Controller('snapshots/refs')
export class SnapshotRefsController {
  constructor(
    private readonly service: SnapshotRefsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(refSchema, 201)
  create(@Body({ schema: createRefSchema }) { items }: z.output<typeof createRefSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toRef(await this.service.create(tx, caller, items)));
  }

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(refSchema)
  async get(@Param({ schema: refParam }) { id }: z.output<typeof refParam>, @CurrentCaller() caller: Caller) {
    return toRef(await this.service.get(caller, id));
  }
}
