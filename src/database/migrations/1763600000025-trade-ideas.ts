import type { MigrationInterface, QueryRunner } from 'typeorm';

const PRICE = (column: string) => `${column} > 0 and ${column} < 1e20`;

/** Ideas with what became of them, what decisions have promised (reservations), and for whom a key may propose. */
export class TradeIdeas1763600000025 implements MigrationInterface {
  name = 'TradeIdeas1763600000025';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table trade_ideas (
      id uuid constraint trade_ideas_pk primary key,
      seq bigint not null generated always as identity,
      account_id uuid not null constraint trade_ideas_account references accounts (id) on delete restrict,
      execution_mode text not null constraint trade_ideas_mode check (execution_mode in ('simulation', 'paper', 'live')),
      proposer_id uuid constraint trade_ideas_proposer references agents (id) on delete restrict,
      executor_id uuid not null constraint trade_ideas_executor references agents (id) on delete restrict,
      strategy_id uuid constraint trade_ideas_strategy references strategies (id) on delete restrict,
      strategy_version integer,
      prediction_id uuid,
      snapshot_ref uuid,
      agent_version text,
      symbol text not null,
      broker_symbol text,
      exchange text,
      product text,
      direction text not null constraint trade_ideas_direction check (direction in ('long', 'short')),
      outcome text constraint trade_ideas_outcome check (outcome in ('yes', 'no')),
      lot_size numeric not null constraint trade_ideas_size check (lot_size > 0 and lot_size < 1e15),
      entry_price numeric,
      entry_low numeric,
      entry_high numeric,
      stop_loss numeric,
      take_profit jsonb,
      expected_hold text,
      valid_for_seconds integer not null constraint trade_ideas_valid_for check (valid_for_seconds between 1 and 86400),
      rationale text not null,
      confidence numeric constraint trade_ideas_confidence check (confidence >= 0 and confidence <= 1),
      status text not null,
      digest text not null constraint trade_ideas_digest check (digest ~ '^[0-9a-f]{64}$'),
      band_low numeric,
      band_high numeric,
      waits_until timestamptz,
      approve_until timestamptz,
      approved_by text,
      command_id uuid constraint trade_ideas_command_unique unique,
      close_command_ids uuid[] not null default '{}',
      reduced_size numeric constraint trade_ideas_reduced check (reduced_size > 0 and reduced_size <= lot_size),
      reasons jsonb not null,
      ended_reason text,
      decided_at timestamptz,
      decided_by text,
      actor text not null,
      correlation_id text,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      constraint trade_ideas_prices check (${['entry_price', 'entry_low', 'entry_high', 'stop_loss', 'band_high'].map(PRICE).join(' and ')} and band_low >= 0 and band_low <= band_high),
      constraint trade_ideas_range check ((entry_low is null) = (entry_high is null) and entry_low <= entry_high),
      constraint trade_ideas_band check ((band_low is null) = (band_high is null)),
      constraint trade_ideas_contents check (jsonb_typeof(take_profit) = 'array' and jsonb_typeof(reasons) = 'array'),
      constraint trade_ideas_status check (status in ('waiting', 'needs_approval', 'auto_executed', 'approved', 'rejected', 'halted_by_risk', 'expired')),
      -- Decided is what is neither waited for nor asked about, and only what was carried out has a command.
      constraint trade_ideas_decided check ((status in ('waiting', 'needs_approval')) = (decided_at is null) and (decided_at is null) = (decided_by is null)),
      constraint trade_ideas_carried_out check (case when status in ('auto_executed', 'approved') then command_id is not null or reduced_size = lot_size else command_id is null end),
      constraint trade_ideas_closes check (cardinality(close_command_ids) = 0 or reduced_size is not null),
      constraint trade_ideas_waiting check (status <> 'waiting' or (waits_until is not null and approve_until is null)),
      -- What a person was asked about is never carried out without that person.
      constraint trade_ideas_asked check (status not in ('needs_approval', 'approved') or approve_until is not null),
      constraint trade_ideas_by_itself check (status <> 'auto_executed' or approve_until is null),
      constraint trade_ideas_approved check ((status = 'approved') = (approved_by is not null))
    )`);
    await db.query(`create unique index trade_ideas_seq on trade_ideas (seq)`);
    for (const column of ['executor_id', 'proposer_id', 'status', 'symbol', 'strategy_id']) {
      await db.query(`create index trade_ideas_by_${column.replace('_id', '')} on trade_ideas (${column}, seq)`);
    }
    await db.query(`create index trade_ideas_open on trade_ideas (account_id, status) where decided_at is null`);
    await db.query(`create trigger keep_idea before update on trade_ideas for each row when (old.decided_at is not null) execute function refuse_change()`);

    await db.query(`create table reservations (
      id uuid constraint reservations_pk primary key,
      seq bigint not null generated always as identity,
      idea_id uuid not null constraint reservations_idea references trade_ideas (id) on delete restrict,
      command_id uuid not null constraint reservations_command_unique unique,
      account_id uuid not null constraint reservations_account references accounts (id) on delete restrict,
      execution_mode text not null constraint reservations_mode check (execution_mode in ('simulation', 'paper', 'live')),
      agent_id uuid not null constraint reservations_agent references agents (id) on delete restrict,
      proposer_id uuid constraint reservations_proposer references agents (id) on delete restrict,
      strategy_id uuid constraint reservations_strategy references strategies (id) on delete restrict,
      symbol text not null,
      broker_symbol text,
      exchange text,
      product text,
      direction text not null constraint reservations_direction check (direction in ('long', 'short')),
      outcome text constraint reservations_outcome check (outcome in ('yes', 'no')),
      size numeric not null constraint reservations_size check (size > 0 and size < 1e15),
      entry_price numeric,
      stop numeric,
      created_at timestamptz not null default app_clock(),
      ended_at timestamptz,
      ended_as text constraint reservations_ended_as check (ended_as in ('released', 'converted')),
      trade_id uuid,
      constraint reservations_prices check (${['entry_price', 'stop'].map(PRICE).join(' and ')}),
      constraint reservations_ended check ((ended_at is null) = (ended_as is null) and (coalesce(ended_as, '') = 'converted') = (trade_id is not null))
    )`);
    await db.query(`create unique index reservations_seq on reservations (seq)`);
    await db.query(`create index reservations_not_ended on reservations (account_id, execution_mode) where ended_at is null`);
    await db.query(`create index reservations_account_time on reservations (account_id, execution_mode, created_at)`);
    await db.query(`create index reservations_proposed on reservations (proposer_id, account_id) where proposer_id is not null`);
    await db.query(`create trigger keep_reservation before update on reservations for each row when (old.ended_at is not null) execute function refuse_change()`);
    // What is still promised follows from what became of the command, so nobody has to remember to give it back: a command that
    // ended without having been sent frees it, a trade takes its place; sent, lost or done without a trade it stays.
    await db.query(`create view held_reservations as
      select r.* from reservations r join agent_commands c on c.id = r.command_id
      where r.ended_at is null and c.status not in ('failed', 'expired', 'cancelled', 'dead') and not exists (select 1 from trades t where t.command_id = r.command_id)`);
    await db.query(`create index trades_begun on trades (account_id, execution_mode, coalesce(entry_time, created_at)) where origin <> 'gated'`);

    await db.query(`create table agent_executors (
      agent_id uuid not null constraint agent_executors_agent references agents (id) on delete restrict,
      executor_id uuid not null constraint agent_executors_executor references agents (id) on delete restrict,
      granted_by text not null,
      granted_at timestamptz not null default app_clock(),
      constraint agent_executors_pk primary key (agent_id, executor_id),
      constraint agent_executors_other check (agent_id <> executor_id)
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop view held_reservations`);
    await db.query(`drop index trades_begun`);
    await db.query(`drop table agent_executors, reservations, trade_ideas`);
  }
}
