import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Runs of backups: a folder can be gone, this says that it was there, and what became of every other try. */
export class Backups1763600000040 implements MigrationInterface {
  name = 'Backups1763600000040';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table backups (
      id uuid constraint backups_pk primary key default gen_random_uuid(),
      seq bigint generated always as identity,
      origin text not null constraint backups_origin check (origin in ('schedule','command')),
      status text not null default 'running' constraint backups_status check (status in ('running','verified','failed','interrupted')),
      kind text constraint backups_kind check (kind in ('dump','base')),
      name text constraint backups_name check (name ~ '^tradewarden-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$'),
      folder text not null constraint backups_folder check (length(folder) between 1 and 1000),
      bytes bigint constraint backups_bytes check (bytes between 1 and 9007199254740991),
      snapshot_at timestamptz,
      lease_until timestamptz,
      started_at timestamptz not null default app_clock(),
      finished_at timestamptz,
      verified_at timestamptz,
      offsite_at timestamptz,
      offsite_error text constraint backups_offsite_error check (length(offsite_error) between 1 and 500),
      removed_at timestamptz,
      error text constraint backups_error check (length(error) between 1 and 500),
      constraint backups_finished check ((status = 'running') = (finished_at is null)),
      constraint backups_leased check ((status = 'running') = (lease_until is not null)),
      constraint backups_verified check ((status = 'verified') = (verified_at is not null)),
      constraint backups_proven check (status <> 'verified' or (kind is not null and name is not null and bytes is not null and snapshot_at is not null)),
      constraint backups_failed check ((status in ('failed','interrupted')) = (error is not null)),
      constraint backups_offsite check (verified_at is not null or (offsite_at is null and offsite_error is null))
    )`);
    // Two at once would write twice the bytes, and each would take the other's leftovers for its own.
    await db.query(`create unique index backups_one_running on backups (status) where status = 'running'`);
    await db.query(`create unique index backups_seq on backups (seq)`);
    await db.query(`create index backups_good on backups (snapshot_at) where verified_at is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table backups`);
  }
}
