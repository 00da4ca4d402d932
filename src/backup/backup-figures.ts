/** How backups stand, for operators; of the whole database. Null: never. */
export interface BackupFigures {
  /** Up to when what was backed up and proven last reaches, in seconds since 1970; likewise what was copied elsewhere. */
  verifiedAt: number | null;
  offsiteAt: number | null;
  verifiedAgeSeconds: number | null;
  offsiteAgeSeconds: number | null;
  /** Of the newest proven one. */
  name: string | null;
  kind: 'dump' | 'base' | null;
  bytes: number | null;
  seconds: number | null;
  offsiteError: string | null;
  failures: number;
  /** Of the run that is under way. */
  runningSince: number | null;
  /** Of the last run, when it failed. */
  error: string | null;
}

/** Not below 0 where clocks differ; and null stays null, which `greatest` alone would call 0, the age of a good one. */
const AGE = (of: string) => `case when ${of}.snapshot_at is not null then greatest(extract(epoch from app_clock() - ${of}.snapshot_at), 0)::float8 end`;

const FIGURES = `
  select extract(epoch from good.snapshot_at)::float8 as "verifiedAt", extract(epoch from off.snapshot_at)::float8 as "offsiteAt",
    ${AGE('good')} as "verifiedAgeSeconds", ${AGE('off')} as "offsiteAgeSeconds",
    good.name, good.kind, good.bytes::float8 as bytes, extract(epoch from good.finished_at - good.started_at)::float8 as seconds, good.offsite_error as "offsiteError",
    (select count(*) from backups where status = 'failed')::float8 as failures,
    (select extract(epoch from started_at) from backups where status = 'running')::float8 as "runningSince",
    (select error from (select error, status from backups where status in ('verified', 'failed') order by seq desc limit 1) l where status = 'failed') as error
  from (select 1) one
    left join lateral (select * from backups where verified_at is not null order by seq desc limit 1) good on true
    left join lateral (select snapshot_at from backups where offsite_at is not null order by seq desc limit 1) off on true`;

/** @param query as node-postgres answers several statements at once */
export async function backupFigures(query: (text: string) => Promise<unknown>): Promise<BackupFigures> {
  const results = (await query(`begin read only; set local statement_timeout = '500ms'; ${FIGURES}; commit`)) as { command: string; rows: BackupFigures[] }[];
  const row = results.find(({ command }) => command === 'SELECT')?.rows[0];
  if (!row) throw new Error('the backups were not looked at');
  return row;
}
