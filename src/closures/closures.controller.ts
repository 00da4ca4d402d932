import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown, mustOwn } from '../auth/own-rows.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { notFound } from '../common/problem.js';
import { ClosuresRepository } from './closures.repository.js';
import { closureSchema, closuresQuery, toClosure, withdrawSchema } from './closures.schemas.js';
import { ClosuresService } from './closures.service.js';

@Controller('closures')
export class ClosuresController {
  constructor(
    private readonly service: ClosuresService,
    private readonly closures: ClosuresRepository,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(closureSchema))
  async list(@Query({ schema: closuresQuery }) { limit, cursor, agentId, ...filter }: z.output<typeof closuresQuery>, @CurrentCaller() caller: Caller) {
    return pageOf(await this.closures.list({ ...filter, agentId: agentShown(caller, agentId) ?? undefined }, limit, cursor), limit, toClosure);
  }

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(closureSchema)
  async get(@Param({ schema: idParam() }) { id }: { id: string }, @CurrentCaller() caller: Caller) {
    const closure = await this.closures.byId(id);
    if (!closure) throw notFound('closure');
    mustOwn(caller, closure.agent_id);
    return toClosure(closure);
  }

  @Post(':id/withdraw')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(closureSchema)
  async withdraw(@Param({ schema: idParam() }) { id }: { id: string }, @Body({ schema: withdrawSchema }) { reason }: z.output<typeof withdrawSchema>, @CurrentCaller() caller: Caller) {
    return toClosure(await this.service.withdraw(caller, id, reason));
  }
}
