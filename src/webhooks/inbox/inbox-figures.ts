/** How much waits in the inbox, for operators; of the whole database, and counted to `ALERTS_COUNTED_TO` at most. */
export interface InboxFigures {
  waiting: number;
  /** Of the alert that was accepted first; 0 when none waits. */
  oldestSeconds: number;
}

export const ALERTS_COUNTED_TO = 10_000;

/** Counted by what waits only; alerts that are not carried out yet are few, those that were are millions. */
const FIGURES = `
  select (select count(*)::int from (select 1 from alerts where status = 'received' limit ${ALERTS_COUNTED_TO}) waiting) as waiting,
    coalesce(extract(epoch from app_clock() - (select min(coalesce(redriven_at, received_at)) from (
      select received_at, redriven_at from alerts where status = 'received' order by seq limit ${ALERTS_COUNTED_TO}) waiting)), 0)::float8 as oldest_seconds`;

/** @param query as node-postgres answers several statements at once */
export async function inboxFigures(query: (text: string) => Promise<unknown>): Promise<InboxFigures> {
  const results = (await query(`begin read only; set local enable_seqscan = off; set local jit = off; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as
    { command: string; rows: { waiting: number; oldest_seconds: number }[] }[];
  const row = results.find(({ command }) => command === 'SELECT')?.rows[0];
  if (!row) throw new Error('the inbox was not counted');
  return { waiting: row.waiting, oldestSeconds: Math.max(0, row.oldest_seconds) };
}
