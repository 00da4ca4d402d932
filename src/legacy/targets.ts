export type TargetType = 'uuid' | 'text' | 'numeric' | 'integer' | 'boolean' | 'timestamptz' | 'jsonb' | 'text[]' | 'bytea';

/** A table of ours that takes imported rows. */
export interface Target {
  /** How its own row is named: `id`; a row that belongs to another is found by that one's id. */
  key: string;
  /** Of which table the rows belong to that have no id of their own. */
  of?: string;
  columns: Record<string, TargetType>;
  /** The month partitions are made by this column before rows go in. */
  month?: string;
  /** What there is one of, whoever wrote it. An old row whose like is there already is archived, with the note DUPLICATE: it is nobody's fault, and nothing of ours may change under a decision. */
  once?: readonly string[];
}

/**
 * What imports may fill. Columns that are left out have the database's defaults. A row's own id is made of source, table
 * and old id, so that a second run, a proof and a rollback find it without being told.
 */
export const TARGETS = {
  predictions: {
    key: 'id',
    columns: {
      id: 'uuid', agent_id: 'uuid', model: 'text', model_version: 'text', symbol: 'text', broker_symbol: 'text', predicted_at: 'timestamptz', horizon_seconds: 'integer', direction: 'text', confidence: 'numeric',
      prob_up: 'numeric', prob_down: 'numeric', components: 'jsonb', agreement_count: 'integer', agreement_score: 'numeric', market_regime: 'text', market_price: 'numeric', agent_cycle_number: 'integer',
      used_by_agent: 'boolean', should_trade: 'boolean', threshold_used: 'numeric', source_time: 'timestamptz', created_at: 'timestamptz',
    },
  },
  trades: {
    key: 'id',
    columns: {
      id: 'uuid', agent_id: 'uuid', account_id: 'uuid', client_order_id: 'text', symbol: 'text', broker_symbol: 'text', exchange: 'text', product: 'text', direction: 'text', outcome: 'text', lot_size: 'numeric',
      entry_price: 'numeric', entry_time: 'timestamptz', stop_loss: 'numeric', take_profit: 'jsonb', execution_mode: 'text', origin: 'text', broker: 'text', broker_order_id: 'text', broker_position_id: 'text',
      broker_ticket: 'text', prediction_id: 'uuid', strategy_id: 'uuid', status: 'text', exit_price: 'numeric', exit_time: 'timestamptz', exit_reason: 'text', gross_profit: 'numeric', commission: 'numeric',
      swap: 'numeric', fee: 'numeric', profit_source: 'text', entered_size: 'numeric', exited_size: 'numeric', first_stop_loss: 'numeric', request_hash: 'text', source_time: 'timestamptz', created_at: 'timestamptz',
      updated_at: 'timestamptz', finished_at: 'timestamptz',
    },
  },
  trade_transitions: { key: 'trade_id', of: 'trades', columns: { trade_id: 'uuid', version: 'integer', from_status: 'text', to_status: 'text', occurred_at: 'timestamptz', late: 'boolean', facts: 'jsonb', reason: 'text', actor: 'text' } },
  trade_explanations: {
    key: 'id',
    columns: { id: 'uuid', agent_id: 'uuid', trade_id: 'uuid', prediction_id: 'uuid', kind: 'text', explanation: 'text', confidence_factors: 'jsonb', risk_factors: 'jsonb', llm_model: 'text', created_at: 'timestamptz' },
  },
  snapshot_market: {
    key: 'id', month: 'open_time', once: ['symbol', 'frame', 'open_time'],
    columns: {
      id: 'uuid', agent_id: 'uuid', captured_at: 'timestamptz', last_captured_at: 'timestamptz', symbol: 'text', timeframe: 'text', frame: 'text', open_time: 'timestamptz', close_time: 'timestamptz',
      open: 'numeric', high: 'numeric', low: 'numeric', close: 'numeric', volume: 'numeric',
    },
  },
  snapshot_account: {
    key: 'id', month: 'captured_at', once: ['sender', 'account_id', 'captured_at'],
    columns: {
      id: 'uuid', agent_id: 'uuid', sender: 'uuid', account_id: 'uuid', captured_at: 'timestamptz', last_captured_at: 'timestamptz', balance: 'numeric', equity: 'numeric', margin_used: 'numeric', margin_free: 'numeric',
      open_pl: 'numeric', open_positions: 'integer',
    },
  },
  snapshot_indicators: {
    key: 'id', month: 'captured_at', once: ['sender', 'symbol', 'frame', 'captured_at'],
    columns: {
      id: 'uuid', agent_id: 'uuid', sender: 'uuid', captured_at: 'timestamptz', last_captured_at: 'timestamptz', symbol: 'text', timeframe: 'text', frame: 'text', rsi_14: 'numeric', sma_50: 'numeric',
      sma_200: 'numeric', atr: 'numeric', macd: 'numeric', macd_signal: 'numeric', macd_hist: 'numeric',
    },
  },
  snapshot_calendar: {
    key: 'id', month: 'event_time', once: ['currency', 'title', 'event_time'],
    columns: {
      id: 'uuid', agent_id: 'uuid', captured_at: 'timestamptz', last_captured_at: 'timestamptz', event_time: 'timestamptz', currency: 'text', title: 'text', impact_level: 'text', previous_value: 'text',
      forecast_value: 'text', actual_value: 'text',
    },
  },
  snapshot_news: {
    key: 'id', month: 'published_at', once: ['source', 'headline', 'published_at'],
    columns: { id: 'uuid', agent_id: 'uuid', captured_at: 'timestamptz', last_captured_at: 'timestamptz', published_at: 'timestamptz', source: 'text', headline: 'text', symbols: 'text[]' },
  },
  circuit_breaker_events: {
    key: 'id',
    columns: {
      id: 'uuid', breaker_type: 'text', action: 'text', scope_type: 'text', scope_id: 'text', agent_id: 'uuid', account_id: 'uuid', value: 'numeric', limit_value: 'numeric', unit: 'text', reason: 'text',
      triggered_at: 'timestamptz', reported_by: 'text', source: 'text', created_at: 'timestamptz',
    },
  },
  strategies: {
    key: 'id',
    columns: {
      id: 'uuid', version: 'integer', name: 'text', is_active: 'boolean', allowed_symbols: 'text[]', session_windows: 'jsonb', holidays: 'jsonb', entry_conditions: 'jsonb', exit_rules: 'jsonb', forbidden_conditions: 'jsonb',
      risk_caps: 'jsonb', currency: 'text', rr_expectation: 'numeric', retired_at: 'timestamptz', created_at: 'timestamptz', updated_at: 'timestamptz', updated_by: 'text',
    },
  },
  strategy_versions: { key: 'strategy_id', of: 'strategies', columns: { strategy_id: 'uuid', version: 'integer', content: 'jsonb', changed: 'text[]', reason: 'text', actor: 'text' } },
  /** Ended before they came: nothing works on them. The body is written as PostgreSQL writes bytes, `\\x7b7d`. */
  alerts: {
    key: 'id',
    columns: {
      id: 'uuid', source_id: 'uuid', key_kind: 'text', body: 'bytea', content_type: 'text', symbol: 'text', received_at: 'timestamptz', status: 'text', is_exit: 'boolean', signal: 'jsonb', code: 'text',
      detail: 'text', outcome: 'jsonb', next_attempt_at: 'timestamptz', finished_at: 'timestamptz',
    },
  },
  alert_runs: { key: 'alert_id', of: 'alerts', columns: { alert_id: 'uuid', run: 'integer', status: 'text', code: 'text', detail: 'text', outcome: 'jsonb', actor: 'text', at: 'timestamptz' } },
  /** Sealed by the loader into the run's own stream; `at` is the old time, which the text keeps. */
  decision_history: { key: 'id', columns: { id: 'uuid', type: 'text', at: 'timestamptz', agent_id: 'uuid', reason: 'text', risk_check_result: 'jsonb', human_override: 'jsonb' } },
} as const satisfies Record<string, Target>;

export type TargetTable = keyof typeof TARGETS;
