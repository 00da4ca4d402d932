import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ways of a causal chain that no list takes: from an idea to its trades, from a prediction to its ideas, from a halt to what it ended. */
const INDEXES = {
  trades_idea: `trades (idea_id) where idea_id is not null`,
  trade_ideas_prediction: `trade_ideas (prediction_id) where prediction_id is not null`,
  closures_halt: `closures (halt_id) where halt_id is not null`,
  agent_commands_cancelled: `agent_commands (finished_at) where status = 'cancelled' and class = 'opens'`,
};

export class Why1763600000029 implements MigrationInterface {
  name = 'Why1763600000029';

  async up(db: QueryRunner): Promise<void> {
    for (const [name, of] of Object.entries(INDEXES)) await db.query(`create index ${name} on ${of}`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const name of Object.keys(INDEXES)) await db.query(`drop index ${name}`);
  }
}
