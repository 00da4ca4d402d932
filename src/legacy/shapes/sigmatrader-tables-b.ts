import type { OldTable } from './old-table.js';

/** At revision 0080. */
export const TABLES_A_TO_M: Record<string, OldTable> = {
  alembic_version: {
    columns: `version_num VARCHAR(32) NOT NULL`,
    key: ['version_num'],
  },
  alert_decision_logs: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, alert_id INTEGER, order_id INTEGER, source VARCHAR(32) DEFAULT 'ALERT' NOT NULL, strategy_ref VARCHAR(255), symbol VARCHAR(128), exchange VARCHAR(16), side VARCHAR(8), trigger_price
      FLOAT, product_hint VARCHAR(16), resolved_product VARCHAR(16), risk_profile_id INTEGER, risk_category VARCHAR(16), drawdown_pct FLOAT, drawdown_state VARCHAR(16), decision VARCHAR(16) DEFAULT 'BLOCKED' NOT NULL,
      reasons_json TEXT DEFAULT '[]' NOT NULL, details_json TEXT DEFAULT '{}' NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `ix_alert_decision_logs_created(created_at); ix_alert_decision_logs_user_created(user_id, created_at)`,
  },
  alert_definitions: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, target_kind VARCHAR(16) DEFAULT 'SYMBOL' NOT NULL, target_ref VARCHAR(128) NOT NULL, exchange VARCHAR(32), evaluation_cadence VARCHAR(8) DEFAULT
      '1m' NOT NULL, variables_json TEXT DEFAULT '[]' NOT NULL, condition_dsl TEXT NOT NULL, condition_ast_json TEXT, trigger_mode VARCHAR(32) DEFAULT 'ONCE_PER_BAR' NOT NULL, throttle_seconds INTEGER, only_market_hours
      BOOLEAN DEFAULT 0 NOT NULL, expires_at DATETIME, enabled BOOLEAN DEFAULT 1 NOT NULL, last_evaluated_at DATETIME, last_triggered_at DATETIME, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, action_type
      VARCHAR(16) DEFAULT 'ALERT_ONLY' NOT NULL, action_params_json TEXT DEFAULT '{}' NOT NULL, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, symbol VARCHAR(128), signal_strategy_version_id INTEGER,
      signal_strategy_output VARCHAR(64), signal_strategy_params_json TEXT DEFAULT '{}' NOT NULL`,
    indexes: `ix_alert_definitions_strategy_version(signal_strategy_version_id); ix_alert_definitions_user_broker_target(user_id, broker_name, target_kind, target_ref); ix_alert_definitions_user_enabled(user_id, enabled)`,
  },
  alert_events: {
    columns: `id INTEGER NOT NULL, alert_definition_id INTEGER NOT NULL, user_id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(64), evaluation_cadence VARCHAR(8), reason TEXT, snapshot_json TEXT DEFAULT '{}' NOT
      NULL, triggered_at DATETIME NOT NULL, bar_time DATETIME`,
    indexes: `ix_alert_events_alert_time(alert_definition_id, triggered_at); ix_alert_events_symbol_time(symbol, triggered_at)`,
  },
  alerts: {
    columns: `id INTEGER NOT NULL, strategy_id INTEGER, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(64), interval VARCHAR(32), action VARCHAR(8) NOT NULL, qty FLOAT, price FLOAT, platform VARCHAR(32) DEFAULT 'TRADINGVIEW' NOT NULL,
      raw_payload TEXT NOT NULL, received_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, bar_time DATETIME, user_id INTEGER, reason TEXT, source VARCHAR(32) DEFAULT 'TRADINGVIEW' NOT NULL, rule_id INTEGER`,
    indexes: `ix_alerts_strategy_time(strategy_id, received_at); ix_alerts_symbol_time(symbol, received_at)`,
  },
  analytics_trades: {
    columns: `id INTEGER NOT NULL, entry_order_id INTEGER NOT NULL, exit_order_id INTEGER NOT NULL, strategy_id INTEGER, pnl FLOAT NOT NULL, r_multiple FLOAT, opened_at DATETIME NOT NULL, closed_at DATETIME NOT NULL`,
    indexes: `ix_analytics_trades_strategy_closed_at(strategy_id, closed_at)`,
  },
  broker_connections: {
    columns: `id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, access_token_encrypted VARCHAR(512) NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, user_id
      INTEGER, broker_user_id VARCHAR(64)`,
    unique: ['user_id, broker_name'],
  },
  broker_instruments: {
    columns: `id INTEGER NOT NULL, listing_id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, exchange VARCHAR(32) NOT NULL, broker_symbol VARCHAR(128) NOT NULL, instrument_token VARCHAR(64) NOT NULL, isin VARCHAR(32), active
      BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    unique: ['broker_name, instrument_token'],
    indexes: `ix_broker_instruments_broker_exchange_symbol(broker_name, exchange, broker_symbol); ix_broker_instruments_broker_listing(broker_name, listing_id)`,
  },
  broker_secrets: {
    columns: `id INTEGER NOT NULL, broker_name VARCHAR(32) NOT NULL, key VARCHAR(64) NOT NULL, value_encrypted VARCHAR(1024) NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT
      CURRENT_TIMESTAMP NOT NULL, user_id INTEGER`,
    unique: ['user_id, broker_name, key'],
  },
  candles: {
    columns: `id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32) NOT NULL, timeframe VARCHAR(8) NOT NULL, ts DATETIME NOT NULL, open FLOAT NOT NULL, high FLOAT NOT NULL, low FLOAT NOT NULL, close FLOAT NOT NULL,
      volume FLOAT DEFAULT '0' NOT NULL`,
    unique: ['symbol, exchange, timeframe, ts'],
    indexes: `ix_candles_symbol_exchange_tf_ts(symbol, exchange, timeframe, ts)`,
  },
  custom_indicators: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, name VARCHAR(255) NOT NULL, description TEXT, params_json TEXT DEFAULT '[]' NOT NULL, body_dsl TEXT NOT NULL, body_ast_json TEXT, enabled BOOLEAN DEFAULT 1 NOT NULL,
      created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL`,
    unique: ['user_id, name'],
    indexes: `ix_custom_indicators_user_enabled(user_id, enabled)`,
  },
  drawdown_thresholds: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, product VARCHAR(16) NOT NULL, category VARCHAR(16) NOT NULL, caution_pct FLOAT DEFAULT 0 NOT NULL, defense_pct FLOAT DEFAULT 0 NOT NULL, hard_stop_pct FLOAT DEFAULT 0 NOT NULL,
      created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `UNIQUE ux_drawdown_thresholds_scope(user_id, product, category); ix_drawdown_thresholds_product_category(product, category)`,
  },
  equity_snapshots: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, as_of_date DATE NOT NULL, equity FLOAT DEFAULT 0 NOT NULL, peak_equity FLOAT DEFAULT 0 NOT NULL, drawdown_pct FLOAT DEFAULT 0 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP
      NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    indexes: `UNIQUE ux_equity_snapshots_scope(user_id, as_of_date); ix_equity_snapshots_user_date(user_id, as_of_date)`,
  },
  execution_policy_state: {
    columns: `id INTEGER NOT NULL, user_id INTEGER DEFAULT '0' NOT NULL, strategy_ref VARCHAR(128) NOT NULL, symbol VARCHAR(128) NOT NULL, product VARCHAR(16) DEFAULT 'MIS' NOT NULL, interval_minutes INTEGER DEFAULT '5' NOT NULL,
      trade_date DATE NOT NULL, trades_today INTEGER DEFAULT '0' NOT NULL, last_trade_time DATETIME, last_trade_bar_index INTEGER, consecutive_losses INTEGER DEFAULT '0' NOT NULL, last_loss_time DATETIME, last_loss_bar_index
      INTEGER, paused_until DATETIME, paused_reason VARCHAR(255), open_side VARCHAR(8), open_qty FLOAT DEFAULT '0' NOT NULL, open_avg_price FLOAT, open_realized_pnl FLOAT DEFAULT '0' NOT NULL, created_at DATETIME DEFAULT
      CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, interval_source VARCHAR(32) DEFAULT 'persisted' NOT NULL, default_interval_logged BOOLEAN DEFAULT 0 NOT NULL, inflight_order_id INTEGER,
      inflight_started_at DATETIME, inflight_expires_at DATETIME`,
    unique: ['user_id, strategy_ref, symbol, product'],
    indexes: `ix_execution_policy_state_updated_at(updated_at); ix_execution_policy_state_user_strategy(user_id, strategy_ref)`,
  },
  indicator_rules: {
    columns: `id INTEGER NOT NULL, user_id INTEGER NOT NULL, strategy_id INTEGER, name VARCHAR(255), symbol VARCHAR(128), universe VARCHAR(32), exchange VARCHAR(32), timeframe VARCHAR(8) DEFAULT '1d' NOT NULL, logic VARCHAR(8) DEFAULT
      'AND' NOT NULL, conditions_json TEXT NOT NULL, trigger_mode VARCHAR(32) DEFAULT 'ONCE' NOT NULL, action_type VARCHAR(32) DEFAULT 'ALERT_ONLY' NOT NULL, action_params_json TEXT DEFAULT '{}' NOT NULL, last_triggered_at
      DATETIME, expires_at DATETIME, enabled BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, expression_json TEXT, target_type
      VARCHAR(16), target_id VARCHAR(128), last_evaluated_at DATETIME, dsl_expression TEXT`,
    indexes: `ix_indicator_rules_user_symbol(user_id, symbol); ix_indicator_rules_user_timeframe(user_id, timeframe)`,
  },
  listings: {
    columns: `id INTEGER NOT NULL, security_id INTEGER, exchange VARCHAR(32) NOT NULL, symbol VARCHAR(128) NOT NULL, name VARCHAR(255), active BOOLEAN DEFAULT 1 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
      updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL`,
    unique: ['exchange, symbol'],
    indexes: `ix_listings_exchange_symbol(exchange, symbol); ix_listings_security_exchange(security_id, exchange)`,
  },
  managed_risk_positions: {
    columns: `id INTEGER NOT NULL, user_id INTEGER, entry_order_id INTEGER NOT NULL, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32) DEFAULT 'NSE' NOT NULL, product VARCHAR(16)
      NOT NULL, side VARCHAR(8) NOT NULL, qty FLOAT NOT NULL, execution_target VARCHAR(16) DEFAULT 'LIVE' NOT NULL, risk_spec_json TEXT DEFAULT '{}' NOT NULL, entry_price FLOAT NOT NULL, stop_distance FLOAT, trail_distance
      FLOAT, activation_distance FLOAT, best_favorable_price FLOAT NOT NULL, trail_price FLOAT, is_trailing_active BOOLEAN DEFAULT 0 NOT NULL, last_ltp FLOAT, status VARCHAR(16) DEFAULT 'ACTIVE' NOT NULL, exit_order_id
      INTEGER, exit_reason VARCHAR(16), created_at DATETIME, updated_at DATETIME, take_profit_distance FLOAT`,
    unique: ['entry_order_id'],
    indexes: `ix_managed_risk_positions_broker_symbol(broker_name, symbol, exchange, product); ix_managed_risk_positions_exit_order_id(exit_order_id); ix_managed_risk_positions_status(status)`,
  },
  market_calendar: {
    columns: `id INTEGER NOT NULL, date DATE NOT NULL, exchange VARCHAR(16) NOT NULL, session_type VARCHAR(32) DEFAULT 'NORMAL' NOT NULL, open_time TIME, close_time TIME, notes TEXT, created_at DATETIME NOT NULL, updated_at DATETIME
      NOT NULL`,
    unique: ['date, exchange'],
    indexes: `ix_market_calendar_date(date); ix_market_calendar_exchange_date(exchange, date)`,
  },
  market_instruments: {
    columns: `id INTEGER NOT NULL, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(32) NOT NULL, instrument_token VARCHAR(64) NOT NULL, name VARCHAR(255), active BOOLEAN DEFAULT 1 NOT NULL`,
    unique: ['symbol, exchange'],
  },
  orders: {
    columns: `id INTEGER NOT NULL, alert_id INTEGER, strategy_id INTEGER, symbol VARCHAR(128) NOT NULL, exchange VARCHAR(64), side VARCHAR(8) NOT NULL, qty FLOAT NOT NULL, price FLOAT, order_type VARCHAR(16) DEFAULT 'MARKET' NOT NULL,
      product VARCHAR(16) DEFAULT 'MIS' NOT NULL, gtt BOOLEAN DEFAULT 0 NOT NULL, status VARCHAR(32) DEFAULT 'WAITING' NOT NULL, mode VARCHAR(16) DEFAULT 'MANUAL' NOT NULL, zerodha_order_id VARCHAR(64), error_message TEXT,
      simulated BOOLEAN DEFAULT 0 NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL, user_id INTEGER, broker_account_id VARCHAR(64), trigger_price FLOAT,
      trigger_percent FLOAT, execution_target VARCHAR(16) DEFAULT 'LIVE' NOT NULL, broker_name VARCHAR(32) DEFAULT 'zerodha' NOT NULL, broker_order_id VARCHAR(64), synthetic_gtt BOOLEAN DEFAULT 0 NOT NULL, trigger_operator
      VARCHAR(2), armed_at DATETIME, last_checked_at DATETIME, last_seen_price FLOAT, triggered_at DATETIME, portfolio_group_id INTEGER, deployment_id INTEGER, deployment_action_id INTEGER, client_order_id VARCHAR(128),
      risk_spec_json TEXT, is_exit BOOLEAN DEFAULT 0 NOT NULL, sent_at DATETIME`,
    indexes: `UNIQUE ux_orders_client_order_id(client_order_id); ix_orders_broker_name_order_id(broker_name, broker_order_id); ix_orders_deployment_action_id(deployment_action_id); ix_orders_deployment_id(deployment_id);
      ix_orders_portfolio_group_id(portfolio_group_id); ix_orders_sent_at(sent_at); ix_orders_strategy_status(strategy_id, status); ix_orders_symbol_time(symbol, created_at); ix_orders_synthetic_status(synthetic_gtt, status)`,
  },
};
