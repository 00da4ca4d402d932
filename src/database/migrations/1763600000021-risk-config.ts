import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The same in both tables; null is no limit. Two-sided, since NaN is above every number. */
const LIMITS = `
  ai_trading_enabled boolean,
  require_approval boolean,
  min_confidence_threshold numeric,
  max_lot_size numeric,
  max_concurrent_trades integer,
  max_trades_per_symbol integer,
  max_trades_per_day integer,
  max_gross_exposure_amount numeric,
  max_net_currency_exposure_amount numeric,
  max_open_risk_amount numeric,
  daily_profit_target numeric,
  stop_after_target boolean,
  daily_loss_limit_amount numeric,
  daily_loss_limit_fraction numeric,
  max_drawdown_amount numeric,
  max_drawdown_fraction numeric,
  halt_on_drawdown boolean,
  min_reward_to_risk numeric,
  duplicate_intent_seconds integer,
  cooldown_seconds integer,
  news_embargo_minutes integer,
  max_price_deviation numeric,
  max_price_age_seconds integer,
  allow_off_watchlist_autotrade boolean,`;

const checks = (table: string) => `
  constraint ${table}_fractions check (min_confidence_threshold >= 0 and min_confidence_threshold <= 1
    and daily_loss_limit_fraction >= 0 and daily_loss_limit_fraction <= 1
    and max_drawdown_fraction >= 0 and max_drawdown_fraction <= 1
    and max_price_deviation >= 0 and max_price_deviation <= 1),
  constraint ${table}_sizes check (max_lot_size >= 0 and max_lot_size <= 1e14
    and min_reward_to_risk >= 0 and min_reward_to_risk <= 1000),
  constraint ${table}_counts check (max_concurrent_trades >= 0 and max_concurrent_trades <= 1000000
    and max_trades_per_symbol >= 0 and max_trades_per_symbol <= 1000000
    and max_trades_per_day >= 0 and max_trades_per_day <= 1000000),
  constraint ${table}_amounts check (max_gross_exposure_amount >= 0 and max_gross_exposure_amount <= 1e19
    and max_net_currency_exposure_amount >= 0 and max_net_currency_exposure_amount <= 1e19
    and max_open_risk_amount >= 0 and max_open_risk_amount <= 1e19
    and daily_profit_target >= 0 and daily_profit_target <= 1e19
    and daily_loss_limit_amount >= 0 and daily_loss_limit_amount <= 1e19
    and max_drawdown_amount >= 0 and max_drawdown_amount <= 1e19),
  constraint ${table}_times check (duplicate_intent_seconds >= 0 and duplicate_intent_seconds <= 604800
    and cooldown_seconds >= 0 and cooldown_seconds <= 604800
    and news_embargo_minutes >= 0 and news_embargo_minutes <= 1440
    and max_price_age_seconds >= 0 and max_price_age_seconds <= 604800),
  constraint ${table}_currency check (currency ~ '^[A-Z]{3,10}$')`;

/** Limits for everybody, and those of accounts, agents and strategies; each with every version there was. */
export class RiskConfig1763600000021 implements MigrationInterface {
  name = 'RiskConfig1763600000021';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table risk_config (
      id boolean constraint risk_config_pk primary key default true,
      version integer not null,${LIMITS}
      currency text not null,
      last_halt_reason text,
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint risk_config_single check (id),
      constraint risk_config_version check (version >= 1),
      constraint risk_config_switches check (ai_trading_enabled is not null and require_approval is not null and stop_after_target is not null
        and halt_on_drawdown is not null and allow_off_watchlist_autotrade is not null),${checks('risk_config')}
    )`);
    await db.query(`create table risk_limits (
      id bigint generated always as identity constraint risk_limits_pk primary key,
      account_id uuid constraint risk_limits_account references accounts (id) on delete restrict,
      agent_id uuid constraint risk_limits_agent references agents (id) on delete restrict,
      strategy_id uuid constraint risk_limits_strategy references strategies (id) on delete restrict,
      version integer not null,${LIMITS}
      currency text not null,
      updated_at timestamptz not null default app_clock(),
      updated_by text not null,
      constraint risk_limits_scope check (num_nonnulls(account_id, agent_id, strategy_id) = 1),
      constraint risk_limits_version check (version >= 1),${checks('risk_limits')}
    )`);
    for (const scope of ['account', 'agent', 'strategy']) await db.query(`create unique index risk_limits_${scope}_unique on risk_limits (${scope}_id)`);

    // No foreign keys out, as for all history.
    await db.query(`create table risk_config_history (
      seq bigint generated always as identity constraint risk_config_history_pk primary key,
      version integer not null,
      content jsonb not null,
      changed jsonb not null,
      effect text not null,
      currency text not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint risk_config_history_unique unique (version),
      constraint risk_config_history_contents check (jsonb_typeof(content) = 'object' and jsonb_typeof(changed) = 'array'),
      constraint risk_config_history_effect check (effect in ('none','tighter','looser'))
    )`);
    await db.query(`create table risk_limits_history (
      seq bigint generated always as identity constraint risk_limits_history_pk primary key,
      scope text not null,
      scope_id uuid not null,
      version integer not null,
      content jsonb not null,
      changed jsonb not null,
      effect text not null,
      currency text not null,
      reason text,
      actor text not null,
      correlation_id text,
      recorded_at timestamptz not null default app_clock(),
      constraint risk_limits_history_unique unique (scope_id, version),
      constraint risk_limits_history_scope check (scope in ('account','agent','strategy')),
      constraint risk_limits_history_contents check (jsonb_typeof(content) = 'object' and jsonb_typeof(changed) = 'array'),
      constraint risk_limits_history_effect check (effect in ('none','tighter','looser'))
    )`);
    await db.query(`create index risk_limits_history_scope_seq on risk_limits_history (scope_id, seq)`);
    for (const table of ['risk_config_history', 'risk_limits_history']) {
      await db.query(`create trigger refuse_change before update or delete or truncate on ${table} for each statement execute function refuse_change()`);
    }

    await db.query(`insert into risk_config (version, ai_trading_enabled, require_approval, min_confidence_threshold, max_lot_size, max_concurrent_trades,
      max_trades_per_symbol, max_trades_per_day, stop_after_target, daily_loss_limit_fraction, max_drawdown_fraction, halt_on_drawdown, min_reward_to_risk,
      news_embargo_minutes, max_price_age_seconds, allow_off_watchlist_autotrade, currency, updated_by)
      values (1, false, false, 0.7, 1, 3, 1, 50, true, 0.05, 0.15, true, 2, 30, 10, false, 'USD', 'system')`);
    await db.query(`insert into risk_config_history (version, content, changed, effect, currency, reason, actor)
      values (1, '{"aiTradingEnabled":false,"requireApproval":false,"minConfidenceThreshold":"0.7","maxLotSize":"1","maxConcurrentTrades":3,"maxTradesPerSymbol":1,
        "maxTradesPerDay":50,"maxGrossExposureAmount":null,"maxNetCurrencyExposureAmount":null,"maxOpenRiskAmount":null,"dailyProfitTarget":null,"stopAfterTarget":true,
        "dailyLossLimitAmount":null,"dailyLossLimitFraction":"0.05","maxDrawdownAmount":null,"maxDrawdownFraction":"0.15","haltOnDrawdown":true,"minRewardToRisk":"2",
        "duplicateIntentSeconds":null,"cooldownSeconds":null,"newsEmbargoMinutes":30,"maxPriceDeviation":null,"maxPriceAgeSeconds":10,"allowOffWatchlistAutotrade":false}',
        '[]', 'none', 'USD', 'as it came', 'system')`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop table risk_limits_history, risk_config_history, risk_limits, risk_config`);
  }
}
