import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { timeText } from '../database/answer-text.js';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import { FINISHED_STATUSES, type FinishedStatus } from './inbox/finished.repository.js';

export const ALERT_STATUSES = ['received', ...FINISHED_STATUSES] as const;
export type AlertStatus = (typeof ALERT_STATUSES)[number];

export interface AlertRow {
  id: string; seq: number; source_id: string; key_kind: 'explicit' | 'bar' | 'content' | 'bytes'; content_type: string | null; sender: string | null; symbol: string;
  correlation_id: string | null; received_at: string; status: AlertStatus; run: number; redriven_at: string | null; redriven_by: string | null; is_exit: boolean | null; attempts: number;
  next_attempt_at: string; first_failed_at: string | null; code: string | null; detail: string | null; finished_at: string | null; duplicate_count: number; last_duplicate_at: string | null; body_removed_at: string | null;
}

export interface RunRow {
  run: number; status: FinishedStatus; code: string | null; detail: string | null; outcome: Record<string, unknown> | null; actor: string; at: string;
}

export interface WholeAlert extends AlertRow {
  body: Buffer;
  signal: Record<string, unknown> | null;
  outcome: Record<string, unknown> | null;
  runs: RunRow[];
  ideas: { id: string; run: number; status: string }[];
  closures: { id: string; tradeId: string; endedAs: string | null }[];
}

export interface AlertFilter {
  status?: AlertStatus | undefined;
  sourceId?: string | undefined;
  symbol?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

export interface RedriveFilter extends Omit<AlertFilter, 'status'> {
  statuses: readonly FinishedStatus[];
  code?: string | undefined;
}

const COLUMNS = `id, seq, source_id, key_kind, content_type, sender, symbol, correlation_id, received_at, status, run, redriven_at, redriven_by, is_exit, attempts, next_attempt_at,
  first_failed_at, code, detail, finished_at, duplicate_count, last_duplicate_at, body_removed_at`;
const LEADS = ['source_id', 'symbol', 'status'];
/**
 * Numbers run with the time of receipt but for those that arrived together, and for a clock that was set back: so many of them are looked at beyond the
 * ends of a window of time. A list by number would otherwise read all that is newer than its window. Alerts of an import have
 * high numbers and old times: once there was one, numbers bound nothing.
 */
const BEYOND = 10_000;
const RUNS_SHOWN = 20;
const LINKS_SHOWN = 100;

@Injectable()
export class AlertsRepository {
  constructor(private readonly dataSource: DataSource) {}

  list({ status, sourceId, symbol, from, to }: AlertFilter, limit: number, before: string | undefined): Promise<AlertRow[]> {
    const lead = leadOf(LEADS, { source_id: sourceId, symbol, status });
    return this.dataSource.sql`
      select ${() => COLUMNS} from alerts
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('source_id')}::uuid is null or source_id = ${lead.rest('source_id')}::uuid)
        and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${lead.rest('status')}::text is null or status = ${lead.rest('status')}::text)
        and received_at >= coalesce(${from ?? null}::timestamptz, '-infinity') and received_at < coalesce(${to ?? null}::timestamptz, 'infinity')
        and seq >= coalesce(case when ${from ?? null}::timestamptz is null or exists (select from import_runs) then 0 end,
          (select seq from alerts where received_at >= ${from ?? null}::timestamptz order by received_at, seq limit 1) - ${BEYOND}::bigint, 9223372036854775807)
        and seq <= coalesce(case when ${to ?? null}::timestamptz is null or exists (select from import_runs) then 9223372036854775807 end,
          (select seq from alerts where received_at < ${to ?? null}::timestamptz order by received_at desc, seq desc limit 1) + ${BEYOND}::bigint, 0)
        and seq < coalesce(${before ?? null}::bigint, 9223372036854775807)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }

  async byId(id: string): Promise<WholeAlert | null> {
    const [row] = await this.dataSource.sql<WholeAlert[]>`
      select ${() => COLUMNS}, body, signal, outcome,
        (select coalesce(jsonb_agg(jsonb_build_object('run', run, 'status', status, 'code', code, 'detail', detail, 'outcome', outcome, 'actor', actor,
            'at', ${() => timeText('at')}) order by run desc), '[]')
          from (select * from alert_runs r where r.alert_id = a.id order by run desc limit ${RUNS_SHOWN}) r) as runs,
        (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'run', alert_run, 'status', status) order by alert_run desc), '[]')
          from (select * from trade_ideas i where i.alert_id = a.id order by alert_run desc limit ${LINKS_SHOWN}) i) as ideas,
        (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'tradeId', trade_id, 'endedAs', ended_as) order by seq desc), '[]')
          from (select * from closures c where c.alert_id = a.id order by seq desc limit ${LINKS_SHOWN}) c) as closures
      from alerts a where id = ${id}`;
    return row ?? null;
  }

  /** Waits until it is not being worked on: what that does decides whether it may be redriven. */
  async lock(tx: Tx, id: string): Promise<Pick<AlertRow, 'status' | 'run' | 'body_removed_at'> | null> {
    const [row] = await tx.sql<AlertRow[]>`select status, run, body_removed_at from alerts where id = ${id} for no key update`;
    return row ?? null;
  }

  /** Oldest first, and no more than `limit`; locked until the transaction ends. */
  async toRedrive(tx: Tx, { statuses, sourceId, symbol, from, to, code }: RedriveFilter, limit: number): Promise<string[]> {
    const rows: { id: string }[] = await tx.sql`
      select id from alerts where seq = any(array(
        select found.seq from unnest(${statuses}::text[]) as wanted (status) cross join lateral (
          select seq from alerts a where a.status = wanted.status and a.body_removed_at is null
            and (${sourceId ?? null}::uuid is null or source_id = ${sourceId ?? null}::uuid) and (${symbol ?? null}::text is null or symbol = ${symbol ?? null}::text)
            and (${code ?? null}::text is null or code = ${code ?? null}::text)
            and received_at >= coalesce(${from ?? null}::timestamptz, '-infinity') and received_at < coalesce(${to ?? null}::timestamptz, 'infinity')
          order by seq limit ${limit}
        ) found order by found.seq limit ${limit}
      )) order by seq for no key update`;
    return rows.map(({ id }) => id);
  }

  /** Begins another run of each: read and mapped anew, with its attempts anew. What earlier runs did stays in their history. Returns how many. */
  async redrive(tx: Tx, ids: readonly string[], from: readonly FinishedStatus[], actor: string, correlationId: string, reason: string | null): Promise<number> {
    const rows: unknown[] = await tx.sql`
      with again as (
        update alerts set status = 'received', run = run + 1, signal = null, is_exit = null, attempts = 0, first_failed_at = null, next_attempt_at = app_clock(), code = null, detail = null,
          outcome = null, finished_at = null, redriven_at = app_clock(), redriven_by = ${actor}
        where id = any(${ids}::uuid[]) and status = any(${from}::text[]) and body_removed_at is null returning *
      ), logged as (
        insert into events (type, subject_id, agent_id, account_id, actor, correlation_id, data)
        select 'alert.redriven', e.id, s.executor_agent_id, g.account_id, ${actor}, ${correlationId}::text, jsonb_build_object('sourceId', e.source_id, 'symbol', e.symbol, 'run', e.run, 'reason', ${reason}::text)
        from again e join webhook_sources s on s.id = e.source_id left join agents g on g.id = s.executor_agent_id order by e.seq
      ) select 1 from again`;
    return rows.length;
  }
}
