import type { Query } from './session.js';

export interface MonthRow {
  /** First day, UTC. */
  month: string;
  /** What the planner thinks; -1: never counted. */
  rows_about: number;
  bytes: number;
  /** All of it is older than what is asked for. */
  is_due: boolean;
}

export interface Removed {
  rows?: number;
  held?: string;
  gone?: boolean;
}

/** The months that a table has, oldest first. @param before what lies before it is too old */
export const monthsOf = (query: Query, parent: string, before: string): Promise<MonthRow[]> =>
  query<MonthRow>(
    `select month, rows_about, bytes, (month::date + interval '1 month')::date::timestamp at time zone 'UTC' <= $2::timestamptz as is_due from (
       select replace(right(c.relname, 7), 'm', '-') || '-01' as month, c.reltuples::bigint as rows_about, pg_total_relation_size(c.oid)::bigint as bytes
       from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass and c.relname ~ ('^' || $1 || '_y[0-9]{4}m[0-9]{2}$')
     ) m order by month`,
    [parent, before],
  );

/** Why a month stays; null: it may go. */
export async function holdOf(query: Query, parent: string, month: string, quietBefore: string): Promise<string | null> {
  const [row] = await query<{ held: string | null }>(`select retention_hold($1, $2::date, $3::timestamptz) as held`, [parent, month, quietBefore]);
  return row?.held ?? null;
}

/** What is looked at under the lock has an index, which a planner that never counted the month would not take: a second for each million rows. */
const BY_INDEX = 'set local enable_seqscan = off';

export async function dropMonth(query: Query, parent: string, month: string, quietBefore: string, archive: string | null): Promise<Removed> {
  await query(BY_INDEX);
  const [row] = await query<{ done: Removed }>(`select retention_drop_month($1, $2::date, $3::timestamptz, $4::uuid) as done`, [parent, month, quietBefore, archive]);
  return row?.done ?? {};
}

/** Months of marks that are to be thinned, or again, since a trade that was kept whole is finished now. */
export const monthsToThin = (query: Query, before: string): Promise<{ month: string }[]> =>
  query(
    `select m.month from (
       select replace(right(c.relname, 7), 'm', '-') || '-01' as month from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'trade_marks'::regclass and c.relname ~ '^trade_marks_y[0-9]{4}m[0-9]{2}$'
     ) m left join lateral (select action, kept_trades from retention_months r where r.parent = 'trade_marks' and r.month = m.month::date order by r.seq desc limit 1) last on true
     where (m.month::date + interval '1 month')::date::timestamp at time zone 'UTC' <= $1::timestamptz
       and (last.action is distinct from 'thinned' or exists (select from trades t where t.id = any(last.kept_trades) and t.finished_at is not null))
     order by m.month`,
    [before],
  );

/** Whether marks of the month came since: then it is not thinned yet. */
export async function hasLateMarks(query: Query, month: string, since: string): Promise<boolean> {
  const [row] = await query<{ late: boolean }>(
    `select exists (select from trade_marks where quoted_at >= $1::date::timestamp at time zone 'UTC' and quoted_at < ($1::date + interval '1 month')::timestamp at time zone 'UTC' and recorded_at >= $2::timestamptz) as late`,
    [month, since],
  );
  return row?.late ?? true;
}

export async function thinSome(query: Query, month: string, trades: number): Promise<boolean> {
  const [row] = await query<{ more: boolean }>(`select retention_thin_some($1::date, $2) as more`, [month, trades]);
  return row?.more ?? false;
}

export async function thinSwap(query: Query, month: string): Promise<Removed> {
  await query(BY_INDEX);
  const [row] = await query<{ done: Removed }>(`select retention_thin_swap($1::date) as done`, [month]);
  return row?.done ?? {};
}
