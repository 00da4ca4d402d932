import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A trade that was not made is explained without one. */
export class Skips1763600000028 implements MigrationInterface {
  name = 'Skips1763600000028';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table trade_explanations alter column trade_id drop not null`);
    await db.query(`alter table trade_explanations add constraint trade_explanations_of_trade check (trade_id is not null or kind = 'skip')`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table trade_explanations drop constraint trade_explanations_of_trade`);
    await db.query(`delete from trade_explanations where trade_id is null`);
    await db.query(`alter table trade_explanations alter column trade_id set not null`);
  }
}
