import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How close to the price a broker takes a stop: without it the gate let orders through that the broker then refused. */
export class StopLevel1763600000056 implements MigrationInterface {
  name = 'StopLevel1763600000056';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table instruments add column stop_level numeric constraint instruments_stop_level check (stop_level >= 0 and stop_level < 1e20)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table instruments drop column stop_level`);
  }
}
