import type { MigrationInterface, QueryRunner } from 'typeorm';
import { monthsFunction } from './1763600000013-market-data.js';

const SNAPSHOTS = ['snapshot_market', 'snapshot_calendar', 'snapshot_news', 'snapshot_indicators', 'snapshot_account'];

/** What the broker did for each trade, how its price went meanwhile, and what follows from both. */
export class Fills1763600000015 implements MigrationInterface {
  name = 'Fills1763600000015';

  async up(db: QueryRunner): Promise<void> {
    // A deal of a netting account may end one trade and begin the next: one fact for each of the two.
    await db.query(`create table fills (
      id uuid not null default gen_random_uuid() constraint fills_pk primary key,
      seq bigint generated always as identity,
      trade_id uuid not null,
      agent_id uuid not null,
      account_id uuid not null,
      execution_mode text not null,
      broker_deal_id text not null,
      role text not null,
      price numeric not null,
      size numeric not null,
      profit numeric,
      commission numeric,
      swap numeric,
      fee numeric,
      requested_price numeric,
      exit_reason text,
      broker_position_id text,
      broker_order_id text,
      filled_at timestamptz not null,
      source_time timestamptz,
      late boolean not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint fills_deal unique (account_id, broker_deal_id, role),
      constraint fills_mode check (execution_mode in ('simulation','paper','live')),
      constraint fills_role check (role in ('entry','exit')),
      constraint fills_price check (price >= 0 and price < 1e20 and (price > 0 or role = 'exit') and requested_price > 0 and requested_price < 1e20),
      constraint fills_size check (size > 0 and size < 1e15),
      constraint fills_money check (profit between -1e15 and 1e15 and commission between -1e15 and 1e15 and swap between -1e15 and 1e15 and fee between -1e15 and 1e15),
      constraint fills_exit_reason check (exit_reason is null or (role = 'exit'
        and exit_reason in ('stop','target','trailing','signal','supervisor','operator','flatten','stop_out','square_off','settlement','external','unknown')))
    )`);
    await db.query(`create index fills_trade_seq on fills (trade_id, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on fills for each statement execute function refuse_change()`);

    // One index and no id: 500 agents send a mark of each trade every few seconds.
    await db.query(`create table trade_marks (
      trade_id uuid not null,
      quoted_at timestamptz not null,
      bid numeric not null,
      ask numeric not null,
      floating_profit numeric,
      probability numeric,
      momentum numeric,
      source_time timestamptz,
      recorded_at timestamptz not null default app_clock(),
      constraint trade_marks_pk primary key (trade_id, quoted_at),
      constraint trade_marks_prices check (bid >= 0 and ask < 1e20 and bid <= ask),
      constraint trade_marks_profit check (floating_profit between -1e20 and 1e20),
      constraint trade_marks_probability check (probability between 0 and 1),
      constraint trade_marks_momentum check (momentum between -1e20 and 1e20)
    ) partition by range (quoted_at)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on trade_marks for each statement execute function refuse_change()`);
    await db.query(monthsFunction([...SNAPSHOTS, 'trade_marks']));

    // Of a trade without fills, `told` is null: its columns are what was told.
    await db.query(`alter table trades
      add column told jsonb,
      add column told_at timestamptz,
      add column first_stop_loss numeric,
      add column first_stop_at timestamptz,
      add column entered_size numeric,
      add column exited_size numeric,
      add column open_size numeric generated always as (trim_scale(case when status in ('open','closing','unknown')
        then greatest(coalesce(entered_size, lot_size) - coalesce(exited_size, 0), 0) else 0 end)) stored,
      add column profit_source text,
      add column computed_profit numeric,
      add column point_value numeric,
      add column point_value_assumed boolean not null default false,
      add column entry_slippage numeric,
      add column exit_slippage numeric,
      add column price_high numeric,
      add column price_low numeric,
      add column mark_high numeric,
      add column mark_high_at timestamptz,
      add column mark_low numeric,
      add column mark_low_at timestamptz,
      add constraint trades_filled check (entered_size > 0 and entered_size < 1e20 and exited_size > 0 and exited_size < 1e20),
      add constraint trades_profit_source check (profit_source in ('broker','told','computed','assumed')),
      add constraint trades_computed check (computed_profit between -1e20 and 1e20 and point_value between 0 and 1e60),
      add constraint trades_slippage check (entry_slippage between -1e20 and 1e20 and exit_slippage between -1e20 and 1e20),
      add constraint trades_first_stop check (first_stop_loss > 0 and first_stop_loss < 1e20),
      add constraint trades_extremes check (price_low >= 0 and price_low <= price_high and price_high < 1e20 and mark_low >= 0 and mark_low <= mark_high and mark_high < 1e20)`);
    // Marks move two prices of a trade again and again: with room on its page a row's 19 indexes are left alone.
    await db.query(`alter table trades set (fillfactor = 80)`);
    // The first stop of trades that are there is not known any more, unless it was told with the trade itself.
    await db.query(`update trades t set first_stop_loss = (s.facts ->> 'stopLoss')::numeric from trade_transitions s
      where s.trade_id = t.id and s.version = 1 and s.facts ? 'stopLoss'`);
    await db.query(`update trades set profit_source = 'told' where gross_profit is not null`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(monthsFunction(SNAPSHOTS));
    await db.query(`alter table trades reset (fillfactor)`);
    await db.query(`alter table trades drop column told, drop column told_at, drop column first_stop_loss, drop column first_stop_at, drop column open_size,
      drop column entered_size, drop column exited_size, drop column profit_source, drop column computed_profit, drop column point_value,
      drop column point_value_assumed, drop column entry_slippage, drop column exit_slippage, drop column price_high, drop column price_low,
      drop column mark_high, drop column mark_high_at, drop column mark_low, drop column mark_low_at`);
    await db.query(`drop table trade_marks, fills`);
  }
}
