import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which second copy of an agent was refused last, so that the log says it once and not with each of its asks. */
export class Instances1763600000006 implements MigrationInterface {
  name = 'Instances1763600000006';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table agent_state add column refused_instance_id text, add column refused_at timestamptz`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`alter table agent_state drop column refused_at, drop column refused_instance_id`);
  }
}
