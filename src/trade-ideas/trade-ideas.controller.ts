import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { ApprovalsService } from './approvals.service.js';
import { IdeasService } from './ideas.service.js';
import { approveSchema, ideaDetailSchema, ideaSchema, ideasQuery, proposedSchema, proposeQuery, proposeSchema, type Proposal, rejectSchema, toIdea } from './trade-ideas.schemas.js';
import { WaitingIdeas } from './waiting.service.js';

type Id = { id: string };

@Controller('trade-ideas')
export class TradeIdeasController {
  constructor(
    private readonly ideas: IdeasService,
    private readonly approvals: ApprovalsService,
    private readonly waiting: WaitingIdeas,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'operator', agent: 'ideas' })
  @Answers(proposedSchema, 201)
  async propose(@Body({ schema: proposeSchema }) body: Proposal, @Query({ schema: proposeQuery }) { lease }: z.output<typeof proposeQuery>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    const answer = await once.run(this.idempotency, (tx) => this.ideas.propose(tx, caller, body, lease === '1'), { stillGiven: (stored) => this.ideas.stillGiven(caller, stored) });
    if (answer.decidedAt === null) this.waiting.ask();
    return answer;
  }

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(ideaSchema))
  async list(@Query({ schema: ideasQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof ideasQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.ideas.list({ ...filter, agentId: agentShown(caller, agentId) }, limit, cursor), limit, toIdea);
  }

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(ideaDetailSchema)
  get(@Param({ schema: idParam() }) { id }: Id, @CurrentCaller() caller: Caller) {
    return this.ideas.get(caller, id);
  }

  @Post(':id/approve')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(ideaSchema)
  async approve(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: approveSchema }) { digest, reason }: z.output<typeof approveSchema>, @CurrentCaller() caller: Caller) {
    return toIdea(await this.approvals.approve(caller, id, digest, reason ?? null));
  }

  @Post(':id/reject')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(ideaSchema)
  async reject(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: rejectSchema }) { reason }: z.output<typeof rejectSchema>, @CurrentCaller() caller: Caller) {
    return toIdea(await this.approvals.reject(caller, id, reason));
  }

  @Post(':id/release')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(ideaSchema)
  async release(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: rejectSchema }) { reason }: z.output<typeof rejectSchema>, @CurrentCaller() caller: Caller) {
    return toIdea(await this.approvals.release(caller, id, reason));
  }
}
