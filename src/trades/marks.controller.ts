import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { createMarksBatchSchema, createMarksSchema, markRowSchema, marksQuery, takenMarksSchema, toMark } from './marks.schemas.js';
import { MarksService } from './marks.service.js';
import { tradeParam } from './trades.schemas.js';

type TradeParam = z.output<typeof tradeParam>;

@Controller('trades')
export class MarksController {
  constructor(private readonly service: MarksService) {}

  @Post('marks/batch')
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(takenMarksSchema)
  async takeMany(@Body({ schema: createMarksBatchSchema }) { items }: z.output<typeof createMarksBatchSchema>, @CurrentCaller() caller: Caller) {
    return { items: await this.service.take(caller, items, (index) => `items.${index}.tradeId`) };
  }

  @Post(':tradeId/marks')
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(takenMarksSchema)
  async take(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Body({ schema: createMarksSchema }) body: z.output<typeof createMarksSchema>, @CurrentCaller() caller: Caller) {
    const marks = ('items' in body ? body.items : [body]).map((mark) => ({ ...mark, tradeId }));
    return { items: await this.service.take(caller, marks, () => '') };
  }

  @Get(':tradeId/marks')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(markRowSchema))
  async list(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Query({ schema: marksQuery }) { limit, cursor, ...window }: z.output<typeof marksQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list(caller, tradeId, window, limit, cursor), limit, toMark);
  }
}
