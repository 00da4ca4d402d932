import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { forbidden, notFound } from '../common/problem.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type HeldFilter, PositionsRepository } from './positions.repository.js';

const CLOSE_EVERY_SECONDS = 60;
const ABOUT_TRADES = ['EXTERNAL_POSITION', 'EXTERNAL_ORDER', 'POSITION_MISSING'] as const;

type Asked = Omit<HeldFilter, 'account' | 'reader'> & { account?: string | undefined };

@Injectable()
export class PositionsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly positions: PositionsRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(CLOSE_EVERY_SECONDS, 'positions.close-incidents', () => this.closeEnded());
  }

  /** What a caller may see: people everything, a key its own account. @throws {Problem} 404, 403 NOT_YOUR_ACCOUNT, NOT_YOUR_AGENT */
  async shown(caller: Caller, { account, ...filter }: Asked): Promise<HeldFilter> {
    const { principal } = caller;
    if (principal.kind === 'agent' && filter.agentId !== undefined) mustOwn(caller, filter.agentId);
    const asked = account === undefined ? null : await this.positions.accountId(account);
    if (principal.kind !== 'agent') {
      if (account !== undefined && asked === null) throw notFound('account');
      return { ...filter, account: asked, reader: null };
    }
    const own = await this.positions.accountOfAgent(principal.agentId);
    if (own === null) throw notFound('agent');
    if (account !== undefined && asked !== own) throw forbidden('NOT_YOUR_ACCOUNT', 'An agent key sees the account of its own agent only.');
    return { ...filter, account: own, reader: principal.agentId };
  }

  /** A trade ends in many ways, most of them told by its agent: what was to be seen of it before is looked up once a minute. */
  closeEnded(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const ended = await tx.sql<{ kind: (typeof ABOUT_TRADES)[number]; subject_id: string }[]>`
        select i.kind, i.subject_id from incidents i join trades t on t.id = i.subject_id::uuid
        where i.kind = any(${[...ABOUT_TRADES]}::text[]) and i.resolved_at is null
          and (t.finished_at is not null or (i.kind = 'POSITION_MISSING' and t.status <> 'unknown') or (i.kind = 'EXTERNAL_ORDER' and t.status not in ('pending','unknown')))`;
      for (const kind of ABOUT_TRADES) {
        await this.incidents.resolve(tx, null, kind, ended.filter((each) => each.kind === kind).map(({ subject_id: id }) => id), 'the trade has moved on');
      }
    });
  }
}
