import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { reconcileAnswerSchema, type ReconcileBody, reconcileSchema } from './reconcile.schemas.js';
import { ReconcileService } from './reconcile.service.js';

@Controller('agents')
export class ReconcileController {
  constructor(private readonly service: ReconcileService) {}

  @Post(':agentId/reconcile')
  @HttpCode(200)
  @Allow({ agent: 'records' })
  @Answers(reconcileAnswerSchema)
  reconcile(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: reconcileSchema }) body: ReconcileBody, @CurrentCaller() caller: Caller) {
    return this.service.reconcile(caller, agentId, body);
  }
}
