import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import {
  answeredTradeSchema, createTradeSchema, toAnsweredTrade, toTrade, toTradeDetail, toTransition, tradeDetailSchema, tradeParam, tradeSchema,
  tradesQuery, transitionRowSchema, transitionSchema, transitionsQuery,
} from './trades.schemas.js';
import { TradesService } from './trades.service.js';
import { TransitionsService } from './transitions.service.js';

type TradeParam = z.output<typeof tradeParam>;

@Controller('trades')
export class TradesController {
  constructor(
    private readonly service: TradesService,
    private readonly transitionsService: TransitionsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ agent: 'records' })
  @Answers(answeredTradeSchema, 201)
  @Answers(answeredTradeSchema, 200)
  create(@Body({ schema: createTradeSchema }) body: z.output<typeof createTradeSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toAnsweredTrade(await this.service.create(tx, caller, body)), {
      status: ({ repeated }) => (repeated ? 200 : 201),
    });
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(tradeSchema))
  async list(@Query({ schema: tradesQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof tradesQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.list({ ...filter, agentId: agentShown(caller, agentId) }, limit, cursor), limit, toTrade);
  }

  @Get(':tradeId')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(tradeDetailSchema)
  async get(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @CurrentCaller() caller: Caller) {
    const { trade, explanations } = await this.service.getWithExplanations(caller, tradeId);
    return toTradeDetail(trade, explanations);
  }

  @Get(':tradeId/transitions')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(transitionRowSchema))
  async transitions(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Query({ schema: transitionsQuery }) { limit, cursor }: z.output<typeof transitionsQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.service.transitions(caller, tradeId, limit, cursor), limit, toTransition);
  }

  @Post(':tradeId/transitions')
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(answeredTradeSchema)
  transition(@Param({ schema: tradeParam }) { tradeId }: TradeParam, @Body({ schema: transitionSchema }) body: z.output<typeof transitionSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, async (tx) => toAnsweredTrade(await this.transitionsService.apply(tx, caller, tradeId, body)), { status: () => 200 });
  }
}
