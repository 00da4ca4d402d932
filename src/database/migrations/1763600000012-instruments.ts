import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What accounts trade: the terms of each instrument, and every earlier version of them. */
export class Instruments1763600000012 implements MigrationInterface {
  name = 'Instruments1763600000012';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table instruments (
      id uuid constraint instruments_pk primary key,
      seq bigint generated always as identity,
      account_id uuid not null constraint instruments_account references accounts (id) on delete restrict,
      symbol text not null,
      exchange text,
      product text,
      version integer not null default 1,
      broker_symbol text not null,
      kind text not null,
      size_unit text not null,
      contract_size numeric not null,
      tick_size numeric not null,
      tick_value numeric not null,
      tick_value_currency text,
      min_size numeric not null,
      size_step numeric not null,
      max_size numeric,
      base_currency text,
      quote_currency text not null,
      underlying text,
      sessions jsonb,
      closes_at timestamptz,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      constraint instruments_key unique nulls not distinct (account_id, symbol, exchange, product),
      constraint instruments_broker_symbol unique nulls not distinct (account_id, broker_symbol, exchange, product),
      constraint instruments_symbol check (symbol ~ '^[A-Za-z0-9._/=^#&!+:-]{1,64}$'),
      constraint instruments_exchange check (exchange ~ '^[A-Z][A-Z0-9_]{0,31}$'),
      constraint instruments_product check (product is null or (product in ('CNC','MIS') and exchange is not null)),
      constraint instruments_version check (version >= 1),
      constraint instruments_broker_symbol_length check (length(broker_symbol) between 1 and 64),
      constraint instruments_kind check (kind in ('fx','cfd','stock','future','option','crypto','binary')),
      constraint instruments_size_unit check (length(size_unit) between 1 and 20),
      constraint instruments_sizes check (contract_size > 0 and contract_size < 1e20 and min_size > 0 and min_size < 1e20
        and size_step > 0 and size_step < 1e20 and max_size >= min_size and max_size < 1e20),
      constraint instruments_ticks check (tick_size > 0 and tick_size < 1e20 and tick_value > 0 and tick_value < 1e20),
      constraint instruments_currencies check (base_currency <> quote_currency and (base_currency is not null or kind not in ('fx','crypto')))
    )`);
    await db.query(`create unique index instruments_seq on instruments (seq)`);
    await db.query(`create index instruments_account_seq on instruments (account_id, seq)`);
    await db.query(`create index instruments_symbol_seq on instruments (symbol, seq)`);

    // Positions were sized by the terms of their day. No foreign keys out, as for all history.
    await db.query(`create table instrument_versions (
      seq bigint generated always as identity constraint instrument_versions_pk primary key,
      instrument_id uuid not null,
      version integer not null,
      terms jsonb not null,
      changed text[] not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint instrument_versions_unique unique (instrument_id, version),
      constraint instrument_versions_terms check (jsonb_typeof(terms) = 'object')
    )`);
    await db.query(`create index instrument_versions_instrument_seq on instrument_versions (instrument_id, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on instrument_versions
      for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table instrument_versions, instruments`);
  }
}
