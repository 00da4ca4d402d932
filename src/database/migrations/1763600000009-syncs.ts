import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The last sync of each agent, for clients whose answer was lost. */
export class Syncs1763600000009 implements MigrationInterface {
  name = 'Syncs1763600000009';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table agent_syncs (
      agent_id uuid constraint agent_syncs_pk primary key constraint agent_syncs_agent references agents (id) on delete restrict,
      instance_id text,
      sync_seq bigint not null,
      request_hash text not null,
      answer jsonb not null,
      synced_at timestamptz not null default app_clock(),
      constraint agent_syncs_seq check (sync_seq >= 1)
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table agent_syncs`);
  }
}
