import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { inOrder } from '../common/time-window.js';
import { tradesFilter } from '../trades/trades.schemas.js';
import { TradeExport } from './trade-export.service.js';

const exportQuery = z.strictObject(tradesFilter).superRefine(inOrder);

@Controller('trades/export')
export class TradeExportController {
  constructor(private readonly trades: TradeExport) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @ApiProduces('text/csv')
  @Answers(z.string())
  download(@Query({ schema: exportQuery }) { agentId, ...filter }: z.output<typeof exportQuery>, @CurrentCaller() caller: Caller, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.trades.send(reply, { ...filter, agentId: agentShown(caller, agentId) }, request.method === 'HEAD');
  }
}
