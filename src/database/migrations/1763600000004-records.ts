import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What agents report of their work: predictions, trades with their history, explanations. */
export class Records1763600000004 implements MigrationInterface {
  name = 'Records1763600000004';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table predictions (
      id uuid constraint predictions_pk primary key,
      seq bigint generated always as identity,
      agent_id uuid not null constraint predictions_agent references agents (id) on delete restrict,
      model text not null,
      model_version text,
      prompt_hash text,
      symbol text not null,
      predicted_at timestamptz not null,
      horizon_seconds integer,
      direction text not null,
      confidence numeric not null,
      prob_up numeric,
      prob_down numeric,
      components jsonb,
      agreement_count integer,
      agreement_score numeric,
      market_regime text,
      market_price numeric,
      agent_cycle_number bigint,
      used_by_agent boolean not null default false,
      should_trade boolean not null,
      threshold_used numeric not null,
      source_time timestamptz,
      created_at timestamptz not null default app_clock(),
      constraint predictions_direction check (direction in ('long','short','hold')),
      constraint predictions_confidence check (confidence between 0 and 1),
      constraint predictions_probabilities check (prob_up between 0 and 1 and prob_down between 0 and 1 and agreement_score between 0 and 1),
      constraint predictions_threshold check (threshold_used between 0 and 1),
      constraint predictions_price check (market_price > 0 and market_price < 1e20),
      constraint predictions_counts check (horizon_seconds > 0 and agreement_count >= 0 and agent_cycle_number >= 0)
    )`);
    await db.query(`create unique index predictions_seq on predictions (seq)`);
    await db.query(`create index predictions_time on predictions (predicted_at, seq)`);
    await db.query(`create index predictions_agent_time on predictions (agent_id, predicted_at, seq)`);
    await db.query(`create index predictions_symbol_time on predictions (symbol, predicted_at, seq)`);
    await db.query(`create index predictions_agent_symbol_time on predictions (agent_id, symbol, predicted_at, seq)`);
    await db.query(`create index predictions_direction_time on predictions (direction, predicted_at, seq)`);
    await db.query(`create index predictions_cycle on predictions (agent_cycle_number, agent_id) where agent_cycle_number is not null`);

    await db.query(`create table trades (
      id uuid constraint trades_pk primary key,
      seq bigint generated always as identity,
      agent_id uuid not null constraint trades_agent references agents (id) on delete restrict,
      account_id uuid not null constraint trades_account references accounts (id) on delete restrict,
      client_order_id text not null,
      symbol text not null,
      exchange text,
      product text,
      direction text not null,
      outcome text,
      lot_size numeric not null,
      entry_price numeric,
      entry_time timestamptz,
      stop_loss numeric,
      take_profit jsonb,
      execution_mode text not null,
      origin text not null,
      broker text,
      broker_order_id text,
      broker_position_id text,
      broker_ticket text,
      prediction_id uuid constraint trades_prediction references predictions (id) on delete set null,
      idea_id uuid,
      command_id uuid constraint trades_command references agent_commands (id) on delete set null,
      status text not null,
      version integer not null default 1,
      exit_price numeric,
      exit_time timestamptz,
      exit_reason text,
      gross_profit numeric,
      commission numeric,
      swap numeric,
      fee numeric,
      net_profit numeric generated always as (trim_scale(gross_profit + coalesce(commission, 0) + coalesce(swap, 0) + coalesce(fee, 0))) stored,
      source_time timestamptz,
      request_hash text not null,
      created_at timestamptz not null default app_clock(),
      updated_at timestamptz not null default app_clock(),
      finished_at timestamptz,
      constraint trades_client_order_unique unique (agent_id, client_order_id),
      constraint trades_direction check (direction in ('long','short')),
      constraint trades_outcome check (outcome in ('yes','no')),
      constraint trades_mode check (execution_mode in ('simulation','paper','live')),
      constraint trades_origin check (origin in ('gated','ungated','external')),
      constraint trades_status check (status in ('pending','open','closing','closed','rejected','cancelled','expired','unknown')),
      constraint trades_finished check ((status in ('closed','rejected','cancelled','expired')) = (finished_at is not null)),
      constraint trades_entered check (status not in ('open','closing') or (entry_price is not null and entry_time is not null)),
      constraint trades_exited check (status <> 'closed' or (exit_price is not null and exit_time is not null and exit_reason is not null)),
      constraint trades_exit_reason check (exit_reason in ('stop','target','trailing','signal','supervisor','operator','flatten','stop_out','square_off','settlement','external','unknown')),
      constraint trades_size check (lot_size > 0 and lot_size < 1e15),
      constraint trades_prices check (entry_price > 0 and entry_price < 1e20 and exit_price >= 0 and exit_price < 1e20 and stop_loss > 0 and stop_loss < 1e20),
      constraint trades_money check (gross_profit between -1e20 and 1e20 and commission between -1e20 and 1e20 and swap between -1e20 and 1e20
        and fee between -1e20 and 1e20 and net_profit between -1e20 and 1e20)
    )`);
    await db.query(`create unique index trades_seq on trades (seq)`);
    await db.query(`create index trades_agent_seq on trades (agent_id, seq)`);
    await db.query(`create index trades_agent_status on trades (agent_id, status, seq)`);
    await db.query(`create index trades_status_seq on trades (status, seq)`);
    await db.query(`create index trades_symbol_seq on trades (symbol, seq)`);
    await db.query(`create index trades_mode_seq on trades (execution_mode, seq)`);
    await db.query(`create index trades_account_mode on trades (account_id, execution_mode, seq)`);
    await db.query(`create index trades_entry_time on trades (entry_time, seq)`);
    await db.query(`create index trades_agent_entry_time on trades (agent_id, entry_time, seq)`);
    await db.query(`create index trades_prediction_id on trades (prediction_id, seq) where prediction_id is not null`);
    await db.query(`create index trades_command_id on trades (command_id) where command_id is not null`);

    await db.query(`create table trade_transitions (
      seq bigint generated always as identity constraint trade_transitions_pk primary key,
      trade_id uuid not null,
      version integer not null,
      from_status text,
      to_status text not null,
      occurred_at timestamptz not null,
      recorded_at timestamptz not null default app_clock(),
      late boolean not null,
      broker_deal_id text,
      facts jsonb not null default '{}',
      reason text,
      actor text not null,
      correlation_id text,
      constraint trade_transitions_version_unique unique (trade_id, version)
    )`);
    await db.query(`create unique index trade_transitions_deal on trade_transitions (trade_id, broker_deal_id) where broker_deal_id is not null`);
    await db.query(`create trigger refuse_change before update or delete or truncate on trade_transitions
      for each statement execute function refuse_change()`);

    await db.query(`create table trade_explanations (
      id uuid constraint trade_explanations_pk primary key,
      seq bigint generated always as identity,
      agent_id uuid not null constraint trade_explanations_agent references agents (id) on delete restrict,
      trade_id uuid not null constraint trade_explanations_trade references trades (id) on delete restrict,
      prediction_id uuid constraint trade_explanations_prediction references predictions (id) on delete set null,
      kind text not null,
      explanation text not null,
      confidence_factors jsonb,
      risk_factors jsonb,
      llm_model text,
      prompt_hash text,
      prompt text,
      raw_response text,
      tokens integer,
      cost numeric,
      created_at timestamptz not null default app_clock(),
      constraint trade_explanations_kind check (kind in ('entry','exit','skip','review')),
      constraint trade_explanations_cost check (cost >= 0 and cost < 1e15 and tokens >= 0)
    )`);
    await db.query(`create unique index trade_explanations_seq on trade_explanations (seq)`);
    await db.query(`create index trade_explanations_agent_seq on trade_explanations (agent_id, seq)`);
    await db.query(`create index trade_explanations_trade_id on trade_explanations (trade_id, seq)`);
    await db.query(`create index trade_explanations_prediction_id on trade_explanations (prediction_id, seq) where prediction_id is not null`);
    await db.query(`create index trade_explanations_kind_seq on trade_explanations (kind, seq)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table trade_explanations, trade_transitions, trades, predictions`);
  }
}
