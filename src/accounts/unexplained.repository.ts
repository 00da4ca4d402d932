import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { timeText } from '../database/answer-text.js';
import { LATE_MOST } from './account-reports.repository.js';
import type { Tx } from '../database/transaction.js';
import type { Book } from './account-days.repository.js';
import { DAYS } from './day-figures.js';

export interface GapRow extends Book {
  seq: string;
  currency: string;
  account_name: string;
  day: string;
  starts_at: string;
  opening_balance: string | null;
  unexplained: string | null;
  unpriced: number;
  facts: number;
  /** Facts were told since its ends were worked out. */
  changed: boolean;
  tells_trades: boolean;
  seconds: number | null;
  told: { unexplained: string; acknowledged: boolean } | null;
  is_past: boolean;
}

/** A fact of its last moment may be told so long after it, and a day more is for people. */
const PAST_AFTER = `interval '${LATE_MOST}' + interval '1 day'`;
const SUBJECT = `d.account_id || ':' || d.execution_mode || ':' || ${timeText('d.starts_at', 's')}`;

/** Days of which something may have to be told, or is. */
const GAPS = `
  select d.seq::text as seq, d.account_id, d.execution_mode, c.currency, c.name as account_name, d.day::text as day, d.starts_at, d.opening_balance, gap.unexplained,
    made.unpriced::int as unpriced, made.facts::int as facts, (made.amount, made.facts) is distinct from (d.settled_profit, d.settled_facts) as changed,
    exists (select 1 from trades t where t.account_id = d.account_id and t.execution_mode = d.execution_mode) as tells_trades,
    extract(epoch from app_clock() - d.unexplained_since)::float8 as seconds,
    case when i.id is not null then jsonb_build_object('unexplained', i.data ->> 'unexplained', 'acknowledged', i.acknowledged_at is not null) end as told,
    d.ends_at < app_clock() - (${PAST_AFTER}) as is_past
  from ${DAYS} left join incidents i on i.kind = 'UNEXPLAINED_BALANCE' and i.subject_type = 'account_day' and i.subject_id = ${SUBJECT} and i.resolved_at is null`;

@Injectable()
export class UnexplainedRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Those of the last eight days, and those that people were told of, where a gap is, was, or facts came. */
  due(after: string, limit: number): Promise<GapRow[]> {
    return this.dataSource.sql`
      with asked as materialized (
        select seq from account_days where ends_at >= app_clock() - (${() => PAST_AFTER})
        union select d.seq from incidents i join account_days d on d.account_id = i.account_id and d.execution_mode = i.data ->> 'executionMode' and d.starts_at = (i.data ->> 'startsAt')::timestamptz
          where i.kind = 'UNEXPLAINED_BALANCE' and i.resolved_at is null
      )
      select * from (${() => GAPS} where d.seq > ${after}::bigint and d.seq in (select seq from asked)) g
      where changed or told is not null or seconds is not null or unexplained <> 0 order by g.seq::bigint limit ${limit}`;
  }

  async bySeq(tx: Tx, seq: string): Promise<GapRow | null> {
    const [row] = await tx.sql<GapRow[]>`${() => GAPS} where d.seq = ${seq}::bigint`;
    return row ?? null;
  }

  /** From now on unless it is noted already. */
  async note(tx: Tx, seq: string, isThere: boolean): Promise<void> {
    await tx.sql`
      update account_days set unexplained_since = case when ${isThere} then coalesce(unexplained_since, app_clock()) end
      where seq = ${seq}::bigint and (unexplained_since is not null) <> ${isThere}`;
  }
}

/** What an incident is about: one day of one book. */
export const subjectOf = ({ account_id, execution_mode, starts_at }: Pick<GapRow, 'account_id' | 'execution_mode' | 'starts_at'>): string =>
  `${account_id}:${execution_mode}:${new Date(starts_at).toISOString().replace('.000Z', 'Z')}`;
