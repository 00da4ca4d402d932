import type { MigrationInterface, QueryRunner } from 'typeorm';

const FILL = `f.id, f.seq, f.agent_id, f.account_id, f.execution_mode, f.broker_deal_id, f.role, f.price, f.size, f.profit, f.commission, f.swap, f.fee, f.requested_price,
  f.exit_reason, f.broker_position_id, f.broker_order_id, f.filled_at, f.source_time, f.late, f.reason, f.actor, f.correlation_id, f.recorded_at`;

/** A deal is a fact and stays as it is; whose it was found out to be is another fact, told later. */
export class FillMoves1763600000019 implements MigrationInterface {
  name = 'FillMoves1763600000019';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table fill_moves (
      fill_id uuid constraint fill_moves_pk primary key,
      from_trade_id uuid not null,
      to_trade_id uuid not null,
      actor text not null,
      moved_at timestamptz not null default app_clock(),
      constraint fill_moves_trades check (from_trade_id <> to_trade_id)
    )`);
    await db.query(`create index fill_moves_to on fill_moves (to_trade_id)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on fill_moves for each statement execute function refuse_change()`);
    await db.query(`create view trade_fills as
      select f.trade_id, ${FILL} from fills f where not exists (select from fill_moves m where m.fill_id = f.id)
      union all
      select m.to_trade_id, ${FILL} from fill_moves m join fills f on f.id = m.fill_id`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop view trade_fills`);
    await db.query(`drop table fill_moves`);
  }
}
