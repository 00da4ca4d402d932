import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { createQuotesSchema, quoteSchema, quotesQuery, takenQuotesSchema, toQuote } from './quotes.schemas.js';
import { QuotesService } from './quotes.service.js';

@Controller('quotes')
export class QuotesController {
  constructor(private readonly service: QuotesService) {}

  @Post()
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(takenQuotesSchema)
  async take(@Body({ schema: createQuotesSchema }) body: z.output<typeof createQuotesSchema>, @CurrentCaller() caller: Caller) {
    return { items: await this.service.take(caller, body) };
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(quoteSchema))
  async list(@Query({ schema: quotesQuery }) { limit, cursor, accountId, symbol }: z.output<typeof quotesQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list(caller, accountId, symbol, limit, cursor), limit, toQuote);
  }
}
