import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { PositionsRepository } from './positions.repository.js';
import { heldQuery, positionSchema, toPosition, toWorkingOrder, workingOrderSchema } from './positions.schemas.js';
import { PositionsService } from './positions.service.js';
import { reportAnswerSchema, reportSchema } from './reports.schemas.js';
import { ReportsService } from './reports.service.js';

@Controller()
export class PositionsController {
  constructor(
    private readonly service: PositionsService,
    private readonly positions: PositionsRepository,
    private readonly reports: ReportsService,
  ) {}

  @Post('agents/:agentId/positions')
  @HttpCode(200)
  @Allow({ agent: 'records' })
  @Answers(reportAnswerSchema)
  report(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: reportSchema }) body: z.output<typeof reportSchema>, @CurrentCaller() caller: Caller) {
    return this.reports.report(caller, agentId, body);
  }

  @Get('positions')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(positionSchema))
  async list(@Query({ schema: heldQuery }) { limit, cursor, ...filter }: z.output<typeof heldQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.positions.positions(await this.service.shown(caller, filter), limit, cursor), limit, toPosition);
  }

  @Get('positions/orders')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(workingOrderSchema))
  async listOrders(@Query({ schema: heldQuery }) { limit, cursor, ...filter }: z.output<typeof heldQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.positions.orders(await this.service.shown(caller, filter), limit, cursor), limit, toWorkingOrder);
  }
}
