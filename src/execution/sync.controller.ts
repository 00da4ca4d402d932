import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { agentParam } from '../agents/agents.schemas.js';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { DESIRED_STATE_HEADER, desiredStateHeader } from '../common/http/desired-state-header.js';
import { asciiJson } from './ascii-json.js';
import { syncAnswerSchema, syncSchema } from './sync.schemas.js';
import { SyncService } from './sync.service.js';

@Controller('agents')
export class SyncController {
  constructor(private readonly service: SyncService) {}

  @Post(':agentId/sync')
  @HttpCode(200)
  // What it says of the agent and of its commands passes over the limit of a key; the service counts the rest.
  @Allow({ agent: 'any', unlimited: true })
  @Answers(syncAnswerSchema)
  async sync(@Param({ schema: agentParam }) { agentId }: z.output<typeof agentParam>, @Body({ schema: syncSchema }) body: z.output<typeof syncSchema>, @CurrentCaller() caller: Caller, @Res({ passthrough: true }) reply: FastifyReply) {
    const answer = await this.service.sync(caller, agentId, body);
    void reply.header(DESIRED_STATE_HEADER, desiredStateHeader(answer.desiredState)).type('application/json');
    return asciiJson(answer);
  }
}
