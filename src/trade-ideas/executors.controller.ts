import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { uuid } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { ExecutorsService } from './executors.service.js';

const EXECUTORS_MAX = 500;
const executorsSchema = z.strictObject({ executorAgentIds: z.array(uuid()).max(EXECUTORS_MAX).transform((ids) => [...new Set(ids)]).describe('whole: who is left out is taken away; the agent itself needs no mention') });
const shownExecutorsSchema = z.object({ executorAgentIds: z.array(z.uuid()) });
type AgentParam = z.output<typeof agentParam>;

/** For whom an agent's key may propose. */
@Controller('agents/:agentId/executors')
export class ExecutorsController {
  constructor(private readonly service: ExecutorsService) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(shownExecutorsSchema)
  get(@Param({ schema: agentParam }) { agentId }: AgentParam) {
    return this.service.get(agentId);
  }

  @Put()
  @Allow({ person: 'admin' })
  @Answers(shownExecutorsSchema)
  put(@Param({ schema: agentParam }) { agentId }: AgentParam, @Body({ schema: executorsSchema }) body: z.output<typeof executorsSchema>, @CurrentCaller() caller: Caller) {
    return this.service.put(caller, agentId, body.executorAgentIds);
  }
}
