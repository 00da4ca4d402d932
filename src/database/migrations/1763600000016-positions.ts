import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the brokers hold, as agents last reported it: positions, working orders, and how fresh each agent's word is. */
export class Positions1763600000016 implements MigrationInterface {
  name = 'Positions1763600000016';

  async up(db: QueryRunner): Promise<void> {
    // 62 random bits in capitals and digits: a comment of an order holds them, and no two trades share them.
    await db.query(`create function new_order_tag() returns text language sql volatile as $$
      select upper(right(replace(gen_random_uuid()::text, '-', ''), 16))
    $$`);
    await db.query(`alter table trades
      add column order_tag text not null default new_order_tag(),
      add column missing_since timestamptz,
      add constraint trades_order_tag check (order_tag ~ '^[A-Z0-9]{16}$'),
      add constraint trades_order_tag_unique unique (order_tag),
      drop constraint trades_exited,
      -- What the broker no longer shows, and nobody told the price of, is closed without one.
      add constraint trades_exited check (status <> 'closed' or (exit_time is not null and exit_reason is not null
        and (exit_price is not null or exit_reason = 'unknown')))`);
    await db.query(`create index trades_account_unfinished on trades (account_id, execution_mode) where finished_at is null`);
    await db.query(`create index trades_account_position on trades (account_id, broker_position_id) where broker_position_id is not null`);
    await db.query(`create index trades_account_order on trades (account_id, broker_order_id) where broker_order_id is not null`);

    // An odd factor maps 31 bits one to one, so no two agents meet, and none has a small number as other programs do.
    await db.query(`alter table agents
      add column magic integer not null generated always as (((seq * 1664525 + 1013904223) % 2147483648)::integer) stored,
      add constraint agents_magic_unique unique (magic)`);
    await db.query(`alter table agent_state add column account_mismatch text[]`);

    // book_id: the account, whose broker everybody on it sees; on a paper account the agent, which is its own broker.
    const shown = `
      id uuid not null default gen_random_uuid(),
      seq bigint generated always as identity,
      account_id uuid not null,
      book_id uuid not null,
      execution_mode text not null,
      key text not null,
      reported_by uuid not null,
      trade_id uuid,
      symbol text not null,
      broker_symbol text not null,
      direction text not null,
      size numeric not null,
      stop_loss numeric,
      take_profit numeric,
      broker_position_id text,
      broker_order_id text,
      order_tag text,
      magic text,
      client_order_id text,
      as_of timestamptz not null,
      missing_since timestamptz,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock()`;
    const checks = (table: string) => `
      constraint ${table}_pk primary key (id),
      constraint ${table}_key_unique unique (book_id, execution_mode, key),
      constraint ${table}_account foreign key (account_id) references accounts (id) on delete restrict,
      constraint ${table}_reported_by foreign key (reported_by) references agents (id) on delete restrict,
      constraint ${table}_trade foreign key (trade_id) references trades (id) on delete restrict,
      constraint ${table}_mode check (execution_mode in ('simulation','paper','live')),
      constraint ${table}_direction check (direction in ('long','short')),
      constraint ${table}_size check (size > 0 and size < 1e15)`;
    await db.query(`create table positions (${shown},
      exchange text,
      product text,
      entry_price numeric not null,
      current_price numeric,
      floating_profit numeric,
      swap numeric,
      commission numeric,
      broker_ticket text,
      opened_at timestamptz,
      comment text,
      differs_since timestamptz,
      mismatch_since timestamptz,
      ${checks('positions')},
      constraint positions_prices check (entry_price >= 0 and entry_price < 1e20 and current_price >= 0 and current_price < 1e20
        and stop_loss > 0 and stop_loss < 1e20 and take_profit > 0 and take_profit < 1e20),
      constraint positions_money check (floating_profit between -1e20 and 1e20 and swap between -1e20 and 1e20 and commission between -1e20 and 1e20)
    )`);
    await db.query(`create table working_orders (${shown},
      role text not null,
      type text not null,
      filled_size numeric,
      price numeric,
      placed_at timestamptz,
      expires_at timestamptz,
      ${checks('working_orders')},
      constraint working_orders_role check (role in ('entry','protective')),
      constraint working_orders_type check (type in ('market','limit','stop','stop_limit','trailing','other')),
      constraint working_orders_filled check (filled_size >= 0 and filled_size < 1e15),
      constraint working_orders_prices check (price > 0 and price < 1e20 and stop_loss > 0 and stop_loss < 1e20 and take_profit > 0 and take_profit < 1e20)
    )`);
    for (const table of ['positions', 'working_orders']) {
      await db.query(`create unique index ${table}_seq on ${table} (seq)`);
      await db.query(`create index ${table}_account_seq on ${table} (account_id, seq)`);
      await db.query(`create index ${table}_trade_id on ${table} (trade_id) where trade_id is not null`);
    }

    await db.query(`create table agent_reports (
      agent_id uuid not null constraint agent_reports_pk primary key constraint agent_reports_agent references agents (id) on delete restrict,
      as_of timestamptz not null,
      received_at timestamptz not null,
      complete_as_of timestamptz,
      complete_received_at timestamptz,
      positions integer not null,
      orders integer not null,
      constraint agent_reports_counts check (positions between 0 and 1000000 and orders between 0 and 1000000),
      constraint agent_reports_complete check ((complete_as_of is null) = (complete_received_at is null))
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table agent_reports, working_orders, positions`);
    await db.query(`alter table agent_state drop column account_mismatch`);
    await db.query(`alter table agents drop column magic`);
    // What was closed without a price has one again, and says so by being zero; the old rule wants one.
    await db.query(`update trades set exit_price = 0 where status = 'closed' and exit_price is null`);
    await db.query(`alter table trades
      drop constraint trades_exited,
      add constraint trades_exited check (status <> 'closed' or (exit_price is not null and exit_time is not null and exit_reason is not null)),
      drop column order_tag, drop column missing_since`);
    await db.query(`drop index trades_account_unfinished, trades_account_position, trades_account_order`);
    await db.query(`drop function new_order_tag()`);
  }
}
