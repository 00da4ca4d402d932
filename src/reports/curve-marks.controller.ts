import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { FromReplica } from '../common/http/from-replica.js';
import { AskedAccount } from './asked-account.js';
import { CurveMarksRepository } from './curve-marks.repository.js';
import { curveMarksQuery, curveMarksSchema, MARKS_MOST, toCurveMarks } from './curve-marks.schemas.js';

/** For people: halts and limits of others are none of an agent's business. */
@Controller('reports/curve-marks')
export class CurveMarksController {
  constructor(
    private readonly marks: CurveMarksRepository,
    private readonly accounts: AskedAccount,
  ) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(curveMarksSchema)
  @FromReplica('reports.curve-marks')
  async list(@Query({ schema: curveMarksQuery }) { account, mode, ...window }: z.output<typeof curveMarksQuery>, @CurrentCaller() caller: Caller) {
    const accountId = await this.accounts.idOf(caller, account);
    return toCurveMarks(await this.marks.list({ accountId, mode, from: window.from ?? null, to: window.to ?? null }, MARKS_MOST + 1));
  }
}
