import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['positions', 'working_orders'];

/** Which side of a binary contract a broker shows: without it what was adopted could not be valued, and nothing opened beside it. */
export class ReportedOutcomes1763600000058 implements MigrationInterface {
  name = 'ReportedOutcomes1763600000058';

  async up(db: QueryRunner): Promise<void> {
    for (const table of TABLES) await db.query(`alter table ${table} add column outcome text constraint ${table}_outcome check (outcome in ('yes','no'))`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of TABLES) await db.query(`alter table ${table} drop column outcome`);
  }
}
