/** How drills of restores stand, for operators; of the whole database. Times in seconds since 1970; null: never. */
export interface DrillFigures {
  lastAt: number | null;
  lastOk: boolean | null;
  lastGoodAt: number | null;
  backup: string | null;
  backupAt: number | null;
  seconds: number | null;
  error: string | null;
}

const FIGURES = `
  select extract(epoch from last.finished_at)::float8 as "lastAt", last.ok as "lastOk", extract(epoch from good.finished_at)::float8 as "lastGoodAt", last.backup,
    extract(epoch from last.backup_at)::float8 as "backupAt", last.seconds::float8 as seconds, last.error
  from (select 1) one left join lateral (select * from restore_drills order by seq desc limit 1) last on true
    left join lateral (select finished_at from restore_drills where ok order by seq desc limit 1) good on true`;

/** @param query as node-postgres answers several statements at once */
export async function drillFigures(query: (text: string) => Promise<unknown>): Promise<DrillFigures> {
  const results = (await query(`begin read only; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as { command: string; rows: DrillFigures[] }[];
  const row = results.find(({ command }) => command === 'SELECT')?.rows[0];
  if (!row) throw new Error('the drills were not looked at');
  return row;
}
