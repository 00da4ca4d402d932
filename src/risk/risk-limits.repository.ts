import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { LIMIT_COLUMNS, rowOf } from '../limits/limit-fields.js';
import type { HistoryRow, WrittenLimits } from './risk-config.repository.js';

export const SCOPES = ['account', 'agent', 'strategy'] as const;
export type Scope = (typeof SCOPES)[number];

/** With the columns of the limits: `valuesOf` reads them. */
export interface RiskLimitsRow {
  account_id: string | null;
  agent_id: string | null;
  strategy_id: string | null;
  version: number;
  /** Of the amounts: the account's, or BASE_CURRENCY, as it was when they were written. */
  currency: string;
  updated_at: string;
  updated_by: string;
}

/** Whose limits count; absent or null: nobody's of that kind. */
export type LimitedBy = { [S in Scope]?: string | null };

const COLUMN = { account: 'account_id', agent: 'agent_id', strategy: 'strategy_id' } as const;

@Injectable()
export class RiskLimitsRepository {
  constructor(private readonly dataSource: DataSource) {}

  of({ account = null, agent = null, strategy = null }: LimitedBy, tx: Tx = this.dataSource.manager): Promise<RiskLimitsRow[]> {
    return tx.sql`select * from risk_limits where account_id = ${account}::uuid or agent_id = ${agent}::uuid or strategy_id = ${strategy}::uuid`;
  }

  ofAccounts(tx: Tx, ids: readonly string[]): Promise<RiskLimitsRow[]> {
    return tx.sql`select * from risk_limits where account_id = any(${ids}::uuid[])`;
  }

  /** For a decision: until the transaction ends nobody changes these limits, nor gives some to who has none yet. Read after risk_config, before the strategy. */
  forShare(tx: Tx, { account = null, agent = null, strategy = null }: LimitedBy): Promise<RiskLimitsRow[]> {
    return tx.sql`select * from risk_limits where account_id = ${account}::uuid or agent_id = ${agent}::uuid or strategy_id = ${strategy}::uuid for share`;
  }

  /** Of the table: a decision that found no row must be waited for like one that found it. Plain reads go on. */
  async lock(tx: Tx): Promise<void> {
    await tx.sql`lock table risk_limits in exclusive mode`;
  }

  /** @param version of the row that is made or changed */
  async write(tx: Tx, scope: Scope, id: string, version: number, { values, changed, effect, currency, reason, actor, correlationId }: WrittenLimits): Promise<RiskLimitsRow> {
    const [row] = await tx.sql<RiskLimitsRow[]>`
      with written as (
        insert into risk_limits (${() => COLUMN[scope]}, version, currency, updated_by, ${() => LIMIT_COLUMNS})
        select ${id}::uuid, ${version}::int, ${currency}, ${actor}, ${() => LIMIT_COLUMNS} from jsonb_populate_record(null::risk_limits, ${JSON.stringify(rowOf(values))}::jsonb)
        on conflict (${() => COLUMN[scope]}) do update set (version, currency, updated_by, updated_at, ${() => LIMIT_COLUMNS}) =
          row (excluded.version, excluded.currency, excluded.updated_by, app_clock(), ${() => LIMIT_COLUMNS.replace(/\w+/g, 'excluded.$&')})
        returning *
      ), kept as (
        insert into risk_limits_history (scope, scope_id, version, content, changed, effect, currency, reason, actor, correlation_id)
        select ${scope}, ${id}::uuid, ${version}::int, ${JSON.stringify(values)}::jsonb, ${JSON.stringify(changed)}::jsonb, ${effect}, ${currency}, ${reason}, ${actor}, ${correlationId}
      ) select * from written`;
    if (!row) throw new Error('the limits were not written');
    return row;
  }

  /** Newest first. */
  history(id: string, limit: number, before: string | undefined): Promise<HistoryRow[]> {
    return this.dataSource.sql`
      select * from risk_limits_history where scope_id = ${id} and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint)
      order by seq desc limit ${limit + 1}`;
  }
}
