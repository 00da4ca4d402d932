import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an account is at its broker, when its day begins, and the money that came in and went out. */
export class AccountDays1763600000011 implements MigrationInterface {
  name = 'AccountDays1763600000011';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`alter table accounts
      add column server text,
      add column login_masked text,
      add column login_hash text,
      add column zone text not null default 'UTC',
      add column rollover time not null default '00:00',
      add column initial_balance numeric,
      add column updated_at timestamptz not null default app_clock(),
      add constraint accounts_login_hash check (login_hash ~ '^[0-9a-f]{64}$'),
      add constraint accounts_login_unique unique (login_hash),
      add constraint accounts_login_needs_server check (login_hash is null or server is not null),
      add constraint accounts_rollover check (rollover < '24:00' and extract(second from rollover) = 0),
      add constraint accounts_initial_balance check (initial_balance between 0 and 1e20)`);
    await db.query(`create unique index accounts_seq on accounts (seq)`);

    // No foreign keys out: history stays as it was told, whatever becomes of what it names.
    await db.query(`create table account_cash_flows (
      seq bigint generated always as identity constraint account_cash_flows_pk primary key,
      id uuid not null constraint account_cash_flows_id_unique unique,
      account_id uuid not null,
      kind text not null,
      amount numeric not null,
      broker_deal_id text,
      at timestamptz not null,
      recorded_by text not null,
      correlation_id text,
      created_at timestamptz not null default app_clock(),
      constraint account_cash_flows_deal_unique unique (account_id, broker_deal_id),
      constraint account_cash_flows_kind check (kind in ('deposit','withdrawal','credit','correction','bonus','transfer')),
      constraint account_cash_flows_amount check (amount <> 0 and amount between -1e20 and 1e20),
      constraint account_cash_flows_sign check (case kind when 'deposit' then amount > 0 when 'withdrawal' then amount < 0 else true end)
    )`);
    await db.query(`create index account_cash_flows_time on account_cash_flows (account_id, at, seq)`);
    await db.query(`create trigger refuse_change before update or delete or truncate on account_cash_flows
      for each statement execute function refuse_change()`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table account_cash_flows`);
    await db.query(`drop index accounts_seq`);
    await db.query(`alter table accounts drop column server, drop column login_masked, drop column login_hash, drop column zone, drop column rollover,
      drop column initial_balance, drop column updated_at`);
  }
}
