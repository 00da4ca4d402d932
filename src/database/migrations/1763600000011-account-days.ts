import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an account is at its broker, when its day begins, the money that came in and went out, and what each of its days came to. */
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

    // PostgreSQL's own time zones: where the clocks skip the local time it counts from before the change, so the day begins when
    // they have sprung; where they show it twice it is the second. A date that was skipped as a whole is no second rollover.
    await db.query(`create function rollover_after(at timestamptz, zone text, rollover time) returns timestamptz language sql stable as $$
      select min(t) from (select ((at at time zone zone)::date + n + rollover) at time zone zone as t from generate_series(-1, 3) as n) around where t > at
    $$`);
    await db.query(`create function rollover_before(at timestamptz, zone text, rollover time) returns timestamptz language sql stable as $$
      select max(t) from (select ((at at time zone zone)::date + n + rollover) at time zone zone as t from generate_series(-3, 1) as n) around where t <= at
    $$`);

    // first_, last_ and lowest_ are what was reported; opening_ and closing_ follow from them and from the cash flows.
    await db.query(`create table account_days (
      account_id uuid not null constraint account_days_account references accounts (id) on delete restrict,
      execution_mode text not null,
      seq bigint generated always as identity,
      day date not null,
      starts_at timestamptz not null,
      ends_at timestamptz not null,
      first_reported_at timestamptz, first_equity numeric, first_balance numeric,
      last_reported_at timestamptz, last_equity numeric, last_balance numeric,
      lowest_equity numeric,
      net_cash_flows numeric not null default 0,
      opening_equity numeric, opening_balance numeric,
      opening_estimated boolean not null default true,
      closing_equity numeric, closing_balance numeric,
      closing_estimated boolean,
      closed_at timestamptz,
      constraint account_days_pk primary key (account_id, execution_mode, starts_at),
      constraint account_days_mode check (execution_mode in ('simulation','paper','live')),
      constraint account_days_length check (ends_at > starts_at),
      constraint account_days_reports check ((first_reported_at is null) = (last_reported_at is null) and first_reported_at >= starts_at and last_reported_at < ends_at),
      constraint account_days_closed check ((closed_at is null) = (closing_estimated is null) and (closed_at is not null or coalesce(closing_equity, closing_balance) is null)),
      constraint account_days_finite check (first_equity between -1e30 and 1e30 and first_balance between -1e30 and 1e30 and last_equity between -1e30 and 1e30
        and last_balance between -1e30 and 1e30 and lowest_equity between -1e30 and 1e30)
    ) with (fillfactor = 70)`);
    await db.query(`create unique index account_days_seq on account_days (seq)`);
    await db.query(`create unique index account_days_open on account_days (account_id, execution_mode) where closed_at is null`);
    await db.query(`create index account_days_time on account_days (account_id, starts_at, seq)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table account_days, account_cash_flows`);
    await db.query(`drop function rollover_before(timestamptz, text, time), rollover_after(timestamptz, text, time)`);
    await db.query(`drop index accounts_seq`);
    await db.query(`alter table accounts drop column server, drop column login_masked, drop column login_hash, drop column zone, drop column rollover,
      drop column initial_balance, drop column updated_at`);
  }
}
