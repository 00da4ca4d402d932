import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A limit on a key, and what was granted under it in the last second. */
export class KeyRateLimits1763600000008 implements MigrationInterface {
  name = 'KeyRateLimits1763600000008';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table api_keys add column rate_limit_per_second integer
      constraint api_keys_rate_limit check (rate_limit_per_second between 1 and 10000)`);

    // Unlogged: a check writes nothing to the log and waits for no disk, and what a crash of the database forgets is one
    // second's counts. No foreign key: a subject is a key now, and what else gets a limit later; idle rows are pruned.
    await db.query(`create unlogged table rate_limit_state (
      subject_id uuid constraint rate_limit_state_pk primary key,
      checked_at timestamptz not null,
      credit double precision not null,
      slots integer[] not null,
      granted integer not null,
      constraint rate_limit_state_credit check (credit between 0 and 20000),
      constraint rate_limit_state_slots check (cardinality(slots) = 96),
      constraint rate_limit_state_granted check (granted between 0 and 10000)
    ) with (fillfactor = 50)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table rate_limit_state`);
    await db.query(`alter table api_keys drop column rate_limit_per_second`);
  }
}
