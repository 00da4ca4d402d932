import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The way from one version of an agent to the next: what an equity curve is marked with, without reading every idea. */
export class Reports1763600000032 implements MigrationInterface {
  name = 'Reports1763600000032';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index trade_ideas_versions on trade_ideas (account_id, execution_mode, executor_id, agent_version, created_at) where agent_version is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index trade_ideas_versions`);
  }
}
