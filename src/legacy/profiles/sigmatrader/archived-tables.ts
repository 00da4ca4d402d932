import type { TableMapping } from '../../profile.js';
import { archive } from './archived.js';
import { ordersUnderWay } from './orders.js';
import { limitsThatWereOff, OVERRIDE_LIMITS, PROFILE_LIMITS, SETTINGS_LIMITS, THRESHOLDS } from './limits.js';

const ASSISTANT = "the assistant's own book-keeping: nothing here works with it";
const DEPLOYMENT = 'of the deployments that ran strategies inside the old system: nothing here runs them';
const HOLDINGS = 'a list of holdings and what was planned with them, no trades';
const GROUPS = 'baskets of symbols: there is nothing like them here';
const REBALANCING = 'rebalancing of baskets: there is nothing like it here';
const INSTRUMENTS = "a broker's list of instruments: here each account tells its own";
const ALERTING = 'alerts that the old system found by itself: here an agent or a charting service sends them';
const RISK = "limits are set here by a person, and an import must neither loosen nor tighten them; compare them by hand";

const TABLES: Record<string, Parameters<typeof archive>[1]> = {
  ai_provider_keys: { why: 'keys of language models: they are not taken along', secrets: ['key_ciphertext', 'key_masked'], columns: 'id user_id provider key_name key_ciphertext key_masked meta_json created_at updated_at' },
  ai_tm_broker_snapshots: { why: ASSISTANT, columns: 'id user_id account_id as_of_ts source payload_json created_at' },
  ai_tm_chat_messages: { why: ASSISTANT, columns: 'id message_id thread_id account_id user_id role content correlation_id decision_id created_at attachments_json' },
  ai_tm_decision_traces: { why: `${ASSISTANT}; what it answered was no decision of a gate`, columns: 'id decision_id correlation_id user_id account_id user_message inputs_json tools_json riskgate_json outcome_json explanations_json created_at' },
  ai_tm_exceptions: { why: ASSISTANT, columns: 'id exception_id user_id account_id exception_type severity key summary details_json status related_decision_id related_run_id created_at updated_at' },
  ai_tm_expected_positions: { why: `${ASSISTANT}; what is held stands in positions`, columns: 'id account_id symbol product expected_qty avg_price updated_at' },
  ai_tm_files: { why: `${ASSISTANT}; the files themselves lie beside the database`, columns: 'id file_id user_id filename content_type size_bytes storage_path summary_json created_at updated_at' },
  ai_tm_idempotency_records: { why: ASSISTANT, columns: 'id user_id account_id idempotency_key payload_hash status result_json first_seen_at updated_at' },
  ai_tm_journal_events: { why: ASSISTANT, columns: 'id event_id position_shadow_id ts event_type source intent_payload_json riskgate_result_json playbook_result_json broker_result_json notes' },
  ai_tm_journal_forecasts: { why: `${ASSISTANT}; a forecast without a price is no prediction that could be scored`, columns: 'id forecast_id position_shadow_id created_at author outlook_pct horizon_days confidence rationale_tags_json thesis_text invalidation_text' },
  ai_tm_journal_postmortems: { why: `${ASSISTANT}; the trades themselves come from analytics_trades`, columns: 'id postmortem_id position_shadow_id closed_at realized_pnl_abs realized_pnl_pct mfe_abs mfe_pct mae_abs mae_pct peak_price_while_open exit_quality exit_quality_explanation forecast_vs_actual_json' },
  ai_tm_ledger_snapshots: { why: ASSISTANT, columns: 'id user_id account_id as_of_ts payload_json created_at' },
  ai_tm_manage_playbooks: { why: ASSISTANT, columns: 'id playbook_id scope_type scope_key enabled mode horizon review_cadence_min exit_policy_json scale_policy_json execution_style allow_strategy_exits behavior_on_strategy_exit notes version created_at updated_at' },
  ai_tm_monitor_jobs: { why: ASSISTANT, columns: 'id monitor_job_id user_id account_id enabled cadence_sec job_json next_run_at last_run_at created_at updated_at' },
  ai_tm_monitor_triggers: { why: ASSISTANT, columns: 'id monitor_job_id dedupe_key trigger_json created_at' },
  ai_tm_operator_payloads: { why: ASSISTANT, columns: 'id payload_id decision_id tool_name tool_call_id account_id user_id payload_json payload_bytes items_count created_at' },
  ai_tm_playbook_runs: { why: ASSISTANT, columns: 'id run_id playbook_id dedupe_key decision_id status outcome_json started_at completed_at authorization_message_id' },
  ai_tm_playbooks: { why: ASSISTANT, columns: 'id playbook_id user_id account_id name description plan_id enabled armed armed_at cadence_sec next_run_at last_run_at created_at updated_at armed_by_message_id' },
  ai_tm_position_shadows: { why: `${ASSISTANT}; a shadow of what stands in positions: as a trade it would count twice`, columns: 'id shadow_id broker_account_id symbol product side qty_current avg_price first_seen_at last_seen_at source status st_trade_id broker_position_key_hash broker_instrument_id_hash ltp pnl_abs pnl_pct created_at updated_at' },
  ai_tm_reconciliation_runs: { why: ASSISTANT, columns: 'id run_id user_id account_id broker_snapshot_id ledger_snapshot_id deltas_json created_at' },
  ai_tm_thread_state: { why: ASSISTANT, columns: 'id thread_id account_id user_id state_json created_at updated_at' },
  ai_tm_trade_plans: { why: `${ASSISTANT}; a plan that was not carried out is no trade`, columns: 'id plan_id user_id account_id plan_json created_at' },
  alembic_version: { why: 'which revision the old schema had: it stands in the name of the shape too', columns: 'version_num' },
  alert_definitions: { why: ALERTING, columns: `id user_id name target_kind target_ref exchange evaluation_cadence variables_json condition_dsl condition_ast_json trigger_mode throttle_seconds only_market_hours expires_at enabled
    last_evaluated_at last_triggered_at created_at updated_at action_type action_params_json broker_name symbol signal_strategy_version_id signal_strategy_output signal_strategy_params_json` },
  alert_events: { why: ALERTING, columns: 'id alert_definition_id user_id symbol exchange evaluation_cadence reason snapshot_json triggered_at bar_time' },
  backtest_runs: { why: 'results of tests on past prices: none of them was traded', columns: 'id owner_id kind status title config_json result_json error_message started_at finished_at created_at updated_at' },
  broker_connections: { why: 'sessions with brokers: credentials are not taken along', secrets: ['access_token_encrypted'], columns: 'id broker_name access_token_encrypted created_at updated_at user_id broker_user_id' },
  broker_instruments: { why: INSTRUMENTS, columns: 'id listing_id broker_name exchange broker_symbol instrument_token isin active created_at updated_at' },
  broker_secrets: { why: 'credentials and settings behind a cipher that is none: credentials are not taken along', secrets: ['value_encrypted'], columns: 'id broker_name key value_encrypted created_at updated_at user_id' },
  custom_indicators: { why: 'formulas of the old language: nothing here carries them out', columns: 'id user_id name description params_json body_dsl body_ast_json enabled created_at updated_at' },
  drawdown_thresholds: { why: RISK, columns: 'id user_id product category caution_pct defense_pct hard_stop_pct created_at updated_at', remark: limitsThatWereOff(THRESHOLDS) },
  execution_policy_state: { why: 'counters of the old gate, and what it took for held; what is held stands in positions', columns: `id user_id strategy_ref symbol product interval_minutes trade_date trades_today last_trade_time last_trade_bar_index
    consecutive_losses last_loss_time last_loss_bar_index paused_until paused_reason open_side open_qty open_avg_price open_realized_pnl created_at updated_at interval_source default_interval_logged inflight_order_id inflight_started_at inflight_expires_at` },
  group_import_values: { why: GROUPS, columns: 'id import_id symbol exchange values_json created_at' },
  group_imports: { why: GROUPS, columns: 'id group_id source original_filename file_hash schema_json symbol_mapping_json created_at updated_at' },
  group_members: { why: GROUPS, columns: 'id group_id symbol exchange target_weight notes created_at updated_at reference_qty reference_price frozen_price weight_locked allocation_amount allocation_qty' },
  groups: { why: GROUPS, columns: 'id owner_id name kind description created_at updated_at funds allocation_mode frozen_at origin_basket_id bought_at' },
  holding_exit_events: { why: HOLDINGS, columns: 'id subscription_id event_type event_ts details_json price_snapshot_json created_at' },
  holding_exit_subscriptions: { why: HOLDINGS, columns: `id user_id broker_name symbol exchange product trigger_kind trigger_value price_source size_mode size_value min_qty order_type dispatch_mode execution_target status pending_order_id last_error
    last_evaluated_at last_triggered_at next_eval_at cooldown_seconds cooldown_until trigger_key created_at updated_at` },
  holding_goal_import_presets: { why: HOLDINGS, columns: 'id user_id name mapping_json created_at updated_at' },
  holding_goal_reviews: { why: HOLDINGS, columns: 'id goal_id user_id broker_name symbol exchange action previous_review_date new_review_date note created_at' },
  holding_goals: { why: HOLDINGS, columns: 'id user_id broker_name symbol exchange label review_date target_type target_value note created_at updated_at' },
  holdings_summary_snapshots: { why: HOLDINGS, columns: `id user_id broker_name as_of_date captured_at holdings_count funds_available invested equity_value account_value total_pnl_pct today_pnl_pct overall_win_rate today_win_rate alpha_annual_pct beta
    cagr_1y_pct cagr_2y_pct cagr_1y_coverage_pct cagr_2y_coverage_pct benchmark_symbol benchmark_exchange risk_free_rate_pct` },
  indicator_rules: { why: ALERTING, columns: `id user_id strategy_id name symbol universe exchange timeframe logic conditions_json trigger_mode action_type action_params_json last_triggered_at expires_at enabled created_at updated_at expression_json
    target_type target_id last_evaluated_at dsl_expression` },
  listings: { why: INSTRUMENTS, columns: 'id security_id exchange symbol name active created_at updated_at' },
  market_calendar: { why: 'sessions of exchanges: here they are declared with an instrument or a strategy', columns: 'id date exchange session_type open_time close_time notes created_at updated_at' },
  market_instruments: { why: INSTRUMENTS, columns: 'id symbol exchange instrument_token name active' },
  orders: { why: 'an order without its fills is no trade: what was paired is in analytics_trades, what is held in positions', columns: `id alert_id strategy_id symbol exchange side qty price order_type product gtt status mode zerodha_order_id error_message
    simulated created_at updated_at user_id broker_account_id trigger_price trigger_percent execution_target broker_name broker_order_id synthetic_gtt trigger_operator armed_at last_checked_at last_seen_price triggered_at portfolio_group_id deployment_id
    deployment_action_id client_order_id risk_spec_json is_exit sent_at`, remark: ordersUnderWay },
  position_snapshots: { why: 'what the broker showed on past days: what is held stands in positions', columns: `id as_of_date captured_at symbol exchange product qty avg_price pnl last_price close_price value m2m unrealised realised buy_qty buy_avg_price
    sell_qty sell_avg_price day_buy_qty day_buy_avg_price day_sell_qty day_sell_avg_price holding_qty broker_name` },
  rebalance_policies: { why: REBALANCING, columns: 'id owner_id group_id name enabled broker_scope policy_json created_at updated_at' },
  rebalance_run_orders: { why: REBALANCING, columns: `id run_id order_id symbol exchange side qty estimated_price estimated_notional target_weight live_weight drift current_value desired_value delta_value scale reason_json status created_at` },
  rebalance_runs: { why: REBALANCING, columns: 'id owner_id group_id broker_name status mode idempotency_key policy_snapshot_json inputs_snapshot_json summary_json error_message created_at executed_at' },
  rebalance_schedules: { why: REBALANCING, columns: 'id policy_id enabled schedule_json next_run_at last_run_at created_at updated_at' },
  risk_covariance_cache: { why: 'a cache that is computed from prices', columns: 'id universe_hash timeframe window_days as_of_ts symbols_json cov_json vol_json corr_json observations created_at' },
  risk_global_config: { why: RISK, columns: 'id singleton_key enabled manual_override_enabled baseline_equity_inr created_at updated_at no_trade_rules', remark: limitsThatWereOff(['baseline_equity_inr']) },
  risk_profiles: { why: RISK, columns: `id name product capital_per_trade max_positions max_exposure_pct risk_per_trade_pct hard_risk_pct daily_loss_pct hard_daily_loss_pct max_consecutive_losses drawdown_mode force_exit_time entry_cutoff_time force_squareoff_time
    max_trades_per_day max_trades_per_symbol_per_day min_bars_between_trades cooldown_after_loss_bars slippage_guard_bps gap_guard_pct order_type_policy enabled is_default created_at updated_at leverage_mode max_effective_leverage max_margin_used_pct
    stop_loss_mandatory stop_reference atr_period atr_mult_initial_stop fallback_stop_pct min_stop_distance_pct max_stop_distance_pct managed_risk_enabled trailing_stop_enabled trail_activation_atr trail_activation_pct`,
  remark: limitsThatWereOff(PROFILE_LIMITS) },
  risk_settings: { why: `${RISK}; nothing of the old system read this table any more`, columns: `id scope strategy_id max_order_value max_quantity_per_order max_daily_loss allow_short_selling max_open_positions clamp_mode symbol_whitelist symbol_blacklist
    created_at updated_at`, remark: limitsThatWereOff(SETTINGS_LIMITS) },
  risk_source_overrides: { why: RISK, columns: `id source_bucket product allow_product allow_short_selling max_order_value_pct max_order_value_abs max_quantity_per_order capital_per_trade max_positions max_exposure_pct daily_loss_pct hard_daily_loss_pct
    max_consecutive_losses entry_cutoff_time force_squareoff_time max_trades_per_day max_trades_per_symbol_per_day min_bars_between_trades cooldown_after_loss_bars slippage_guard_bps gap_guard_pct order_type_policy created_at updated_at
    risk_per_trade_pct hard_risk_pct stop_loss_mandatory stop_reference atr_period atr_mult_initial_stop fallback_stop_pct min_stop_distance_pct max_stop_distance_pct`, remark: limitsThatWereOff(OVERRIDE_LIMITS) },
  screener_runs: { why: 'results of searches', columns: `id user_id status target_json variables_json condition_dsl evaluation_cadence total_symbols evaluated_symbols matched_symbols missing_symbols error results_json started_at finished_at created_at updated_at
    signal_strategy_version_id signal_strategy_output signal_strategy_params_json` },
  securities: { why: INSTRUMENTS, columns: 'id isin name active created_at updated_at' },
  signal_strategy_versions: { why: 'the latest one of each is in its strategy, out of signal_strategies; earlier ones are kept here', columns: 'id strategy_id version inputs_json variables_json outputs_json compatibility_json enabled created_at' },
  strategy_deployment_actions: { why: DEPLOYMENT, columns: 'id deployment_id job_id kind payload_json created_at' },
  strategy_deployment_bar_cursors: { why: DEPLOYMENT, columns: 'id deployment_id exchange symbol timeframe last_emitted_bar_end_ts updated_at' },
  strategy_deployment_event_logs: { why: DEPLOYMENT, columns: 'id deployment_id job_id kind payload_json created_at' },
  strategy_deployment_jobs: { why: DEPLOYMENT, columns: 'id deployment_id owner_id kind status dedupe_key scheduled_for payload_json run_after attempts max_attempts locked_by locked_at last_error created_at updated_at' },
  strategy_deployment_locks: { why: DEPLOYMENT, columns: 'id deployment_id locked_by locked_until updated_at' },
  strategy_deployments: { why: DEPLOYMENT, columns: 'id owner_id name description kind execution_target enabled broker_name product target_kind group_id exchange symbol timeframe config_json created_at updated_at' },
  symbol_risk_categories: { why: RISK, columns: 'id user_id broker_name symbol exchange risk_category created_at updated_at' },
  system_events: { why: "the old system's log", columns: 'id level category message details correlation_id created_at' },
  tradingview_alert_payload_templates: { why: 'templates of alerts: here a source has its mapping', secrets: ['config_json.secret', 'config_json.meta.secret'], columns: 'id name config_json created_at updated_at' },
  users: { why: 'nobody gets a login by an import: people are added by hand', secrets: ['password_hash'], columns: 'id username password_hash role display_name email created_at updated_at theme_id' },
};

export const ARCHIVED: Record<string, TableMapping> = Object.fromEntries(Object.entries(TABLES).map(([name, table]) => [name, archive(name, table)]));
