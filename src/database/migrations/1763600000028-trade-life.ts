import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is between the gate and the broker: openings are found by their tags, and what was not traded is explained too. */
export class TradeLife1763600000028 implements MigrationInterface {
  name = 'TradeLife1763600000028';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index agent_commands_order_tag on agent_commands ((payload ->> 'orderTag')) where type = 'open_trade'`);
    await db.query(`alter table trade_explanations alter column trade_id drop not null,
      add column idea_id uuid constraint trade_explanations_idea references trade_ideas (id) on delete restrict,
      add constraint trade_explanations_about check (trade_id is not null or kind in ('skip','review'))`);
    await db.query(`create index trade_explanations_idea_id on trade_explanations (idea_id, seq) where idea_id is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`delete from trade_explanations where trade_id is null`);
    await db.query(`alter table trade_explanations drop column idea_id, drop constraint trade_explanations_about, alter column trade_id set not null`);
    await db.query(`drop index agent_commands_order_tag`);
  }
}
