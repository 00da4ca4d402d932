import type { Ours } from './shape.js';

/** Which columns of ours shapes read; what differs by shape is `where` and `refs`. */

const SEQ = [{ column: 'seq', type: 'bigint' }];

const texts = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, 'text' as const]));
const times = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, 'time' as const]));

export const TRADES: Ours = {
  table: 'trades',
  columns: {
    ...texts('symbol broker_symbol exchange product direction outcome lot_size entered_size exited_size entry_price exit_price stop_loss execution_mode broker broker_order_id broker_position_id broker_ticket status exit_reason gross_profit commission swap fee net_profit prediction_id strategy_id client_order_id order_tag closing_reason'),
    ...times('entry_time exit_time created_at updated_at finished_at'),
    take_profit: 'json',
    currency: { sql: `(select a.currency from accounts a where a.id = t.account_id)` },
    account: { sql: `(select a.name from accounts a where a.id = t.account_id)` },
    agent: { sql: `(select a.name from agents a where a.id = t.agent_id)` },
    confidence: { sql: `(select p.confidence::text from predictions p where p.id = t.prediction_id)` },
    /** The first price at which profit is taken. */
    target: { sql: `(select first.value ->> 'price' from jsonb_array_elements(case jsonb_typeof(t.take_profit) when 'array' then t.take_profit else '[]' end) first limit 1)` },
    is_open: { sql: `t.status in ('open', 'closing', 'unknown', 'pending')` },
  },
  order: SEQ,
  // Its import is its first version; everything after it is ours.
  changed: 't.version > 1',
};

export const PREDICTIONS: Ours = {
  table: 'predictions',
  columns: {
    ...texts('symbol broker_symbol direction confidence prob_up prob_down agreement_count agreement_score market_regime market_price agent_cycle_number threshold_used horizon_seconds'),
    ...times('predicted_at created_at'),
    used_by_agent: 'boolean', should_trade: 'boolean', components: 'json',
    traded: { sql: `exists (select 1 from trades x where x.prediction_id = t.id and x.status not in ('rejected', 'cancelled', 'expired'))` },
  },
  order: SEQ,
  changed: 'false',
};

export const EXPLANATIONS: Ours = {
  table: 'trade_explanations',
  columns: { ...texts('trade_id prediction_id kind explanation llm_model'), created_at: 'time', confidence_factors: { sql: 't.confidence_factors::text' }, risk_factors: { sql: 't.risk_factors::text' } },
  order: SEQ,
  changed: 'false',
};

export const BREAKERS: Ours = {
  table: 'circuit_breaker_events',
  columns: { ...texts('breaker_type action scope_type scope_id value limit_value unit reason reported_by source'), ...times('triggered_at created_at') },
  order: SEQ,
  changed: 'false',
};

export const CANDLES: Ours = {
  table: 'snapshot_market',
  columns: { ...texts('symbol timeframe frame open high low close volume'), ...times('open_time close_time') },
  order: [{ column: 'symbol', type: 'text' }, { column: 'frame', type: 'text' }, { column: 'open_time', type: 'timestamptz' }],
  changed: 't.revision > 1',
};

export const ACCOUNT_SNAPSHOTS: Ours = {
  table: 'snapshot_account',
  columns: { ...texts('balance equity margin_used margin_free open_pl open_positions'), captured_at: 'time', currency: { sql: `(select a.currency from accounts a where a.id = t.account_id)` } },
  order: [{ column: 'sender', type: 'uuid' }, { column: 'account_id', type: 'uuid' }, { column: 'captured_at', type: 'timestamptz' }],
  changed: 't.revision > 1',
};

export const STRATEGIES: Ours = {
  table: 'strategies',
  columns: {
    // Documents as text: numbers in them keep their digits.
    ...texts('name currency rr_expectation session_windows entry_conditions exit_rules forbidden_conditions risk_caps'), ...times('created_at updated_at'), is_active: 'boolean', allowed_symbols: 'json',
    retired: { sql: 't.retired_at is not null' },
  },
  order: SEQ,
  // One version comes with it.
  changed: '(select count(*) > 1 from strategy_versions v where v.strategy_id = t.id)',
};

export const ALERTS: Ours = {
  table: 'alerts',
  columns: {
    received_at: 'time', signal: { sql: 't.signal::text' }, detail: 'text',
    ...Object.fromEntries(['intent', 'side', 'symbol', 'exchange', 'timeframe', 'quantity', 'price', 'comment', 'barTime'].map((name) => [name, { sql: `t.signal ->> '${name}'` }])),
  },
  order: SEQ,
  changed: 'false',
};

export const IDEAS: Ours = {
  table: 'trade_ideas',
  columns: {
    ...texts('symbol broker_symbol direction lot_size entry_price stop_loss rationale confidence status approved_by decided_by ended_reason outcome'), ...times('created_at updated_at decided_at'),
    target: { sql: `(select first.value ->> 'price' from jsonb_array_elements(coalesce(t.take_profit, '[]')) first limit 1)` },
    currency: { sql: `(select a.currency from accounts a where a.id = t.account_id)` },
  },
  order: SEQ,
  changed: 'false',
};
