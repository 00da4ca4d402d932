import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What came from an old system: each run, each old row with what it became, and the old row itself where not all of it has a place. */
export class Imports1763600000035 implements MigrationInterface {
  name = 'Imports1763600000035';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table trades drop constraint trades_origin, add constraint trades_origin check (origin in ('gated','ungated','external','imported'))`);
    await db.query(`create table import_runs (
      id uuid constraint import_runs_pk primary key,
      seq bigint not null generated always as identity constraint import_runs_seq_unique unique,
      source text not null constraint import_runs_source check (length(source) between 1 and 100),
      system text not null,
      shape text not null,
      file_name text not null,
      sha256 text not null constraint import_runs_sha256 check (sha256 ~ '^[0-9a-f]{64}$'),
      options jsonb not null,
      status text not null constraint import_runs_status check (status in ('running','finished','failed','rolled_back')),
      tables jsonb not null default '[]',
      sums jsonb not null default '{}',
      notes jsonb not null default '{}',
      secrets jsonb not null default '[]',
      proof jsonb,
      error jsonb,
      actor text not null,
      app_version text not null,
      started_at timestamptz not null default app_clock(),
      finished_at timestamptz,
      rolled_back_at timestamptz,
      rolled_back_by text,
      constraint import_runs_finished check ((status = 'running') = (finished_at is null)),
      constraint import_runs_rolled_back check ((status = 'rolled_back') = (rolled_back_at is not null))
    )`);
    await db.query(`create index import_runs_source_seq on import_runs (source, seq)`);

    // The identity of an old row is its source, its table and its old id. A number stands for the first two: a million
    // candles would repeat them a million times.
    await db.query(`create table import_tables (
      id integer generated always as identity constraint import_tables_pk primary key,
      source text not null,
      name text not null,
      constraint import_tables_unique unique (source, name)
    )`);
    await db.query(`create table import_rows (
      table_id integer not null constraint import_rows_table references import_tables (id) on delete restrict,
      old_id text not null,
      run_seq bigint not null constraint import_rows_run references import_runs (seq) on delete restrict,
      target text not null,
      target_id uuid not null,
      source_hash bytea not null constraint import_rows_hash check (length(source_hash) = 16),
      notes text[],
      original jsonb,
      constraint import_rows_pk primary key (table_id, old_id)
    )`);
    await db.query(`create index import_rows_target on import_rows (target_id)`);
    await db.query(`create index import_rows_run_seq on import_rows (run_seq, table_id)`);
    await db.query(`create table import_archive (
      table_id integer not null constraint import_archive_table references import_tables (id) on delete restrict,
      old_id text not null,
      run_seq bigint not null constraint import_archive_run references import_runs (seq) on delete restrict,
      source_hash bytea not null constraint import_archive_hash check (length(source_hash) = 16),
      notes text[],
      original jsonb not null,
      constraint import_archive_pk primary key (table_id, old_id)
    )`);
    await db.query(`create index import_archive_run_seq on import_archive (run_seq, table_id)`);
    await db.query(`create table import_rejects (
      run_id uuid not null constraint import_rejects_run references import_runs (id) on delete restrict,
      seq bigint not null generated always as identity,
      table_name text not null,
      old_id text not null,
      code text not null,
      column_name text,
      detail text not null,
      original jsonb not null,
      constraint import_rejects_pk primary key (run_id, seq)
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table import_rejects, import_archive, import_rows, import_tables, import_runs`);
    await db.query(`alter table trades drop constraint trades_origin, add constraint trades_origin check (origin in ('gated','ungated','external'))`);
  }
}
