import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import type { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { checkAnswerSchema, type CheckBody, checkSchema } from './agent-check.schemas.js';
import { AgentCheckService } from './agent-check.service.js';

@Controller('agents/:agentId/check')
export class AgentCheckController {
  constructor(private readonly service: AgentCheckService) {}

  @Post()
  @HttpCode(200)
  @Allow({ person: 'operator', agent: 'any', unlimited: true })
  @Answers(checkAnswerSchema)
  check(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: checkSchema }) body: CheckBody, @CurrentCaller() caller: Caller) {
    return this.service.check(caller, agentId, body);
  }
}
