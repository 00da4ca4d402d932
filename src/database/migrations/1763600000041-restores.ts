import type { MigrationInterface, QueryRunner } from 'typeorm';

const AUDIT_KINDS = `'signed_in','sign_in_failed','sign_in_slowed','signed_out','refresh_reused','credential_refused','key_used','key_created','key_revoked','user_created','user_changed','password_changed'`;
const SOURCES = `'person','agent','breaker','server','retirement'`;

/** What a database that came out of a backup knows of that, the halt with which it comes up, and the drills that prove that one would. */
export class Restores1763600000041 implements MigrationInterface {
  name = 'Restores1763600000041';

  async up(db: QueryRunner): Promise<void> {
    // Like any halt, and a person ends it; only of everything, and by no clock: what was forgotten is forgotten everywhere.
    await db.query(`alter table halts drop constraint halts_source, add constraint halts_source check (source in (${SOURCES},'restore')),
      add constraint halts_restore check (source <> 'restore' or (scope_type = 'global' and mode = 'halt' and execution_mode is null and expires_at is null))`);
    await db.query(`alter table auth_audit drop constraint auth_audit_kind, add constraint auth_audit_kind check (kind in (${AUDIT_KINDS},'restored'))`);

    // In the database that was restored. An id is of one run of "restore": the same run does nothing twice.
    await db.query(`create table restores (
      id uuid constraint restores_pk primary key,
      seq bigint generated always as identity,
      backup text not null constraint restores_backup check (length(backup) between 1 and 200),
      backup_at timestamptz not null,
      arrived_at timestamptz not null default app_clock(),
      halt_id uuid not null constraint restores_halt references halts (id) on delete restrict,
      drill boolean not null,
      figures jsonb not null constraint restores_figures check (jsonb_typeof(figures) = 'object')
    )`);
    await db.query(`create unique index restores_seq on restores (seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on restores for each statement execute function refuse_change()`);

    // In the database whose backups are tried.
    await db.query(`create table restore_drills (
      id uuid constraint restore_drills_pk primary key,
      seq bigint generated always as identity,
      backup text constraint restore_drills_backup check (length(backup) between 1 and 200),
      backup_at timestamptz,
      started_at timestamptz not null,
      finished_at timestamptz not null default app_clock(),
      seconds numeric not null constraint restore_drills_seconds check (seconds >= 0 and seconds <= 10000000),
      ok boolean not null,
      error text constraint restore_drills_error check (length(error) between 1 and 1000),
      steps jsonb not null constraint restore_drills_steps check (jsonb_typeof(steps) = 'array'),
      constraint restore_drills_outcome check (ok = (error is null) and (not ok or (backup is not null and backup_at is not null)))
    )`);
    await db.query(`create unique index restore_drills_seq on restore_drills (seq)`);
    await db.query(`create index restore_drills_ok on restore_drills (finished_at) where ok`);
    await db.query(`create trigger refuse_change before update or delete or truncate on restore_drills for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table restore_drills, restores`);
    // History stays as it is: rows of a kind that is unknown again are not looked at.
    await db.query(`alter table auth_audit drop constraint auth_audit_kind, add constraint auth_audit_kind check (kind in (${AUDIT_KINDS})) not valid`);
    await db.query(`update halts set source = 'server' where source = 'restore'`);
    await db.query(`alter table halts drop constraint halts_restore, drop constraint halts_source, add constraint halts_source check (source in (${SOURCES}))`);
  }
}
