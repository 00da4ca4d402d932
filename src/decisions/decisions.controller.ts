import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { rowsThatFit } from '../common/page-bytes.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { badRequest } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DecisionVerifier } from './decision-verifier.js';
import { decisionSchema, decisionsQuery, toDecision, toVerdict, verdictSchema, verifyQuery } from './decisions.schemas.js';
import { DecisionsService } from './decisions.service.js';
import { cursorOf, placeOf } from './verify-cursor.js';

/** Of one part: well before a proxy gives up. */
const VERIFY_MS = 5_000;

const decisionParam = idParam();

@Controller('decisions')
export class DecisionsController {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly service: DecisionsService,
    private readonly verifier: DecisionVerifier,
  ) {}

  @Get()
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(decisionSchema))
  async list(@Query({ schema: decisionsQuery }) { limit, cursor, agentId, accountId, ...filter }: z.output<typeof decisionsQuery>, @CurrentCaller() caller: Caller) {
    const rows = await this.service.list({ ...filter, stream: accountId, agentId: agentShown(caller, agentId) }, limit, cursor);
    return pageOf(rows, rowsThatFit(rows, limit), (row) => toDecision(row, this.service.check(row)));
  }

  @Get('verify')
  @Allow({ person: 'viewer' })
  @Answers(verdictSchema)
  async verify(@Query({ schema: verifyQuery }) { accountId, cursor, rows }: z.output<typeof verifyQuery>) {
    const from = cursor === undefined ? undefined : placeOf(this.env.AUDIT_KEY, accountId, cursor);
    if (from === null) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this check gave', 'cursor');
    const verdict = await this.verifier.verify({ stream: accountId, from, rowsMost: rows, until: performance.now() + VERIFY_MS });
    return toVerdict(verdict, verdict.next && cursorOf(this.env.AUDIT_KEY, accountId, verdict.next));
  }

  @Get(':id')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(decisionSchema)
  async get(@Param({ schema: decisionParam }) { id }: z.output<typeof decisionParam>, @CurrentCaller() caller: Caller) {
    const row = await this.service.get(caller, id);
    return toDecision(row, this.service.check(row));
  }
}
