import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The old ids that rows of ours were given when they were first written in an old system's shape: the next export gives the same. */
export class ExportIds1763600000038 implements MigrationInterface {
  name = 'ExportIds1763600000038';

  async up(db: QueryRunner): Promise<void> {
    // One row may become two rows there, of one table or of several: an order that opened, and one that closed.
    await db.query(`create table export_ids (
      system text not null,
      source text not null,
      table_name text not null,
      part text not null,
      target_id uuid not null,
      old_id text not null constraint export_ids_old_id check (length(old_id) between 1 and 300),
      created_at timestamptz not null default app_clock(),
      constraint export_ids_pk primary key (system, source, table_name, part, target_id),
      constraint export_ids_old_unique unique (system, source, table_name, old_id)
    )`);
    await db.query(`create trigger refuse_change before update or delete or truncate on export_ids for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table export_ids`);
  }
}
