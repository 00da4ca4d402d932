import type { Tx } from '../database/transaction.js';

/** How deep the queue is, for operators. All numbers are of the whole database, and counted to `COUNTED_TO` at most. */
export interface QueueFigures {
  byStatus: Record<'queued' | 'waiting_for_market' | 'leased' | 'unknown' | 'dead', number>;
  /** Commands that an agent could take now. */
  due: number;
  /** How long the longest of them has waited since it was due; 0 when none is. */
  oldestDueSeconds: number;
}

/** Dead commands have no bound, and neither has a queue that nobody empties: 10,000 are read in 8 ms, 100,000 took 80. */
export const COUNTED_TO = 10_000;

/**
 * Without statistics, or with those of an hour ago, the planner sorts all rows of a status or walks through the
 * finished ones: 960 ms of 2,650,000 rows. Left with the indexes that hold what is asked it stops at the limit. JIT
 * alone would take longer than the statement.
 */
const PLANNER = `set local enable_seqscan = off; set local enable_bitmapscan = off; set local jit = off`;
const SESSION = `${PLANNER}; set local statement_timeout = '800ms'`;

const counted = (status: string) => `(select count(*)::int from (select 1 from agent_commands where status = '${status}' limit ${COUNTED_TO}) one) as ${status}`;
const waiting = (status: string) => `(select status, not_before, expires_at, cancel_requested from agent_commands where status = '${status}' limit ${COUNTED_TO})`;

const FIGURES = `
  with clock as materialized (select app_clock() as at),
  waiting as (
    select w.status, at - not_before as age, not_before <= at and not cancel_requested and (expires_at is null or expires_at > at) as due
    from (${waiting('queued')} union all ${waiting('waiting_for_market')}) w, clock
  )
  select count(*) filter (where status = 'queued')::int as queued, count(*) filter (where status = 'waiting_for_market')::int as waiting_for_market,
    ${counted('leased')}, ${counted('unknown')}, ${counted('dead')},
    count(*) filter (where due)::int as due, coalesce(extract(epoch from max(age) filter (where due)), 0)::float8 as oldest_due_seconds
  from waiting`;

type Row = QueueFigures['byStatus'] & { due: number; oldest_due_seconds: number };

/**
 * Reads the figures in one short transaction, which works behind a transaction pooler too.
 * @param query one that runs several statements and answers the result of each, as node-postgres does without parameters
 */
export async function queueFigures(query: (text: string) => Promise<unknown>): Promise<QueueFigures> {
  const results = (await query(`begin read only; ${SESSION}; ${FIGURES}; commit`)) as { command: string; rows: Row[] }[];
  return toFigures(results.find(({ command }) => command === 'SELECT')?.rows[0]);
}

/** The same as the last of a transaction: what it sets for the planner holds to its end. */
export async function queueFiguresWithin(tx: Tx): Promise<QueueFigures> {
  await tx.query(PLANNER);
  const [row] = await tx.query<Row[]>(FIGURES);
  return toFigures(row);
}

function toFigures(row: Row | undefined): QueueFigures {
  if (!row) throw new Error('the queue was not counted');
  const { due, oldest_due_seconds, ...byStatus } = row;
  return { byStatus, due, oldestDueSeconds: oldest_due_seconds };
}
