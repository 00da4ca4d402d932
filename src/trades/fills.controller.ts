import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { createFillsSchema, fillRowSchema, fillsQuery, madeSome, storedFillsSchema, toFill, toStoredFills } from './fills.schemas.js';
import { FillsService } from './fills.service.js';
import { tradeParam } from './trades.schemas.js';

type TradeParam = z.output<typeof tradeParam>;

@Controller('trades/:tradeId/fills')
export class FillsController {
  constructor(
    private readonly service: FillsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedFillsSchema, 201)
  @Answers(storedFillsSchema, 200)
  create(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Body({ schema: createFillsSchema }) body: z.output<typeof createFillsSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    const [fills, isList] = 'items' in body ? [body.items, true] : [[body], false];
    return once.run(this.idempotency, async (tx) => toStoredFills(await this.service.add(tx, caller, tradeId, fills, isList)), {
      status: (answer) => (madeSome(answer) ? 201 : 200),
    });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(fillRowSchema))
  async list(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Query({ schema: fillsQuery }) { limit, cursor }: z.output<typeof fillsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list(caller, tradeId, limit, cursor), limit, toFill);
  }
}
