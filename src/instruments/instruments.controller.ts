import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import {
  changeInstrumentSchema, instrumentParam, instrumentSchema, instrumentsQuery, toInstrument, toVersion, uploadedManySchema, uploadedSchema,
  uploadInstrumentSchema, uploadInstrumentsSchema, versionSchema, versionsQuery,
} from './instruments.schemas.js';
import { InstrumentsService } from './instruments.service.js';

type InstrumentParam = z.output<typeof instrumentParam>;

@Controller('instruments')
export class InstrumentsController {
  constructor(
    private readonly service: InstrumentsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(uploadedSchema, 201)
  @Answers(uploadedSchema, 200)
  upload(@Body({ schema: uploadInstrumentSchema }) { accountId, ...item }: z.output<typeof uploadInstrumentSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => {
      const [uploaded] = await this.service.upload(tx, caller, accountId, [item], true);
      if (!uploaded) throw new Error('the instrument was not stored');
      return { ...toInstrument(uploaded.row), outcome: uploaded.outcome };
    }, { status: ({ outcome }) => (outcome === 'created' ? 201 : 200) });
  }

  @Post('batch')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(uploadedManySchema, 201)
  @Answers(uploadedManySchema, 200)
  uploadMany(@Body({ schema: uploadInstrumentsSchema }) { accountId, items }: z.output<typeof uploadInstrumentsSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => {
      const uploaded = await this.service.upload(tx, caller, accountId, items, false);
      return { items: uploaded.map(({ row: { id, symbol, exchange, product, version }, outcome }) => ({ id, symbol, exchange, product, version, outcome })) };
    }, { status: (body) => (body.items.some(({ outcome }) => outcome === 'created') ? 201 : 200) });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(instrumentSchema))
  async list(@Query({ schema: instrumentsQuery }) { limit, cursor, ...filter }: z.output<typeof instrumentsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list(caller, filter, limit, cursor), limit, toInstrument);
  }

  @Get(':instrumentId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(instrumentSchema)
  async get(@Param({ schema: instrumentParam }) { instrumentId }: InstrumentParam, @CurrentCaller() caller: Caller) {
    return toInstrument(await this.service.get(caller, instrumentId));
  }

  @Get(':instrumentId/versions')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(versionSchema))
  async versions(@Param({ schema: instrumentParam }) { instrumentId }: InstrumentParam, @Query({ schema: versionsQuery }) { limit, cursor }: z.output<typeof versionsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.versions(caller, instrumentId, limit, cursor), limit, toVersion);
  }

  @Patch(':instrumentId')
  @Allow({ person: 'operator' })
  @Answers(instrumentSchema)
  async change(@Param({ schema: instrumentParam }) { instrumentId }: InstrumentParam, @Body({ schema: changeInstrumentSchema }) body: z.output<typeof changeInstrumentSchema>, @CurrentCaller() caller: Caller) {
    return toInstrument(await this.service.change(caller, instrumentId, body));
  }
}
