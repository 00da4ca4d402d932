import type { OldTable } from './old-table.js';

/** Of the assistant, of holdings and of baskets, at revision 0080. */
export const ASSISTANT_TABLES: Record<string, OldTable> = {
  ai_provider_keys: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, provider VARCHAR(32) NOT NULL, key_name VARCHAR(64) NOT NULL, key_ciphertext VARCHAR(2048) NOT NULL, key_masked VARCHAR(64) NOT NULL, meta_json TEXT, created_at DATETIME NOT NULL,
      updated_at DATETIME NOT NULL`,
    unique: ['user_id, provider, key_name'],
    indexes: `ix_ai_provider_keys_provider(provider)`,
  },
  ai_tm_broker_snapshots: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, as_of_ts DATETIME NOT NULL, source VARCHAR(32) DEFAULT 'stub' NOT NULL, payload_json TEXT DEFAULT '{}' NOT NULL, created_at
      DATETIME NOT NULL`,
    unique: ['account_id, as_of_ts, source'],
    indexes: `ix_ai_tm_broker_snapshots_account_ts(account_id, as_of_ts); ix_ai_tm_broker_snapshots_user_ts(user_id, as_of_ts)`,
  },
  ai_tm_chat_messages: {
    columns: `id INTEGER NOT NULL, message_id VARCHAR(64) NOT NULL, thread_id VARCHAR(64) DEFAULT 'default' NOT NULL, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, user_id INTEGER, role VARCHAR(16) NOT NULL, content TEXT NOT
      NULL, correlation_id VARCHAR(64), decision_id VARCHAR(64), created_at DATETIME NOT NULL, attachments_json TEXT DEFAULT '[]' NOT NULL`,
    unique: ['message_id'],
    indexes: `ix_ai_tm_chat_messages_account_ts(account_id, created_at); ix_ai_tm_chat_messages_user_ts(user_id, created_at)`,
  },
  ai_tm_decision_traces: {
    columns: `id INTEGER NOT NULL, decision_id VARCHAR(64) NOT NULL, correlation_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, user_message TEXT DEFAULT '' NOT NULL, inputs_json TEXT
      DEFAULT '{}' NOT NULL, tools_json TEXT DEFAULT '[]' NOT NULL, riskgate_json TEXT, outcome_json TEXT DEFAULT '{}' NOT NULL, explanations_json TEXT DEFAULT '[]' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['decision_id'],
    indexes: `ix_ai_tm_decision_traces_account_ts(account_id, created_at); ix_ai_tm_decision_traces_user_ts(user_id, created_at)`,
  },
  ai_tm_exceptions: {
    columns: `id INTEGER NOT NULL, exception_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, exception_type VARCHAR(64) NOT NULL, severity VARCHAR(1) DEFAULT 'M' NOT NULL, key VARCHAR(128)
      NOT NULL, summary TEXT DEFAULT '' NOT NULL, details_json TEXT DEFAULT '{}' NOT NULL, status VARCHAR(16) DEFAULT 'OPEN' NOT NULL, related_decision_id VARCHAR(64), related_run_id VARCHAR(64), created_at DATETIME NOT NULL,
      updated_at DATETIME NOT NULL`,
    unique: ['account_id, exception_type, key, status', 'exception_id'],
    indexes: `ix_ai_tm_exceptions_account_status(account_id, status); ix_ai_tm_exceptions_severity(severity); ix_ai_tm_exceptions_user_status(user_id, status)`,
  },
  ai_tm_expected_positions: {
    columns: `id INTEGER NOT NULL, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, symbol VARCHAR(128) NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL, expected_qty FLOAT DEFAULT 0 NOT NULL, avg_price FLOAT, updated_at
      DATETIME NOT NULL`,
    unique: ['account_id, symbol, product'],
    indexes: `ix_ai_tm_expected_positions_account(account_id)`,
  },
  ai_tm_files: {
    columns: `id INTEGER NOT NULL, file_id VARCHAR(64) NOT NULL, user_id INTEGER, filename VARCHAR(255) NOT NULL, content_type VARCHAR(128), size_bytes INTEGER DEFAULT '0' NOT NULL, storage_path TEXT NOT NULL, summary_json TEXT
      DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['file_id'],
    indexes: `ix_ai_tm_files_user_ts(user_id, created_at)`,
  },
  ai_tm_idempotency_records: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, idempotency_key VARCHAR(128) NOT NULL, payload_hash VARCHAR(128) NOT NULL, status VARCHAR(16) DEFAULT 'STARTED' NOT NULL,
      result_json TEXT DEFAULT '{}' NOT NULL, first_seen_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['account_id, idempotency_key'],
    indexes: `ix_ai_tm_idempotency_account_ts(account_id, first_seen_at); ix_ai_tm_idempotency_user_ts(user_id, first_seen_at)`,
  },
  ai_tm_journal_events: {
    columns: `id INTEGER NOT NULL, event_id VARCHAR(64) NOT NULL, position_shadow_id VARCHAR(64) NOT NULL, ts DATETIME NOT NULL, event_type VARCHAR(24) NOT NULL, source VARCHAR(16) DEFAULT 'SYSTEM' NOT NULL, intent_payload_json TEXT
      DEFAULT '{}' NOT NULL, riskgate_result_json TEXT, playbook_result_json TEXT, broker_result_json TEXT, notes TEXT`,
    unique: ['event_id'],
    indexes: `ix_ai_tm_journal_events_shadow_ts(position_shadow_id, ts); ix_ai_tm_journal_events_type(event_type)`,
  },
  ai_tm_journal_forecasts: {
    columns: `id INTEGER NOT NULL, forecast_id VARCHAR(64) NOT NULL, position_shadow_id VARCHAR(64) NOT NULL, created_at DATETIME NOT NULL, author VARCHAR(8) DEFAULT 'USER' NOT NULL, outlook_pct FLOAT, horizon_days INTEGER, confidence
      INTEGER, rationale_tags_json TEXT DEFAULT '[]' NOT NULL, thesis_text TEXT, invalidation_text TEXT`,
    unique: ['forecast_id'],
    indexes: `ix_ai_tm_journal_forecasts_shadow_ts(position_shadow_id, created_at)`,
  },
  ai_tm_journal_postmortems: {
    columns: `id INTEGER NOT NULL, postmortem_id VARCHAR(64) NOT NULL, position_shadow_id VARCHAR(64) NOT NULL, closed_at DATETIME NOT NULL, realized_pnl_abs FLOAT, realized_pnl_pct FLOAT, mfe_abs FLOAT, mfe_pct FLOAT, mae_abs FLOAT,
      mae_pct FLOAT, peak_price_while_open FLOAT, exit_quality VARCHAR(24) DEFAULT 'UNKNOWN' NOT NULL, exit_quality_explanation TEXT, forecast_vs_actual_json TEXT DEFAULT '{}' NOT NULL`,
    unique: ['postmortem_id'],
    indexes: `ix_ai_tm_journal_postmortems_shadow(position_shadow_id)`,
  },
  ai_tm_ledger_snapshots: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, as_of_ts DATETIME NOT NULL, payload_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['account_id, as_of_ts'],
    indexes: `ix_ai_tm_ledger_snapshots_account_ts(account_id, as_of_ts); ix_ai_tm_ledger_snapshots_user_ts(user_id, as_of_ts)`,
  },
  ai_tm_manage_playbooks: {
    columns: `id INTEGER NOT NULL, playbook_id VARCHAR(64) NOT NULL, scope_type VARCHAR(24) DEFAULT 'POSITION' NOT NULL, scope_key VARCHAR(128), enabled BOOLEAN DEFAULT 0 NOT NULL, mode VARCHAR(16) DEFAULT 'OBSERVE' NOT NULL, horizon
      VARCHAR(16) DEFAULT 'SWING' NOT NULL, review_cadence_min INTEGER DEFAULT '60' NOT NULL, exit_policy_json TEXT DEFAULT '{}' NOT NULL, scale_policy_json TEXT DEFAULT '{}' NOT NULL, execution_style VARCHAR(24) DEFAULT
      'LIMIT_BBO' NOT NULL, allow_strategy_exits BOOLEAN DEFAULT 1 NOT NULL, behavior_on_strategy_exit VARCHAR(32) DEFAULT 'ALLOW_AS_IS' NOT NULL, notes TEXT, version INTEGER DEFAULT '1' NOT NULL, created_at DATETIME NOT NULL,
      updated_at DATETIME NOT NULL`,
    unique: ['playbook_id'],
    indexes: `ix_ai_tm_manage_playbooks_enabled(enabled); ix_ai_tm_manage_playbooks_scope(scope_type, scope_key)`,
  },
  ai_tm_monitor_jobs: {
    columns: `id INTEGER NOT NULL, monitor_job_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, cadence_sec INTEGER DEFAULT 60 NOT NULL, job_json TEXT
      DEFAULT '{}' NOT NULL, next_run_at DATETIME, last_run_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['monitor_job_id'],
    indexes: `ix_ai_tm_monitor_jobs_account_id(account_id); ix_ai_tm_monitor_jobs_next_run(next_run_at); ix_ai_tm_monitor_jobs_user_id(user_id)`,
  },
  ai_tm_monitor_triggers: {
    columns: `id INTEGER NOT NULL, monitor_job_id VARCHAR(64) NOT NULL, dedupe_key VARCHAR(128) NOT NULL, trigger_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['monitor_job_id, dedupe_key'],
    indexes: `ix_ai_tm_monitor_triggers_job_ts(monitor_job_id, created_at)`,
  },
  ai_tm_operator_payloads: {
    columns: `id INTEGER NOT NULL, payload_id VARCHAR(64) NOT NULL, decision_id VARCHAR(64) NOT NULL, tool_name VARCHAR(64) NOT NULL, tool_call_id VARCHAR(64) NOT NULL, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, user_id
      INTEGER, payload_json TEXT DEFAULT '{}' NOT NULL, payload_bytes INTEGER DEFAULT '0' NOT NULL, items_count INTEGER DEFAULT '0' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['payload_id'],
    indexes: `ix_ai_tm_operator_payloads_decision_ts(decision_id, created_at); ix_ai_tm_operator_payloads_user_ts(user_id, created_at)`,
  },
  ai_tm_playbook_runs: {
    columns: `id INTEGER NOT NULL, run_id VARCHAR(64) NOT NULL, playbook_id VARCHAR(64) NOT NULL, dedupe_key VARCHAR(128) NOT NULL, decision_id VARCHAR(64), status VARCHAR(16) DEFAULT 'STARTED' NOT NULL, outcome_json TEXT DEFAULT '{}'
      NOT NULL, started_at DATETIME NOT NULL, completed_at DATETIME, authorization_message_id VARCHAR(64)`,
    unique: ['playbook_id, dedupe_key', 'run_id'],
    indexes: `ix_ai_tm_playbook_runs_playbook_ts(playbook_id, started_at)`,
  },
  ai_tm_playbooks: {
    columns: `id INTEGER NOT NULL, playbook_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, name VARCHAR(255) NOT NULL, description TEXT, plan_id VARCHAR(64) NOT NULL, enabled BOOLEAN
      DEFAULT 1 NOT NULL, armed BOOLEAN DEFAULT 0 NOT NULL, armed_at DATETIME, cadence_sec INTEGER, next_run_at DATETIME, last_run_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, armed_by_message_id
      VARCHAR(64)`,
    unique: ['playbook_id'],
    indexes: `ix_ai_tm_playbooks_account_id(account_id); ix_ai_tm_playbooks_next_run(next_run_at); ix_ai_tm_playbooks_user_id(user_id)`,
  },
  ai_tm_position_shadows: {
    columns: `id INTEGER NOT NULL, shadow_id VARCHAR(64) NOT NULL, broker_account_id VARCHAR(64) DEFAULT 'default' NOT NULL, symbol VARCHAR(128) NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL, side VARCHAR(8) DEFAULT 'LONG' NOT
      NULL, qty_current FLOAT DEFAULT '0' NOT NULL, avg_price FLOAT, first_seen_at DATETIME NOT NULL, last_seen_at DATETIME NOT NULL, source VARCHAR(16) DEFAULT 'UNKNOWN' NOT NULL, status VARCHAR(8) DEFAULT 'OPEN' NOT NULL,
      st_trade_id VARCHAR(64), broker_position_key_hash VARCHAR(64), broker_instrument_id_hash VARCHAR(64), ltp FLOAT, pnl_abs FLOAT, pnl_pct FLOAT, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['shadow_id'],
    indexes: `ix_ai_tm_position_shadows_account_status(broker_account_id, status); ix_ai_tm_position_shadows_last_seen(last_seen_at); ix_ai_tm_position_shadows_symbol_product(symbol, product)`,
  },
  ai_tm_reconciliation_runs: {
    columns: `id INTEGER NOT NULL, run_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, broker_snapshot_id INTEGER, ledger_snapshot_id INTEGER, deltas_json TEXT DEFAULT '[]' NOT NULL,
      created_at DATETIME NOT NULL`,
    unique: ['run_id'],
    indexes: `ix_ai_tm_reconciliation_runs_user_ts(user_id, created_at)`,
  },
  ai_tm_thread_state: {
    columns: `id INTEGER NOT NULL, thread_id VARCHAR(64) DEFAULT 'default' NOT NULL, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, user_id INTEGER, state_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL, updated_at
      DATETIME NOT NULL`,
    unique: ['account_id, thread_id'],
    indexes: `ix_ai_tm_thread_state_account_ts(account_id, updated_at); ix_ai_tm_thread_state_user_ts(user_id, updated_at)`,
  },
  ai_tm_trade_plans: {
    columns: `id INTEGER NOT NULL, plan_id VARCHAR(64) NOT NULL, user_id INTEGER, account_id VARCHAR(64) DEFAULT 'default' NOT NULL, plan_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['plan_id'],
    indexes: `ix_ai_tm_trade_plans_account_ts(account_id, created_at); ix_ai_tm_trade_plans_user_ts(user_id, created_at)`,
  },
  backtest_runs: {
    columns: `id INTEGER NOT NULL, owner_id INTEGER, kind VARCHAR(32) NOT NULL, status VARCHAR(32) DEFAULT 'PENDING' NOT NULL, title VARCHAR(255), config_json TEXT NOT NULL, result_json TEXT, error_message TEXT, started_at DATETIME,
      finished_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    indexes: `ix_backtest_runs_created_at(created_at); ix_backtest_runs_kind(kind); ix_backtest_runs_owner_id(owner_id); ix_backtest_runs_status(status)`,
  },
  group_import_values: {
    columns: `id INTEGER NOT NULL, import_id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32) DEFAULT 'NSE' NOT NULL, values_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['import_id, symbol, exchange'],
    indexes: `ix_group_import_values_import_id(import_id); ix_group_import_values_symbol_exchange(symbol, exchange)`,
  },
  group_imports: {
    columns: `id INTEGER NOT NULL, group_id INTEGER NOT NULL, source VARCHAR(32) DEFAULT 'TRADINGVIEW' NOT NULL, original_filename VARCHAR(255), file_hash VARCHAR(64), schema_json TEXT DEFAULT '[]' NOT NULL, symbol_mapping_json TEXT
      DEFAULT '{}' NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['group_id'],
    indexes: `ix_group_imports_created_at(created_at); ix_group_imports_group_id(group_id)`,
  },
  group_members: {
    columns: `id INTEGER NOT NULL, group_id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32), target_weight FLOAT, notes TEXT, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, reference_qty INTEGER,
      reference_price FLOAT, frozen_price FLOAT, weight_locked BOOLEAN DEFAULT 0 NOT NULL, allocation_amount FLOAT, allocation_qty INTEGER`,
    unique: ['group_id, symbol, exchange'],
    indexes: `ix_group_members_group_id(group_id); ix_group_members_symbol_exchange(symbol, exchange)`,
  },
  groups: {
    columns: `id INTEGER NOT NULL, owner_id INTEGER, name VARCHAR(255) NOT NULL, kind VARCHAR(32) DEFAULT 'WATCHLIST' NOT NULL, description TEXT, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, funds FLOAT, allocation_mode
      VARCHAR(32), frozen_at DATETIME, origin_basket_id INTEGER, bought_at DATETIME`,
    unique: ['owner_id, name'],
    indexes: `ix_groups_kind(kind); ix_groups_origin_basket_id(origin_basket_id); ix_groups_owner_id(owner_id)`,
  },
  holding_exit_events: {
    columns: `id INTEGER NOT NULL, subscription_id INTEGER NOT NULL, event_type VARCHAR(64) NOT NULL, event_ts DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, details_json TEXT DEFAULT '{}' NOT NULL, price_snapshot_json TEXT, created_at
      DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `ix_holding_exit_events_sub_ts(subscription_id, event_ts); ix_holding_exit_events_type_ts(event_type, event_ts)`,
  },
  holding_exit_subscriptions: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(16) DEFAULT 'NSE' NOT NULL, product VARCHAR(16) DEFAULT 'CNC' NOT NULL,
      trigger_kind VARCHAR(32) NOT NULL, trigger_value FLOAT NOT NULL, price_source VARCHAR(16) DEFAULT 'LTP' NOT NULL, size_mode VARCHAR(32) NOT NULL, size_value FLOAT NOT NULL, min_qty INTEGER DEFAULT '1' NOT NULL,
      order_type VARCHAR(16) DEFAULT 'MARKET' NOT NULL, dispatch_mode VARCHAR(16) DEFAULT 'MANUAL' NOT NULL, execution_target VARCHAR(16) DEFAULT 'LIVE' NOT NULL, status VARCHAR(32) DEFAULT 'ACTIVE' NOT NULL, pending_order_id
      INTEGER, last_error TEXT, last_evaluated_at DATETIME, last_triggered_at DATETIME, next_eval_at DATETIME, cooldown_seconds INTEGER DEFAULT '300' NOT NULL, cooldown_until DATETIME, trigger_key VARCHAR(255), created_at
      DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    unique: ['user_id, broker_name, exchange, symbol, product, trigger_kind, trigger_value, size_mode, size_value'],
    indexes: `ix_holding_exit_subscriptions_next_eval_at(next_eval_at); ix_holding_exit_subscriptions_status_broker_user(status, broker_name, user_id); ix_holding_exit_subscriptions_symbol_scope(broker_name, exchange, symbol, product)`,
  },
  holding_goal_import_presets: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, name VARCHAR(64) NOT NULL, mapping_json VARCHAR(2000) NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT
      NULL`,
    unique: ['user_id, name'],
    indexes: `ix_holding_goal_import_presets_user(user_id)`,
  },
  holding_goal_reviews: {
    columns: `id INTEGER NOT NULL, goal_id INTEGER NOT NULL, user_id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(16) NOT NULL, action VARCHAR(16) NOT NULL, previous_review_date
      DATE NOT NULL, new_review_date DATE NOT NULL, note VARCHAR(255), created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `ix_holding_goal_reviews_goal(goal_id); ix_holding_goal_reviews_user(user_id)`,
  },
  holding_goals: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(16) NOT NULL, label VARCHAR(24) NOT NULL, review_date DATE NOT NULL, target_type
      VARCHAR(24), target_value FLOAT, note VARCHAR(255), created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    unique: ['user_id, broker_name, symbol, exchange'],
    indexes: `ix_holding_goals_user_broker(user_id, broker_name)`,
  },
  holdings_summary_snapshots: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, as_of_date DATE NOT NULL, captured_at DATETIME NOT NULL, holdings_count INTEGER DEFAULT 0 NOT NULL, funds_available
      FLOAT, invested FLOAT, equity_value FLOAT, account_value FLOAT, total_pnl_pct FLOAT, today_pnl_pct FLOAT, overall_win_rate FLOAT, today_win_rate FLOAT, alpha_annual_pct FLOAT, beta FLOAT, cagr_1y_pct FLOAT, cagr_2y_pct
      FLOAT, cagr_1y_coverage_pct FLOAT, cagr_2y_coverage_pct FLOAT, benchmark_symbol VARCHAR(128), benchmark_exchange VARCHAR(16), risk_free_rate_pct FLOAT`,
    unique: ['user_id, broker_name, as_of_date'],
    indexes: `ix_holdings_summary_snapshots_broker_date(broker_name, as_of_date); ix_holdings_summary_snapshots_user_date(user_id, as_of_date)`,
  },
  rebalance_policies: {
    columns: `id INTEGER NOT NULL, owner_id INTEGER, group_id INTEGER NOT NULL, name VARCHAR(255) DEFAULT 'default' NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, broker_scope VARCHAR(32) DEFAULT 'zerodha' NOT NULL, policy_json TEXT,
      created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['owner_id, group_id'],
    indexes: `ix_rebalance_policies_group_id(group_id); ix_rebalance_policies_owner_id(owner_id)`,
  },
  rebalance_run_orders: {
    columns: `id INTEGER NOT NULL, run_id INTEGER NOT NULL, order_id INTEGER, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32), side VARCHAR(8) NOT NULL, qty FLOAT NOT NULL, estimated_price FLOAT, estimated_notional FLOAT,
      target_weight FLOAT, live_weight FLOAT, drift FLOAT, current_value FLOAT, desired_value FLOAT, delta_value FLOAT, scale FLOAT, reason_json TEXT, status VARCHAR(16) DEFAULT 'PROPOSED' NOT NULL, created_at DATETIME NOT
      NULL`,
    indexes: `ix_rebalance_run_orders_order_id(order_id); ix_rebalance_run_orders_run_id(run_id)`,
  },
  rebalance_runs: {
    columns: `id INTEGER NOT NULL, owner_id INTEGER, group_id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, status VARCHAR(16) DEFAULT 'CREATED' NOT NULL, mode VARCHAR(16) DEFAULT 'MANUAL' NOT NULL, idempotency_key VARCHAR(128),
      policy_snapshot_json TEXT, inputs_snapshot_json TEXT, summary_json TEXT, error_message TEXT, created_at DATETIME NOT NULL, executed_at DATETIME`,
    unique: ['owner_id, idempotency_key'],
    indexes: `ix_rebalance_runs_group_broker_time(group_id, broker_name, created_at); ix_rebalance_runs_group_id(group_id); ix_rebalance_runs_owner_id(owner_id)`,
  },
  rebalance_schedules: {
    columns: `id INTEGER NOT NULL, policy_id INTEGER NOT NULL, enabled BOOLEAN DEFAULT 1 NOT NULL, schedule_json TEXT, next_run_at DATETIME, last_run_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['policy_id'],
    indexes: `ix_rebalance_schedules_policy_id(policy_id)`,
  },
  risk_covariance_cache: {
    columns: `id INTEGER NOT NULL, universe_hash VARCHAR(64) NOT NULL, timeframe VARCHAR(8) NOT NULL, window_days INTEGER NOT NULL, as_of_ts DATETIME NOT NULL, symbols_json TEXT DEFAULT '[]' NOT NULL, cov_json TEXT DEFAULT '[]' NOT
      NULL, vol_json TEXT DEFAULT '[]' NOT NULL, corr_json TEXT DEFAULT '[]' NOT NULL, observations INTEGER DEFAULT '0' NOT NULL, created_at DATETIME NOT NULL`,
    unique: ['universe_hash, timeframe, window_days, as_of_ts'],
    indexes: `ix_risk_cov_cache_lookup(universe_hash, timeframe, window_days, as_of_ts)`,
  },
  screener_runs: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, status VARCHAR(16) DEFAULT 'RUNNING' NOT NULL, target_json TEXT DEFAULT '{}' NOT NULL, variables_json TEXT DEFAULT '[]' NOT NULL, condition_dsl TEXT DEFAULT '' NOT NULL,
      evaluation_cadence VARCHAR(8) DEFAULT '1m' NOT NULL, total_symbols INTEGER DEFAULT '0' NOT NULL, evaluated_symbols INTEGER DEFAULT '0' NOT NULL, matched_symbols INTEGER DEFAULT '0' NOT NULL, missing_symbols INTEGER
      DEFAULT '0' NOT NULL, error TEXT, results_json TEXT DEFAULT '[]' NOT NULL, started_at DATETIME, finished_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, signal_strategy_version_id INTEGER,
      signal_strategy_output VARCHAR(64), signal_strategy_params_json TEXT DEFAULT '{}' NOT NULL`,
    indexes: `ix_screener_runs_strategy_version(signal_strategy_version_id); ix_screener_runs_user_created(user_id, created_at); ix_screener_runs_user_status(user_id, status)`,
  },
};
