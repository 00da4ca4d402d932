import { timeText } from '../../database/answer-text.js';
import type { Tx } from '../../database/transaction.js';
import type { ImportReport, ImportRun, RunStatus } from './import-run.js';
import { EXPORTED_HERE } from './exported.js';


export interface NewRun {
  id: string;
  source: string;
  system: string;
  shape: string;
  fileName: string;
  sha256: string;
  options: Record<string, unknown>;
  actor: string;
  appVersion: string;
}

/** What an old row has become already, in this run or an earlier one of the same source. */
export interface KnownRow {
  oldId: string;
  /** Hex. */
  hash: string;
  runSeq: string;
  /** Null: it is in the archive. */
  target: string | null;
  targetId: string | null;
  /** It is in the archive since its like, or it itself, was here. */
  isTwice: boolean;
  /** What it refers to was not here when it came. */
  isLoose: boolean;
}

/** `import_runs`, `import_tables` and what stands under them. */
export const ImportsSql = {
  async account(tx: Tx, name: string): Promise<{ id: string; kind: string } | null> {
    const [row] = await tx.sql<{ id: string; kind: string }[]>`select id, kind from accounts where name = ${name}`;
    return row ?? null;
  },

  /** The clock is read here: it is the time of rows that have none of their own. */
  async begin(tx: Tx, run: NewRun, accounts: ImportRun['accounts'], mode: ImportRun['mode']): Promise<ImportRun> {
    const [row] = await tx.sql<{ seq: string; at: string }[]>`
      insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version)
      values (${run.id}, ${run.source}, ${run.system}, ${run.shape}, ${run.fileName}, ${run.sha256}, ${JSON.stringify({ ...run.options, accounts, mode })}::jsonb, 'running', ${run.actor}, ${run.appVersion})
      returning seq::text as seq, ${() => timeText('started_at', 'us')} as at`;
    if (!row) throw new Error('the run was not stored');
    return { id: run.id, seq: row.seq, source: run.source, at: row.at, accounts, mode };
  },

  /** The newest run by batches of this very file that has not ended well, for good. */
  async unfinished(tx: Tx, source: string, sha256: string): Promise<ImportRun | null> {
    const [row] = await tx.sql<{ id: string; seq: string; at: string; accounts: ImportRun['accounts'] | null; mode: ImportRun['mode'] }[]>`
      select id, seq::text as seq, ${() => timeText('started_at', 'us')} as at, options -> 'accounts' as accounts, options ->> 'mode' as mode from import_runs
      where source = ${source} and sha256 = ${sha256} and status in ('running', 'failed') and options ->> 'batch' is not null
        and not exists (select 1 from import_runs later where later.source = import_runs.source and later.seq > import_runs.seq and later.status in ('finished', 'rolled_back'))
      order by import_runs.seq desc limit 1`;
    return row ? { id: row.id, seq: row.seq, source, at: row.at, accounts: row.accounts ?? { paper: null, live: null }, mode: row.mode } : null;
  },

  async newest(tx: Tx, source: string): Promise<ImportRun | null> {
    const [row] = await tx.sql<{ id: string; seq: string; at: string; accounts: ImportRun['accounts'] | null; mode: ImportRun['mode'] }[]>`
      select id, seq::text as seq, ${() => timeText('started_at', 'us')} as at, options -> 'accounts' as accounts, options ->> 'mode' as mode from import_runs where source = ${source} and status = 'finished' order by import_runs.seq desc limit 1`;
    return row ? { id: row.id, seq: row.seq, source, at: row.at, accounts: row.accounts ?? { paper: null, live: null }, mode: row.mode } : null;
  },

  /** What it found wrong is found again. */
  async reopen(tx: Tx, runId: string): Promise<void> {
    await tx.sql`update import_runs set status = 'running', finished_at = null, error = null where id = ${runId}`;
    await tx.sql`delete from import_rejects where run_id = ${runId}`;
  },

  async end(tx: Tx, runId: string, status: RunStatus, report: ImportReport): Promise<void> {
    await tx.sql`
      update import_runs set status = ${status}, finished_at = app_clock(), tables = ${JSON.stringify(report.tables)}::jsonb, sums = ${JSON.stringify(report.sums)}::jsonb,
        notes = ${JSON.stringify(report.notes)}::jsonb, secrets = ${JSON.stringify(report.secrets)}::jsonb, proof = ${report.proof ? JSON.stringify(report.proof) : null}::jsonb,
        error = ${report.error ? JSON.stringify(report.error) : null}::jsonb
      where id = ${runId}`;
  },

  /** @param json an array of them */
  async rejects(tx: Tx, runId: string, json: string): Promise<void> {
    await tx.sql`
      insert into import_rejects (run_id, table_name, old_id, code, column_name, detail, original)
      select ${runId}::uuid, r."table", r."oldId", r.code, r."column", r.detail, r.original
      from jsonb_to_recordset(${json}::jsonb) as r ("table" text, "oldId" text, code text, "column" text, detail text, original jsonb)`;
  },

  /** The number of a table of a source; `isNew`: no row of it was ever here. */
  async table(tx: Tx, source: string, name: string): Promise<{ id: number; isNew: boolean }> {
    await tx.sql`insert into import_tables (source, name) values (${source}, ${name}) on conflict do nothing`;
    const [row] = await tx.sql<{ id: number; isNew: boolean }[]>`
      select id, not exists (select 1 from import_rows where table_id = t.id) and not exists (select 1 from import_archive where table_id = t.id) as "isNew"
      from import_tables t where source = ${source} and name = ${name}`;
    if (!row) throw new Error('the table was not stored');
    return row;
  },

  /** What rows were before; of one that was moved between table and archive both, the newer first. */
  known(tx: Tx, tableId: number, oldIds: readonly string[]): Promise<KnownRow[]> {
    return tx.sql`
      select "oldId", hash, run_seq::text as "runSeq", target, "targetId", "isTwice", "isLoose" from (
        select old_id as "oldId", encode(source_hash, 'hex') as hash, run_seq, target, target_id as "targetId", false as "isTwice",
          exists (select 1 from unnest(notes) n where n ~ '^REFERENCE_MISSING: [a-z_]+ was ') as "isLoose"
        from import_rows where table_id = ${tableId} and old_id = any(${[...oldIds]}::text[])
        union all
        select old_id, encode(source_hash, 'hex'), run_seq, null, null, exists (select 1 from unnest(notes) n where n like 'DUPLICATE: %' or n like ${`${EXPORTED_HERE}: %`}), false
        from import_archive where table_id = ${tableId} and old_id = any(${[...oldIds]}::text[])) k order by run_seq desc`;
  },

  /** Which of these rows of the source have become rows here. */
  async referred(tx: Tx, source: string, tables: readonly string[], oldIds: readonly string[]): Promise<Set<string>> {
    const rows = await tx.sql<{ name: string; oldId: string }[]>`
      select w.name, w.old_id as "oldId" from unnest(${[...tables]}::text[], ${[...oldIds]}::text[]) w (name, old_id)
      join import_tables t on t.source = ${source} and t.name = w.name join import_rows r on r.table_id = t.id and r.old_id = w.old_id`;
    return new Set(rows.map(({ name, oldId }) => `${name}\0${oldId}`));
  },

  /** Columns of ours that must be filled, by `table.column`. */
  async needed(tx: Tx, tables: readonly string[]): Promise<Set<string>> {
    const rows = await tx.sql<{ name: string }[]>`
      select attrelid::regclass::text || '.' || attname as name from pg_attribute where attrelid = any(${[...tables]}::text[]::regclass[]) and attnum > 0 and attnotnull and not attisdropped`;
    return new Set(rows.map(({ name }) => name));
  },

  /** Of the rows that a run has brought into a table of ours, as the database adds. */
  async sum(tx: Tx, tableId: number, runSeq: string, table: string, column: string): Promise<string> {
    const [row] = await tx.sql<{ sum: string }[]>`
      select coalesce(trim_scale(sum(t.${() => column})), 0)::text as sum from import_rows r join ${() => table} t on t.id = r.target_id
      where r.table_id = ${tableId} and r.run_seq = ${runSeq}::bigint and r.target = ${table}`;
    return row?.sum ?? '0';
  },

  /** Of all strategies that are here; `isOwn`: this source brought it. */
  strategyNames(tx: Tx, source: string): Promise<{ id: string; name: string; isOwn: boolean; isRetired: boolean }[]> {
    return tx.sql`
      select s.id, s.name, s.retired_at is not null as "isRetired", exists (
        select 1 from import_rows r join import_tables t on t.id = r.table_id where r.target_id = s.id and r.target = 'strategies' and t.source = ${source}) as "isOwn"
      from strategies s`;
  },

  /** Rows of a source that are only kept, since their like, or they themselves, were here. */
  keptTwice(tx: Tx, source: string): Promise<{ name: string; oldId: string }[]> {
    return tx.sql`
      select t.name, a.old_id as "oldId" from import_tables t join import_archive a on a.table_id = t.id
      where t.source = ${source} and exists (select 1 from unnest(a.notes) n where n like 'DUPLICATE: %' or n like ${`${EXPORTED_HERE}: %`})`;
  },

  async status(tx: Tx, runId: string): Promise<string | null> {
    const [row] = await tx.sql<{ status: string }[]>`select status from import_runs where id = ${runId}`;
    return row?.status ?? null;
  },

  /** First of the months that rows may have no more. */
  async monthsEnd(tx: Tx): Promise<string> {
    const [row] = await tx.sql<{ month: string }[]>`select to_char(app_clock() + interval '13 months', 'YYYY-MM-DD') as month`;
    return row?.month ?? '';
  },

  async months(tx: Tx, table: string, months: readonly string[]): Promise<void> {
    await tx.sql`select ensure_snapshot_months(${table}, ${months.map((month) => `${month}-01`)}::date[])`;
  },
};
