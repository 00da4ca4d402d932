import type { MigrationInterface, QueryRunner } from 'typeorm';

const FILL = `f.id, f.seq, f.agent_id, f.account_id, f.execution_mode, f.broker_deal_id, f.role, f.price, f.size, f.profit, f.commission, f.swap, f.fee, f.requested_price,
  f.exit_reason, f.broker_position_id, f.broker_order_id, f.filled_at, f.source_time, f.late, f.reason, f.actor, f.correlation_id, f.recorded_at`;
const viewOf = (columns: string) => `create view trade_fills as
  select f.trade_id, ${columns} from fills f where not exists (select from fill_moves m where m.fill_id = f.id)
  union all
  select m.to_trade_id, ${columns} from fill_moves m join fills f on f.id = m.fill_id`;

/** A deal's id is unique at its broker. An agent on a paper account is its own broker: two of them count their deals alike. */
export class FillBooks1763600000022 implements MigrationInterface {
  name = 'FillBooks1763600000022';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table fills add column book_id uuid`);
    await db.query(`alter table fills disable trigger refuse_change`);
    await db.query(`update fills f set book_id = case when a.kind = 'paper' then f.agent_id else a.id end from accounts a where a.id = f.account_id`);
    await db.query(`alter table fills enable trigger refuse_change`);
    await db.query(`alter table fills alter column book_id set not null, drop constraint fills_deal, add constraint fills_deal unique (book_id, broker_deal_id, role)`);
    await db.query(`drop view trade_fills`);
    await db.query(viewOf(`${FILL}, f.book_id`));
  }

  /** Refused where two agents have told of deals of one name. */
  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop view trade_fills`);
    await db.query(`alter table fills drop constraint fills_deal, add constraint fills_deal unique (account_id, broker_deal_id, role), drop column book_id`);
    await db.query(viewOf(FILL));
  }
}
