import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A list of commands of a type of which there are few, or none, read all five million: 1.1 s. */
export class CommandTypes1763600000010 implements MigrationInterface {
  name = 'CommandTypes1763600000010';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index agent_commands_by_type on agent_commands (agent_id, type, seq)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index agent_commands_by_type`);
  }
}
