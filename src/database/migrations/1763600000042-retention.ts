import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DROP_MONTH, ENSURE_MONTHS, ENSURE_MONTHS_BEFORE, FLOOR, HOLD, PRUNE_REFS, refuseChange, SNAPSHOTS, THIN_SOME, THIN_SWAP } from './1763600000042-retention-functions.js';

/** What grows for ever no longer does: whole months are dropped by functions that look for themselves whether they may be. */
export class Retention1763600000042 implements MigrationInterface {
  name = 'Retention1763600000042';

  async up(db: QueryRunner): Promise<void> {
    await this.tables(db);
    await this.archives(db);
    await this.indexes(db);
    await db.query(refuseChange(true));
    await db.query(ENSURE_MONTHS);
    for (const statement of [FLOOR, HOLD, DROP_MONTH, THIN_SOME, THIN_SWAP, PRUNE_REFS]) await db.query(statement);
    for (const name of ['retention_hold(text, date, timestamptz)', 'retention_drop_month(text, date, timestamptz, uuid)', 'retention_thin_some(date, integer)', 'retention_thin_swap(date)', 'retention_prune_refs(timestamptz, timestamptz, uuid, integer)']) {
      await db.query(`revoke execute on function ${name} from public`);
    }
  }

  private async tables(db: QueryRunner): Promise<void> {
    await db.query(`create table retention_runs (
      id uuid constraint retention_runs_pk primary key,
      seq bigint generated always as identity constraint retention_runs_seq unique,
      as_of timestamptz not null,
      actor text not null,
      status text not null default 'running',
      tables jsonb not null default '[]',
      error text,
      lease_until timestamptz,
      started_at timestamptz not null default app_clock(),
      finished_at timestamptz,
      constraint retention_runs_status check (status in ('running','finished','failed')),
      constraint retention_runs_finished check ((status = 'running') = (finished_at is null) and (status = 'running') = (lease_until is not null)),
      constraint retention_runs_error check (length(error) between 1 and 2000 and (error is null) = (status <> 'failed')),
      constraint retention_runs_tables check (jsonb_typeof(tables) = 'array')
    )`);
    await db.query(`create unique index retention_runs_running on retention_runs (status) where status = 'running'`);
    await db.query(`create table retention_totals (
      table_name text constraint retention_totals_pk primary key,
      rows_removed bigint not null,
      last_removed_at timestamptz not null,
      constraint retention_totals_rows check (rows_removed >= 0)
    )`);
    // Written by the functions below alone: what was removed, and which month was thinned.
    await db.query(`create table retention_months (
      seq bigint generated always as identity constraint retention_months_pk primary key,
      parent text not null,
      month date not null,
      action text not null,
      rows_removed bigint not null,
      kept_trades uuid[] not null default '{}',
      at timestamptz not null default app_clock(),
      constraint retention_months_action check (action in ('dropped','thinned')),
      constraint retention_months_rows check (rows_removed >= 0)
    )`);
    await db.query(`create index retention_months_parent on retention_months (parent, month, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on retention_months for each statement execute function refuse_change()`);
    await db.query(`create table retention_thinnings (
      month date constraint retention_thinnings_pk primary key,
      began_at timestamptz not null,
      after_trade uuid,
      kept_trades uuid[] not null default '{}',
      done boolean not null default false
    )`);
  }

  private async archives(db: QueryRunner): Promise<void> {
    await db.query(`create table decision_archives (
      id uuid constraint decision_archives_pk primary key,
      month date not null,
      file text not null constraint decision_archives_file unique,
      bytes bigint not null,
      sha256 text not null,
      decisions bigint not null,
      last_seq bigint not null,
      digest text not null,
      written_at timestamptz not null default app_clock(),
      verified_at timestamptz,
      dropped_at timestamptz,
      constraint decision_archives_name check (file ~ '^[a-z0-9.-]{1,100}$'),
      constraint decision_archives_sums check (sha256 ~ '^[0-9a-f]{64}$' and digest ~ '^[0-9a-f]{64}$'),
      constraint decision_archives_counts check (bytes > 0 and decisions > 0 and last_seq > 0),
      constraint decision_archives_order check (dropped_at is null or verified_at is not null)
    )`);
    // All of a decision but its text, so that a list needs no file and a lost file leaves its chain to be followed.
    await db.query(`create table decision_archive_rows (
      seq bigint not null,
      archive_id uuid not null constraint decision_archive_rows_archive references decision_archives (id) on delete cascade,
      at timestamptz not null,
      stream text not null,
      number bigint not null,
      id uuid not null,
      type text not null,
      agent_id uuid,
      idea_id uuid,
      command_id uuid,
      halt_id uuid,
      key_id text not null,
      hash text not null,
      bytes integer not null,
      block_at bigint not null,
      block_bytes integer not null,
      constraint decision_archive_rows_pk primary key (archive_id, seq),
      constraint decision_archive_rows_block check (bytes > 0 and block_at >= 0 and block_bytes > 0)
    )`);
    await db.query(`create index decision_archive_rows_of_stream on decision_archive_rows (stream, seq)`);
    await db.query(`create index decision_archive_rows_seq on decision_archive_rows (seq)`);
    await db.query(`create index decision_archive_rows_type on decision_archive_rows (type, seq)`);
    await db.query(`create index decision_archive_rows_id on decision_archive_rows (id)`);
    for (const link of ['agent', 'idea', 'halt']) await db.query(`create index decision_archive_rows_${link} on decision_archive_rows (${link}_id, seq) where ${link}_id is not null`);
    await db.query(`create function keep_archived() returns trigger language plpgsql as $$
      begin
        if tg_table_name = 'decision_archives' then
          if old.dropped_at is null then return case tg_op when 'DELETE' then old else new end; end if;
        elsif not exists (select from decision_archives where id = old.archive_id and dropped_at is not null) then
          return case tg_op when 'DELETE' then old else new end;
        end if;
        raise exception '% is all that is left of decisions', tg_table_name using errcode = '42501';
      end $$`);
    for (const table of ['decision_archives', 'decision_archive_rows']) {
      await db.query(`create trigger keep_archived before update or delete on ${table} for each row execute function keep_archived()`);
      await db.query(`create trigger refuse_removal before truncate on ${table} for each statement execute function refuse_change()`);
    }
    // A decision stands here or in decision_history at any moment, never in both: the function that drops its month says so in the same transaction.
    await db.query(`create view archived_decisions as
      select r.seq, r.at, r.stream, r.number, r.id, r.type, r.agent_id, r.idea_id, r.command_id, r.halt_id, r.key_id, r.hash, r.bytes, r.block_at, r.block_bytes, a.file
      from decision_archive_rows r join decision_archives a on a.id = r.archive_id where a.dropped_at is not null`);
  }

  private async indexes(db: QueryRunner): Promise<void> {
    // By block ranges: a few pages a month, and "did anything come lately?" reads none of the rest.
    for (const table of SNAPSHOTS) await db.query(`create index ${table}_arrived on ${table} using brin (created_at) with (autosummarize = on)`);
    await db.query(`create index trade_marks_arrived on trade_marks using brin (recorded_at) with (autosummarize = on)`);
    await db.query(`create index snapshot_refs_created on snapshot_refs (created_at, id)`);
    await db.query(`create index trade_ideas_snapshot_ref on trade_ideas (snapshot_ref) where snapshot_ref is not null`);
    await db.query(`create index agent_commands_removable on agent_commands (finished_at, seq) where finished_at is not null and trade_id is null and type <> 'open_trade'`);
    await db.query(`create index trade_explanations_loose on trade_explanations (created_at, seq) where trade_id is null and idea_id is null`);
    await db.query(`alter table alerts add column body_removed_at timestamptz, drop constraint alerts_body,
      add constraint alerts_body check (octet_length(body) between 1 and 196608 or body_removed_at is not null),
      add constraint alerts_body_removed check (body_removed_at is null or (length(body) = 0 and status in ('processed','ignored','expired')))`);
    await db.query(`create index alerts_bodies on alerts (received_at, seq) where body_removed_at is null and status in ('processed','ignored','expired')`);
  }

  async down(db: QueryRunner): Promise<void> {
    const [archived] = (await db.query(`select count(*)::int as files from decision_archives where dropped_at is not null`)) as { files: number }[];
    if ((archived?.files ?? 0) > 0) throw new Error('decisions were archived: without these tables nobody finds them again');
    await db.query(`drop function retention_prune_refs(timestamptz, timestamptz, uuid, integer), retention_thin_swap(date), retention_thin_some(date, integer),
      retention_drop_month(text, date, timestamptz, uuid), retention_hold(text, date, timestamptz), retention_floor_days(text)`);
    await db.query(ENSURE_MONTHS_BEFORE);
    await db.query(refuseChange(false));
    await db.query(`drop index alerts_bodies`);
    await db.query(`alter table alerts drop constraint alerts_body_removed, drop constraint alerts_body`);
    // What was removed does not come back: a blank, since a row must have a body.
    await db.query(`update alerts set body = ' ' where body_removed_at is not null`);
    await db.query(`alter table alerts drop column body_removed_at, add constraint alerts_body check (octet_length(body) between 1 and 196608)`);
    await db.query(`drop index trade_explanations_loose, agent_commands_removable, trade_ideas_snapshot_ref, snapshot_refs_created, trade_marks_arrived, ${SNAPSHOTS.map((table) => `${table}_arrived`).join(', ')}`);
    await db.query(`drop view archived_decisions`);
    await db.query(`drop table decision_archive_rows, decision_archives, retention_thinnings, retention_months, retention_totals, retention_runs`);
    await db.query(`drop function keep_archived()`);
  }
}
