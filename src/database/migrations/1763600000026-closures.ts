import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is to be closed until it is flat, the rules by which trades are stopped, and when this server was well. */
export class Closures1763600000026 implements MigrationInterface {
  name = 'Closures1763600000026';

  async up(db: QueryRunner): Promise<void> {
    // closing_reason: why a close was sent; the reason of an end that says none itself.
    await db.query(`alter table trades
      add column strategy_id uuid constraint trades_strategy references strategies (id) on delete restrict,
      add column closing_reason text,
      add constraint trades_closing_reason check (closing_reason in ('stop','target','trailing','signal','supervisor','operator','flatten','stop_out','square_off','settlement','external')),
      drop constraint trades_exited,
      -- What went out of the broker's sight while it was being closed has no price, and a reason.
      add constraint trades_exited check (status <> 'closed' or (exit_time is not null and exit_reason is not null
        and (exit_price is not null or exit_reason = 'unknown' or coalesce(exit_reason = closing_reason, false))))`);
    await db.query(`alter table agents
      add column wind_down_after_seconds integer not null default 900,
      add constraint agents_wind_down_after check (wind_down_after_seconds between 60 and 604800)`);

    await db.query(`create table closures (
      id uuid not null default gen_random_uuid() constraint closures_pk primary key,
      seq bigint generated always as identity,
      trade_id uuid not null constraint closures_trade references trades (id) on delete restrict,
      agent_id uuid not null,
      account_id uuid not null,
      cause text not null,
      rule text,
      detail jsonb not null default '{}',
      halt_id uuid,
      size numeric,
      open_size_before numeric not null,
      exit_reason text not null,
      actor text not null,
      correlation_id text,
      command_id uuid,
      tries integer not null default 0,
      created_at timestamptz not null default app_clock(),
      ended_at timestamptz,
      ended_as text,
      ended_by text,
      end_reason text,
      constraint closures_cause check (cause in ('supervisor','halt','operator','wind_down','breaker')),
      constraint closures_rule check ((cause = 'supervisor') = (rule is not null)),
      constraint closures_detail check (jsonb_typeof(detail) = 'object'),
      constraint closures_size check (size > 0 and size < 1e15),
      constraint closures_open_size_before check (open_size_before >= 0 and open_size_before < 1e15),
      constraint closures_exit_reason check (exit_reason in ('stop','target','trailing','signal','supervisor','operator','flatten','stop_out','square_off','settlement','external')),
      constraint closures_tries check (tries >= 0),
      constraint closures_ended_as check (ended_as in ('flat','reduced','withdrawn')),
      constraint closures_ended check ((ended_at is null) = (ended_as is null) and (ended_at is null) = (ended_by is null))
    )`);
    await db.query(`create unique index closures_seq on closures (seq)`);
    // Once for each trade, from however many rules, halts and instances.
    await db.query(`create unique index closures_open_once on closures (trade_id) where ended_at is null`);
    await db.query(`create index closures_by_trade on closures (trade_id, seq)`);
    await db.query(`create index closures_by_agent on closures (agent_id, seq)`);
    await db.query(`create index closures_by_account on closures (account_id, seq)`);

    await db.query(`create table trade_exit_rules (
      trade_id uuid not null constraint trade_exit_rules_pk primary key constraint trade_exit_rules_trade references trades (id) on delete restrict,
      rules jsonb not null,
      version integer not null default 1,
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint trade_exit_rules_rules check (jsonb_typeof(rules) = 'object'),
      constraint trade_exit_rules_version check (version >= 1)
    )`);

    // One row: the last time at which a server reached this database. And the times in which none did.
    await db.query(`create table server_health (
      id smallint not null default 1 constraint server_health_pk primary key,
      beat_at timestamptz not null,
      well_since timestamptz not null,
      constraint server_health_one check (id = 1)
    )`);
    await db.query(`create table server_gaps (
      seq bigint generated always as identity constraint server_gaps_pk primary key,
      began_at timestamptz not null,
      ended_at timestamptz not null,
      constraint server_gaps_order check (began_at < ended_at)
    )`);
    await db.query(`create index server_gaps_ended on server_gaps (ended_at)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table server_gaps, server_health, trade_exit_rules, closures`);
    await db.query(`alter table agents drop column wind_down_after_seconds`);
    await db.query(`update trades set exit_reason = 'unknown' where status = 'closed' and exit_price is null`);
    await db.query(`alter table trades
      drop constraint trades_exited,
      add constraint trades_exited check (status <> 'closed' or (exit_time is not null and exit_reason is not null
        and (exit_price is not null or exit_reason = 'unknown'))),
      drop column closing_reason, drop column strategy_id`);
  }
}
