import type { MigrationInterface, QueryRunner } from 'typeorm';

const HASH = (table: string, column: string) => `constraint ${table}_${column} check (length(${column}) between 1 and 128)`;
const VERSION = (table: string, column: string) => `constraint ${table}_${column} check (length(${column}) between 1 and 100)`;

/** What a prediction, an idea and a trade were made by (trading-rules 7.6): who compares results has to know which code, prompt and model they are of. */
export class AgentVersions1763600000057 implements MigrationInterface {
  name = 'AgentVersions1763600000057';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table agents add column version_policy text not null default 'alert' constraint agents_version_policy check (version_policy in ('alert','halt'))`);
    await db.query(`alter table agent_state add column config_hash text ${HASH('agent_state', 'config_hash')}`);
    await db.query(`alter table predictions add column agent_version text ${VERSION('predictions', 'agent_version')}, add column config_hash text ${HASH('predictions', 'config_hash')}`);
    await db.query(`alter table trade_ideas add column config_hash text ${HASH('trade_ideas', 'config_hash')},
      add column model_version text ${VERSION('trade_ideas', 'model_version')}, add column prompt_hash text ${HASH('trade_ideas', 'prompt_hash')}`);
    await db.query(`alter table trades add column agent_version text ${VERSION('trades', 'agent_version')}, add column config_hash text ${HASH('trades', 'config_hash')},
      add column model_version text ${VERSION('trades', 'model_version')}, add column prompt_hash text ${HASH('trades', 'prompt_hash')}`);
    // The version and the prompt that each model of an agent has now, since the prediction that was the first of them.
    await db.query(`create table agent_models (
      agent_id uuid not null constraint agent_models_agent references agents (id) on delete restrict,
      model text not null constraint agent_models_model check (length(model) between 1 and 100),
      model_version text ${VERSION('agent_models', 'model_version')},
      prompt_hash text ${HASH('agent_models', 'prompt_hash')},
      since timestamptz not null,
      constraint agent_models_pk primary key (agent_id, model)
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table agent_models`);
    await db.query(`alter table trades drop column agent_version, drop column config_hash, drop column model_version, drop column prompt_hash`);
    await db.query(`alter table trade_ideas drop column config_hash, drop column model_version, drop column prompt_hash`);
    await db.query(`alter table predictions drop column agent_version, drop column config_hash`);
    await db.query(`alter table agent_state drop column config_hash`);
    await db.query(`alter table agents drop column version_policy`);
  }
}
