/**
 * What the reader for reports may select, table by table, but for the columns that are named: those hold secrets, what
 * secrets can be guessed from, or what somebody sent as it came. A table that is not named here is closed to it.
 */
export const READER_TABLES: Readonly<Record<string, readonly string[]>> = {
  account_cash_flows: [], account_days: [],
  // An account number is short: its hash tells it.
  accounts: ['login_hash'],
  agent_commands: ['lease_token'],
  agent_executors: [], agent_models: [], agent_reports: [],
  // What programs say of their faults quotes addresses with passwords in them.
  agent_state: ['error_message'],
  agents: ['config'],
  alert_runs: [], alerts: ['body', 'sender'],
  api_keys: ['key_hash', 'prefix'],
  backups: ['error', 'offsite_error'],
  breaker_checks: [], breaker_states: [], circuit_breaker_events: [], circuit_breaker_versions: [], circuit_breakers: [], closures: [],
  command_attempts: ['lease_token'],
  database_latencies: [], decision_archive_rows: [], decision_archives: [], decision_heads: [], decision_history: [], events: [], fill_moves: [], fills: [], halt_accounts: [], halts: [],
  import_runs: ['secrets', 'options', 'error'],
  import_tables: [], incidents: [], instrument_versions: [], instruments: [], migrations: [], mirrors: ['error'],
  notification_channels: ['last_error'], notification_deliveries: [], opening_suspensions: [],
  positions: [], prediction_calibrations: [], prediction_scores: [], predictions: [], quotes: [], reservations: [], risk_config: [],
  risk_config_history: [], risk_limits: [], risk_limits_history: [],
  restore_drills: ['error', 'steps'], restores: [], retention_months: [],
  retention_runs: ['error'],
  retention_thinnings: [], retention_totals: [],
  schedules: ['token', 'last_error'],
  server_gaps: [], server_health: [], server_instances: [], snapshot_account: [], snapshot_calendar: [], snapshot_indicators: [], snapshot_market: [], snapshot_news: [],
  snapshot_refs: [], snapshot_revisions: [], strategies: [], strategy_versions: [], trade_exit_rules: [], trade_explanations: [], trade_ideas: [],
  system_status: [], trade_marks: [], trade_transitions: [],
  trades: ['request_hash'],
  users: ['password_hash', 'email', 'session_version'],
  webhook_sources: ['token_hash', 'previous_token_hash', 'body_secret_hash', 'allowed_addresses'],
  working_orders: [],
};

/** Nothing of these: sessions, sealed secrets, people's messages and addresses, answers kept for repeats, rows of old systems as they were. */
export const CLOSED_TABLES: readonly string[] = [
  'agent_syncs', 'alert_keys', 'auth_audit', 'export_ids', 'idempotency_keys', 'import_archive', 'import_changes', 'import_rejects', 'import_rows',
  'notification_messages', 'notification_settings', 'rate_limit_state', 'refresh_tokens', 'sign_in_throttles', 'telegram_bots', 'telegram_updates',
];
