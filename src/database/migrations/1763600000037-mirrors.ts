import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What keeps an old system and this one apart, and what keeps the old one's files up to date: a halt that no release ends, and how far mirrors are. */
export class Mirrors1763600000037 implements MigrationInterface {
  name = 'Mirrors1763600000037';

  async up(db: QueryRunner): Promise<void> {
    // A halt like any other wherever trading is held; the one that only `unretire` ends, so that old and new never trade together.
    await db.query(`alter table halts drop constraint halts_source, add constraint halts_source check (source in ('person','agent','breaker','server','retirement')),
      add constraint halts_retirement check (source <> 'retirement' or (scope_type = 'global' and mode = 'halt' and execution_mode is null and expires_at is null))`);
    await db.query(`create unique index halts_one_retirement on halts (source) where source = 'retirement' and released_at is null`);

    await db.query(`create table mirrors (
      id uuid constraint mirrors_pk primary key,
      place text not null constraint mirrors_place check (length(place) between 1 and 500),
      shape text not null constraint mirrors_shape check (length(shape) between 1 and 50),
      position bigint not null constraint mirrors_position check (position >= 0),
      whole_as_of timestamptz,
      rows_written bigint not null default 0 constraint mirrors_rows_written check (rows_written >= 0),
      error text constraint mirrors_error check (length(error) between 1 and 500),
      started_at timestamptz not null default app_clock(),
      reported_at timestamptz not null default app_clock()
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table mirrors`);
    await db.query(`drop index halts_one_retirement`);
    await db.query(`update halts set source = 'person' where source = 'retirement'`);
    await db.query(`alter table halts drop constraint halts_retirement, drop constraint halts_source, add constraint halts_source check (source in ('person','agent','breaker','server'))`);
  }
}
