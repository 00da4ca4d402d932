import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the entries of a trade came to, apart from its exit: without it what was risked with a binary contract (size × price + fees)
 * was not known, and what was risked with others was made of a rounded average.
 */
export class Staked1763600000060 implements MigrationInterface {
  name = 'Staked1763600000060';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table trades add column entry_paid numeric, add column staked numeric,
      add constraint trades_entry_paid check (entry_paid >= 0 and entry_paid < 1e40), add constraint trades_staked check (staked >= 0 and staked < 1e20)`);
    await db.query(`update trades t set entry_paid = f.paid
      from (select trade_id, sum(price * size) as paid, sum(size) as size from trade_fills where role = 'entry' group by trade_id) f
      where f.trade_id = t.id and t.entered_size = f.size and t.entry_price * t.entered_size <> f.paid`);
    await db.query(`with binaries as (
        select t.id, t.direction, t.point_value, coalesce(t.entered_size, t.lot_size) as size, coalesce(t.entry_paid, t.entry_price * coalesce(t.entered_size, t.lot_size)) as paid, f.costs
        from trades t left join lateral (
          select -sum(coalesce(commission, 0) + coalesce(fee, 0)) as costs from trade_fills where trade_id = t.id and role = 'entry'
        ) f on true left join lateral (
          select kind from instruments where account_id = t.account_id and symbol = t.symbol and exchange is not distinct from t.exchange and (product is null or product = t.product)
          order by product nulls last limit 1
        ) i on true
        where t.entry_time is not null and t.point_value is not null and case when i.kind is null then t.outcome is not null else i.kind = 'binary' end
      )
      update trades t set staked = s.staked
      from (select id, case direction when 'long' then paid else size - paid end * point_value + greatest(costs, 0) as staked from binaries where paid <= size) s
      where s.id = t.id and s.staked < 1e20`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table trades drop column staked, drop column entry_paid');
  }
}
