import type { OldTable } from './old-table.js';

/** At revision 0080. */
export const TABLES_M_TO_Z: Record<string, OldTable> = {
  position_snapshots: {
    columns: `id INTEGER NOT NULL, as_of_date DATE NOT NULL, captured_at DATETIME NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32) DEFAULT 'NSE' NOT NULL, product VARCHAR(16) NOT NULL, qty FLOAT NOT NULL, avg_price FLOAT
      DEFAULT '0' NOT NULL, pnl FLOAT DEFAULT '0' NOT NULL, last_price FLOAT, close_price FLOAT, value FLOAT, m2m FLOAT, unrealised FLOAT, realised FLOAT, buy_qty FLOAT, buy_avg_price FLOAT, sell_qty FLOAT, sell_avg_price
      FLOAT, day_buy_qty FLOAT, day_buy_avg_price FLOAT, day_sell_qty FLOAT, day_sell_avg_price FLOAT, holding_qty FLOAT, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL`,
    unique: ['broker_name, as_of_date, symbol, exchange, product'],
    indexes: `ix_position_snapshots_broker_date_symbol(broker_name, as_of_date, symbol); ix_position_snapshots_broker_symbol_date(broker_name, symbol, as_of_date)`,
  },
  positions: {
    columns: `id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, product VARCHAR(16) NOT NULL, qty FLOAT NOT NULL, avg_price FLOAT NOT NULL, pnl FLOAT DEFAULT 0.0 NOT NULL, last_updated DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
      exchange VARCHAR(32) DEFAULT 'NSE' NOT NULL, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL`,
    unique: ['broker_name, symbol, exchange, product'],
    indexes: `ix_positions_broker_symbol(broker_name, symbol)`,
  },
  risk_global_config: {
    columns: `id INTEGER NOT NULL, singleton_key VARCHAR(16) DEFAULT 'GLOBAL' NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, manual_override_enabled BOOLEAN DEFAULT 0 NOT NULL, baseline_equity_inr FLOAT DEFAULT 0 NOT NULL, created_at
      DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, no_trade_rules TEXT`,
    indexes: `UNIQUE ux_risk_global_config_singleton(singleton_key)`,
  },
  risk_profiles: {
    columns: `id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL, capital_per_trade FLOAT DEFAULT 0 NOT NULL, max_positions INTEGER DEFAULT 0 NOT NULL, max_exposure_pct FLOAT DEFAULT 0 NOT
      NULL, risk_per_trade_pct FLOAT DEFAULT 0 NOT NULL, hard_risk_pct FLOAT DEFAULT 0 NOT NULL, daily_loss_pct FLOAT DEFAULT 0 NOT NULL, hard_daily_loss_pct FLOAT DEFAULT 0 NOT NULL, max_consecutive_losses INTEGER DEFAULT 0
      NOT NULL, drawdown_mode VARCHAR(32) DEFAULT 'SETTINGS_BY_CATEGORY' NOT NULL, force_exit_time VARCHAR(8), entry_cutoff_time VARCHAR(8), force_squareoff_time VARCHAR(8), max_trades_per_day INTEGER,
      max_trades_per_symbol_per_day INTEGER, min_bars_between_trades INTEGER, cooldown_after_loss_bars INTEGER, slippage_guard_bps FLOAT, gap_guard_pct FLOAT, order_type_policy VARCHAR(32), enabled BOOLEAN DEFAULT 1 NOT NULL,
      is_default BOOLEAN DEFAULT 0 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, leverage_mode VARCHAR(16), max_effective_leverage FLOAT,
      max_margin_used_pct FLOAT, stop_loss_mandatory BOOLEAN DEFAULT 1 NOT NULL, stop_reference VARCHAR(16) DEFAULT 'ATR' NOT NULL, atr_period INTEGER DEFAULT 14 NOT NULL, atr_mult_initial_stop FLOAT DEFAULT 2.0 NOT NULL,
      fallback_stop_pct FLOAT DEFAULT 1.0 NOT NULL, min_stop_distance_pct FLOAT DEFAULT 0.5 NOT NULL, max_stop_distance_pct FLOAT DEFAULT 3.0 NOT NULL, managed_risk_enabled BOOLEAN DEFAULT 0 NOT NULL, trailing_stop_enabled
      BOOLEAN DEFAULT 1 NOT NULL, trail_activation_atr FLOAT DEFAULT 2.5 NOT NULL, trail_activation_pct FLOAT DEFAULT 3.0 NOT NULL`,
    indexes: `UNIQUE ux_risk_profiles_name(name); ix_risk_profiles_product_enabled(product, enabled)`,
  },
  risk_settings: {
    columns: `id INTEGER NOT NULL, scope VARCHAR(16) DEFAULT 'STRATEGY' NOT NULL, strategy_id INTEGER, max_order_value FLOAT, max_quantity_per_order FLOAT, max_daily_loss FLOAT, allow_short_selling BOOLEAN DEFAULT 1 NOT NULL,
      max_open_positions INTEGER, clamp_mode VARCHAR(16) DEFAULT 'CLAMP' NOT NULL, symbol_whitelist TEXT, symbol_blacklist TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT
      CURRENT_TIMESTAMP NOT NULL`,
    unique: ['scope, strategy_id'],
  },
  risk_source_overrides: {
    columns: `id INTEGER NOT NULL, source_bucket VARCHAR(16) NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL, allow_product BOOLEAN, allow_short_selling BOOLEAN, max_order_value_pct FLOAT, max_order_value_abs FLOAT,
      max_quantity_per_order FLOAT, capital_per_trade FLOAT, max_positions INTEGER, max_exposure_pct FLOAT, daily_loss_pct FLOAT, hard_daily_loss_pct FLOAT, max_consecutive_losses INTEGER, entry_cutoff_time VARCHAR(8),
      force_squareoff_time VARCHAR(8), max_trades_per_day INTEGER, max_trades_per_symbol_per_day INTEGER, min_bars_between_trades INTEGER, cooldown_after_loss_bars INTEGER, slippage_guard_bps FLOAT, gap_guard_pct FLOAT,
      order_type_policy VARCHAR(64), created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, risk_per_trade_pct FLOAT, hard_risk_pct FLOAT, stop_loss_mandatory BOOLEAN,
      stop_reference VARCHAR(16), atr_period INTEGER, atr_mult_initial_stop FLOAT, fallback_stop_pct FLOAT, min_stop_distance_pct FLOAT, max_stop_distance_pct FLOAT`,
    unique: ['source_bucket, product'],
    indexes: `ix_risk_source_overrides_source_product(source_bucket, product)`,
  },
  securities: {
    columns: `id INTEGER NOT NULL, isin VARCHAR(32), name VARCHAR(255), active BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    unique: ['isin'],
    indexes: `ix_securities_isin(isin)`,
  },
  signal_strategies: {
    columns: `id INTEGER NOT NULL, scope VARCHAR(16) DEFAULT 'USER' NOT NULL, owner_id INTEGER, name VARCHAR(255) NOT NULL, description TEXT, tags_json TEXT DEFAULT '[]' NOT NULL, regimes_json TEXT DEFAULT '[]' NOT NULL,
      latest_version INTEGER DEFAULT '1' NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['scope, owner_id, name'],
    indexes: `ix_signal_strategies_owner_updated(owner_id, updated_at); ix_signal_strategies_scope_updated(scope, updated_at)`,
  },
  signal_strategy_versions: {
    columns: `id INTEGER NOT NULL, strategy_id INTEGER NOT NULL, version INTEGER DEFAULT '1' NOT NULL, inputs_json TEXT DEFAULT '[]' NOT NULL, variables_json TEXT DEFAULT '[]' NOT NULL, outputs_json TEXT DEFAULT '[]' NOT NULL,
      compatibility_json TEXT DEFAULT '{}' NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['strategy_id, version'],
    indexes: `ix_signal_strategy_versions_strategy(strategy_id, version)`,
  },
  strategies: {
    columns: `id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, description TEXT, execution_mode VARCHAR(16) DEFAULT 'MANUAL' NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
      updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, execution_target VARCHAR(16) DEFAULT 'LIVE' NOT NULL, paper_poll_interval_sec INTEGER, owner_id INTEGER, scope VARCHAR(16), dsl_expression TEXT, expression_json
      TEXT, is_builtin BOOLEAN DEFAULT 0 NOT NULL, available_for_alert BOOLEAN DEFAULT 1 NOT NULL`,
    unique: ['name'],
    indexes: `ix_strategies_execution_mode(execution_mode)`,
  },
  strategy_deployment_actions: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, job_id INTEGER, kind VARCHAR(32) DEFAULT 'JOB_EXECUTED' NOT NULL, payload_json TEXT, created_at DATETIME NOT NULL`,
    indexes: `ix_strategy_deployment_actions_created_at(created_at); ix_strategy_deployment_actions_deployment_id(deployment_id); ix_strategy_deployment_actions_kind(kind)`,
  },
  strategy_deployment_bar_cursors: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, exchange VARCHAR(32) NOT NULL, symbol VARCHAR(128) NOT NULL, timeframe VARCHAR(8) NOT NULL, last_emitted_bar_end_ts DATETIME, updated_at DATETIME NOT NULL`,
    unique: ['deployment_id, exchange, symbol, timeframe'],
    indexes: `ix_strategy_deployment_bar_cursors_deployment_id(deployment_id); ix_strategy_deployment_bar_cursors_symbol_tf(exchange, symbol, timeframe)`,
  },
  strategy_deployment_event_logs: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, job_id INTEGER, kind VARCHAR(64) NOT NULL, payload_json TEXT, created_at DATETIME NOT NULL`,
    indexes: `ix_strategy_deployment_event_logs_created_at(created_at); ix_strategy_deployment_event_logs_deployment_id(deployment_id); ix_strategy_deployment_event_logs_kind(kind)`,
  },
  strategy_deployment_jobs: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, owner_id INTEGER NOT NULL, kind VARCHAR(32) NOT NULL, status VARCHAR(16) DEFAULT 'PENDING' NOT NULL, dedupe_key VARCHAR(255) NOT NULL, scheduled_for DATETIME,
      payload_json TEXT DEFAULT '{}' NOT NULL, run_after DATETIME, attempts INTEGER DEFAULT '0' NOT NULL, max_attempts INTEGER DEFAULT '5' NOT NULL, locked_by VARCHAR(64), locked_at DATETIME, last_error TEXT, created_at
      DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['dedupe_key'],
    indexes: `ix_strategy_deployment_jobs_created_at(created_at); ix_strategy_deployment_jobs_deployment_id(deployment_id); ix_strategy_deployment_jobs_locked_at(locked_at); ix_strategy_deployment_jobs_owner_id(owner_id);
      ix_strategy_deployment_jobs_run_after(run_after); ix_strategy_deployment_jobs_status(status)`,
  },
  strategy_deployment_locks: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, locked_by VARCHAR(64), locked_until DATETIME, updated_at DATETIME NOT NULL`,
    unique: ['deployment_id'],
    indexes: `ix_strategy_deployment_locks_deployment_id(deployment_id); ix_strategy_deployment_locks_locked_until(locked_until)`,
  },
  strategy_deployment_states: {
    columns: `id INTEGER NOT NULL, deployment_id INTEGER NOT NULL, status VARCHAR(16) DEFAULT 'STOPPED' NOT NULL, state_json TEXT, last_evaluated_at DATETIME, next_evaluate_at DATETIME, last_error TEXT, started_at DATETIME, stopped_at
      DATETIME, updated_at DATETIME NOT NULL, last_eval_at DATETIME, last_eval_bar_end_ts DATETIME, runtime_state VARCHAR(32), last_decision VARCHAR(32), last_decision_reason VARCHAR(255), next_eval_at DATETIME, paused_at
      DATETIME, resumed_at DATETIME, pause_reason VARCHAR(255), exposure_json TEXT`,
    unique: ['deployment_id'],
    indexes: `ix_strategy_deployment_states_deployment_id(deployment_id); ix_strategy_deployment_states_last_eval_at(last_eval_at); ix_strategy_deployment_states_last_evaluated_at(last_evaluated_at);
      ix_strategy_deployment_states_next_eval_at(next_eval_at); ix_strategy_deployment_states_next_evaluate_at(next_evaluate_at); ix_strategy_deployment_states_status(status)`,
  },
  strategy_deployments: {
    columns: `id INTEGER NOT NULL, owner_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, description TEXT, kind VARCHAR(32) NOT NULL, execution_target VARCHAR(16) DEFAULT 'PAPER' NOT NULL, enabled BOOLEAN DEFAULT 0 NOT NULL,
      broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL, target_kind VARCHAR(16) DEFAULT 'SYMBOL' NOT NULL, group_id INTEGER, exchange VARCHAR(32), symbol VARCHAR(128), timeframe
      VARCHAR(8) DEFAULT '1d' NOT NULL, config_json TEXT NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['owner_id, name'],
    indexes: `ix_strategy_deployments_broker_name(broker_name); ix_strategy_deployments_created_at(created_at); ix_strategy_deployments_enabled(enabled); ix_strategy_deployments_execution_target(execution_target);
      ix_strategy_deployments_group_id(group_id); ix_strategy_deployments_kind(kind); ix_strategy_deployments_owner_id(owner_id); ix_strategy_deployments_symbol(exchange, symbol)`,
  },
  symbol_risk_categories: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(16) DEFAULT 'NSE' NOT NULL, risk_category VARCHAR(16) DEFAULT 'LC' NOT NULL,
      created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `UNIQUE ux_symbol_risk_categories_scope(user_id, broker_name, symbol, exchange); ix_symbol_risk_categories_user_symbol(user_id, broker_name, symbol, exchange)`,
  },
  system_events: {
    columns: `id INTEGER NOT NULL, level VARCHAR(16) NOT NULL, category VARCHAR(32) NOT NULL, message VARCHAR(255) NOT NULL, details TEXT, correlation_id VARCHAR(64), created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
  },
  tradingview_alert_payload_templates: {
    columns: `id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, config_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `UNIQUE ux_tradingview_alert_payload_templates_name(name); ix_tradingview_alert_payload_templates_updated_at(updated_at)`,
  },
  users: {
    columns: `id INTEGER NOT NULL, username VARCHAR(64) NOT NULL, password_hash VARCHAR(256) NOT NULL, role VARCHAR(16) DEFAULT 'TRADER' NOT NULL, display_name VARCHAR(128), email VARCHAR(255), created_at DATETIME DEFAULT
      CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, theme_id VARCHAR(32)`,
    unique: ['username'],
  },
};
