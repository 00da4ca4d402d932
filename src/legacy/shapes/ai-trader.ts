import { own } from '../../common/own.js';
import { Exact } from '../convert/exact.js';
import type { Cell } from '../source/cell.js';
import { AI_TRADER_KEPT } from './ai-trader-kept.js';
import { ACCOUNT_SNAPSHOTS, BREAKERS, CANDLES, EXPLANATIONS, PREDICTIONS, TRADES } from './ours-of.js';
import type { OurRow, Shape, ShapeTable } from './shape.js';
import { column, constant, flag, id, integer, nearest, realColumn, ref, spelled, text, textIn, utc, whole } from './write.js';

const KEY = { key: ['id'], constraints: ['PRIMARY KEY (id)'], part: '', newId: 'number' } as const;
const SYMBOL = (ours: OurRow) => textIn(ours, 'broker_symbol') ?? textIn(ours, 'symbol');

/** One horizon of `components`: `{"1h": {"direction": "up", "confidence": "0.6"}}`. */
const horizon = (name: string, part: 'direction' | 'confidence') => ({ values }: OurRow): string | null => {
  const found = (values.components as Record<string, Record<string, unknown>> | null)?.[name]?.[part];
  return typeof found === 'string' || typeof found === 'number' ? String(found) : null;
};
const WAYS = { down: 0n, up: 1n, short: 0n, long: 1n } as Record<string, bigint>;
const way = (name: string) => (ours: OurRow): Cell => {
  const said = horizon(name, 'direction')(ours);
  return said === null ? null : (own(WAYS, said) ?? (/^\d+$/.test(said) ? BigInt(said) : null));
};

const predictions: ShapeTable = {
  ...KEY, name: 'predictions',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('timestamp', 'DATETIME NOT NULL', utc('predicted_at')), column('symbol', 'VARCHAR(20) NOT NULL', SYMBOL), column('direction', 'VARCHAR(10) NOT NULL', text('direction')),
    realColumn('confidence', 'FLOAT NOT NULL'), realColumn('prob_up', 'FLOAT'), realColumn('prob_down', 'FLOAT'),
    column('pred_1h', 'INTEGER', way('1h')), realColumn('conf_1h', 'FLOAT', horizon('1h', 'confidence')), column('pred_4h', 'INTEGER', way('4h')), realColumn('conf_4h', 'FLOAT', horizon('4h', 'confidence')),
    column('pred_d', 'INTEGER', way('1d')), realColumn('conf_d', 'FLOAT', horizon('1d', 'confidence')),
    column('agreement_count', 'INTEGER', integer('agreement_count')), realColumn('agreement_score', 'FLOAT'), column('market_regime', 'VARCHAR(20)', text('market_regime')), realColumn('market_price', 'FLOAT'),
    column('vix_value', 'FLOAT'), column('trade_executed', 'BOOLEAN', flag('traded')), column('created_at', 'DATETIME', utc('created_at')), column('should_trade', 'BOOLEAN DEFAULT 1', flag('should_trade')),
    realColumn('dynamic_threshold_used', 'FLOAT', 'threshold_used'), column('used_by_agent', 'BOOLEAN', flag('used_by_agent')), column('agent_cycle_number', 'INTEGER', integer('agent_cycle_number')),
  ],
  indexes: [
    'CREATE INDEX IF NOT EXISTS ix_predictions_timestamp ON predictions (timestamp)', 'CREATE INDEX IF NOT EXISTS idx_predictions_timestamp_symbol ON predictions (timestamp, symbol)',
  ],
  ours: PREDICTIONS, events: ['prediction.created', 'prediction.batch_created'],
};

const EXITS = { target: 'tp', stop: 'sl', trailing: 'sl', stop_out: 'sl', supervisor: 'timeout', operator: 'manual', flatten: 'agent_stopped' };

const netOf = (ours: OurRow) => textIn(ours, 'net_profit');

/** Digits alone: the old program counts with it. Of more than 64 bits they go as text, for the file to round and to say so. */
function ticketOf(ours: OurRow): Cell {
  const ticket = textIn(ours, 'broker_ticket') ?? textIn(ours, 'broker_position_id');
  return whole(ticket) ?? (ticket !== null && /^-?\d+$/.test(ticket) ? ticket : null);
}

const trades: ShapeTable = {
  ...KEY, name: 'trades',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('prediction_id', 'INTEGER', ref('prediction_id')), column('symbol', 'VARCHAR(20) NOT NULL', SYMBOL), column('direction', 'VARCHAR(10) NOT NULL', text('direction')),
    realColumn('entry_price', 'FLOAT NOT NULL'), column('entry_time', 'DATETIME NOT NULL', utc('entry_time')), realColumn('exit_price', 'FLOAT'), column('exit_time', 'DATETIME', utc('exit_time')),
    column('exit_reason', 'VARCHAR(20)', spelled('exit_reason', EXITS, 'manual')), realColumn('lot_size', 'FLOAT NOT NULL', (ours) => textIn(ours, 'entered_size') ?? textIn(ours, 'lot_size')), column('position_value', 'FLOAT'),
    realColumn('take_profit', 'FLOAT', 'target'), realColumn('stop_loss', 'FLOAT'), column('max_holding_bars', 'INTEGER'), column('pips', 'FLOAT'), realColumn('pnl_usd', 'FLOAT', netOf),
    column('is_winner', 'BOOLEAN', (ours) => { const net = netOf(ours); return net === null ? null : new Exact(net).gt(0) ? 1n : 0n; }),
    realColumn('confidence', 'FLOAT'), column('status', 'VARCHAR(20) NOT NULL', spelled('status', { closed: 'closed' }, 'open')), column('created_at', 'DATETIME', utc('created_at')), column('updated_at', 'DATETIME', utc('updated_at')),
    column('risk_percentage_used', 'FLOAT'), column('execution_mode', "VARCHAR(20) NOT NULL DEFAULT 'simulation'", text('execution_mode')), column('broker', 'VARCHAR(50)', text('broker')),
    column('mt5_ticket', 'INTEGER', ticketOf), column('explanation_id', 'INTEGER'),
  ],
  indexes: [
    'CREATE INDEX IF NOT EXISTS idx_trades_status ON trades (status)', 'CREATE INDEX IF NOT EXISTS idx_trades_entry_time ON trades (entry_time)', 'CREATE INDEX IF NOT EXISTS ix_trades_entry_time ON trades (entry_time)',
  ],
  ours: { ...TRADES, refs: { prediction_id: { column: 'prediction_id', table: 'predictions' } } },
  events: ['trade.pending', 'trade.opened', 'trade.reopened', 'trade.closing', 'trade.closed', 'trade.rejected', 'trade.cancelled', 'trade.expired', 'trade.unknown', 'trade.past_fact', 'trade.filled'],
  cannot({ values }) {
    if (['pending', 'rejected', 'cancelled', 'expired'].includes(values.status as string)) return 'NEVER_ENTERED: the old table has open and closed trades alone, and this one never was entered';
    if (values.entry_price === null || values.entry_time === null) return 'ENTRY_UNKNOWN: the old table needs price and time of the entry';
    if (values.outcome !== null) return 'CONTRACT: a contract that pays by its outcome has no place there';
    if (values.currency !== 'USD' && values.net_profit !== null) return `CURRENCY_OTHER: its profit is in ${String(values.currency)}, and the old column is of dollars`;
    return null;
  },
  openLive: ({ values }) => values.is_open === true && values.execution_mode === 'live',
};

/** What the old program counted at each snapshot. */
const counted = (what: string) => ({ sql: `(select ${what} from trades x where x.account_id = t.account_id and x.status = 'closed' and x.exit_time <= t.captured_at)` });

const snapshots: ShapeTable = {
  ...KEY, name: 'performance_snapshots',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('timestamp', 'DATETIME NOT NULL', utc('captured_at')), realColumn('balance', 'FLOAT NOT NULL'), realColumn('equity', 'FLOAT NOT NULL'),
    realColumn('unrealized_pnl', 'FLOAT NOT NULL', (ours) => textIn(ours, 'open_pl') ?? new Exact(textIn(ours, 'equity') ?? 0).minus(textIn(ours, 'balance') ?? 0).toFixed()),
    column('total_trades', 'INTEGER NOT NULL', integer('total')), column('winning_trades', 'INTEGER NOT NULL', integer('winning')), column('losing_trades', 'INTEGER NOT NULL', integer('losing')),
    column('win_rate', 'FLOAT', (ours) => (textIn(ours, 'total') === '0' ? null : nearest(ours, '', new Exact(textIn(ours, 'winning') ?? 0).div(textIn(ours, 'total') ?? 1).toSignificantDigits(15).toFixed()))),
    column('total_pips', 'FLOAT NOT NULL', constant(0)), realColumn('total_pnl_usd', 'FLOAT NOT NULL', 'profit'), column('profit_factor', 'FLOAT'), column('avg_pips_per_trade', 'FLOAT'), column('max_drawdown', 'FLOAT'),
    column('sharpe_ratio', 'FLOAT'), column('predictions_made', 'INTEGER NOT NULL', integer('predicted')), column('predictions_correct', 'INTEGER NOT NULL', integer('right')), column('prediction_accuracy', 'FLOAT'),
    column('created_at', 'DATETIME', utc('captured_at')),
  ],
  indexes: [
    'CREATE INDEX IF NOT EXISTS ix_performance_snapshots_timestamp ON performance_snapshots (timestamp)', 'CREATE INDEX IF NOT EXISTS idx_performance_timestamp ON performance_snapshots (timestamp)',
  ],
  ours: {
    ...ACCOUNT_SNAPSHOTS,
    columns: {
      ...ACCOUNT_SNAPSHOTS.columns, total: counted('count(*)::text'), winning: counted('count(*) filter (where x.net_profit > 0)::text'), losing: counted('count(*) filter (where x.net_profit < 0)::text'),
      profit: counted('coalesce(sum(x.net_profit), 0)::text'),
      predicted: { sql: `(select count(*)::text from predictions p where p.agent_id = t.sender and p.predicted_at <= t.captured_at)` },
      right: { sql: `(select count(*)::text from predictions p join prediction_scores s on s.prediction_id = p.id where p.agent_id = t.sender and p.predicted_at <= t.captured_at and s.outcome = 'right')` },
    },
  },
  events: ['snapshot.created', 'snapshot.corrected', 'snapshot.batch_stored'],
  cannot: ({ values }) => (values.currency === 'USD' ? null : `CURRENCY_OTHER: the account is in ${String(values.currency)}, and the old columns are of dollars`),
};

const candles: ShapeTable = {
  ...KEY, name: 'market_data',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('symbol', 'VARCHAR(20) NOT NULL', text('symbol')), column('timestamp', 'DATETIME NOT NULL', utc('open_time')), realColumn('open', 'FLOAT NOT NULL'), realColumn('high', 'FLOAT NOT NULL'),
    realColumn('low', 'FLOAT NOT NULL'), realColumn('close', 'FLOAT NOT NULL'), realColumn('volume', 'FLOAT'), column('timeframe', 'VARCHAR(10) NOT NULL', text('timeframe')),
  ],
  indexes: [
    'CREATE INDEX IF NOT EXISTS ix_market_data_symbol ON market_data (symbol)', 'CREATE INDEX IF NOT EXISTS idx_market_data_symbol_timestamp ON market_data (symbol, timestamp)',
    'CREATE INDEX IF NOT EXISTS ix_market_data_timestamp ON market_data (timestamp)',
  ],
  ours: CANDLES, events: ['snapshot.created', 'snapshot.corrected', 'snapshot.batch_stored'],
};

const explanations: ShapeTable = {
  ...KEY, name: 'trade_explanations',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('trade_id', 'INTEGER NOT NULL', ref('trade_id')), column('prediction_id', 'INTEGER', ref('prediction_id')), column('explanation', 'TEXT NOT NULL', text('explanation')),
    column('confidence_factors', 'JSON', text('confidence_factors')), column('risk_factors', 'JSON', text('risk_factors')), column('llm_model', 'VARCHAR(50)', text('llm_model')), column('created_at', 'DATETIME NOT NULL', utc('created_at')),
  ],
  indexes: [],
  ours: { ...EXPLANATIONS, refs: { trade_id: { column: 'trade_id', table: 'trades' }, prediction_id: { column: 'prediction_id', table: 'predictions' } } }, events: ['explanation.created', 'trade.explained'],
  cannot: ({ refs, values }) => (values.trade_id === null || (refs.trade_id ?? null) === null ? 'NO_TRADE: the old table explains trades alone' : null),
};

const breakers: ShapeTable = {
  ...KEY, name: 'circuit_breaker_events',
  columns: [
    column('id', 'INTEGER NOT NULL', id), column('breaker_type', 'VARCHAR(50) NOT NULL', text('breaker_type')), column('action', 'VARCHAR(20) NOT NULL', spelled('action', { warned: 'warning', triggered: 'triggered', recovered: 'recovered', reset: 'reset' })),
    column('triggered_at', 'DATETIME NOT NULL', utc('triggered_at')), column('recovered_at', 'DATETIME', (ours) => (ours.values.action === 'recovered' ? utc('triggered_at')(ours) : null)),
    realColumn('value', 'FLOAT NOT NULL'), column('event_metadata', 'JSON', ({ values }) => JSON.stringify({ reason: values.reason, threshold: values.limit_value, unit: values.unit, scope: values.scope_type })), column('created_at', 'DATETIME', utc('created_at')),
  ],
  indexes: [],
  ours: BREAKERS, events: ['circuit_breaker.triggered', 'circuit_breaker.warned', 'circuit_breaker.recovered', 'circuit_breaker.reset'],
  cannot: ({ values }) => (values.value === null ? 'VALUE_MISSING: the old table needs the value that was measured' : null),
};

export const AI_TRADER: Shape = {
  system: 'ai-trader', medium: 'sqlite',
  tables: [predictions, trades, explanations, snapshots, candles, breakers, ...AI_TRADER_KEPT],
  first: [],
  differs: {
    'market_data.timestamp': 'written with six digits of a second, whatever it was written with', 'market_data.open high low close volume': 'the same numbers; an INTEGER becomes a REAL, as its column is declared',
    '*.secrets': 'what was a credential is [secret removed]',
  },
};
