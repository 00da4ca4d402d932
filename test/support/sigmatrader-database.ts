import { DatabaseSync } from 'node:sqlite';
import { COLUMNS } from '../../src/legacy/profiles/sigmatrader/profile.js';

export type Fields = Record<string, null | number | bigint | string | Uint8Array>;

export interface SigmatraderFile {
  /** `alembic`: as its migrations make it. `create_all`: as the application makes it, without risk_settings and with no revision written down. */
  shape?: 'alembic' | 'create_all';
  /** Tables and columns that an older revision lacks, `orders.sent_at` or `ai_tm_files`. */
  lacks?: readonly string[];
  /** Rows of each table that is not written by hand. */
  each?: number;
}

const REAL = /(^|_)(qty|price|pct|pnl|equity|volume|open|high|low|close|funds|weight|value|distance|multiple|amount|loss|trade|exposure|drift|scale|realised|unrealised|m2m|beta|ltp|invested|notional|bps|atr|leverage|stop)$/;
const FLAG = /^(is_|enabled|active|simulated|gtt|synthetic_gtt|armed$|allow_|only_market_hours|weight_locked|available_for_alert|default_interval_logged|manual_override_enabled|stop_loss_mandatory|managed_risk_enabled|trailing_stop_enabled)/;
const TEXT_ID = /^ai_tm_.*\.(?!user_id|broker_snapshot_id|ledger_snapshot_id|id$).*_id$|\.(broker_order_id|zerodha_order_id|client_order_id|broker_user_id|broker_account_id|correlation_id|target_id|order_id_text)$/;

function typeOf(table: string, column: string): string {
  if (column === 'id') return 'INTEGER NOT NULL PRIMARY KEY';
  if (column === 'version_num') return 'VARCHAR(32) NOT NULL PRIMARY KEY';
  if (/_at$|_ts$|_until$|^(ts|bar_time|last_updated|last_trade_time|last_loss_time)$/.test(column)) return 'DATETIME';
  if (/(^|_)date$/.test(column)) return 'DATE';
  if (FLAG.test(column)) return 'BOOLEAN';
  if (/_id$/.test(column)) return TEXT_ID.test(`${table}.${column}`) ? 'VARCHAR(64)' : 'INTEGER';
  if (/^max_(positions|consecutive|trades)|_count$|^(attempts|version|latest_version|size_bytes|payload_bytes|observations)$|_seconds$|_symbols$/.test(column)) return 'INTEGER';
  return REAL.test(column) ? 'FLOAT' : /_json$|^(details|message|reason|raw_payload|description|notes|content|no_trade_rules)$|dsl/.test(column) ? 'TEXT' : 'VARCHAR(255)';
}

/** All tables, each with some rows, and in those that matter what such a system would have written. */
export function writeSigmatrader(path: string, { shape = 'alembic', lacks = [], each = 2 }: SigmatraderFile = {}): void {
  const db = new DatabaseSync(path);
  db.exec('pragma foreign_keys = off; begin');
  for (const [table, columns] of Object.entries(COLUMNS)) {
    if (lacks.includes(table) || (shape === 'create_all' && table === 'risk_settings')) continue;
    const there = columns.filter((name) => !lacks.includes(`${table}.${name}`));
    db.exec(`create table ${table} (${there.map((name) => `"${name}" ${typeOf(table, name)}`).join(', ')})`);
    for (const fields of rowsOf(table, columns, shape, each)) insert(db, table, Object.fromEntries(Object.entries(fields).filter(([name]) => there.includes(name))));
  }
  db.exec('commit');
  db.close();
}

export function insert(db: DatabaseSync, table: string, fields: Fields): void {
  const names = Object.keys(fields);
  db.prepare(`insert into ${table} (${names.map((name) => `"${name}"`).join(', ')}) values (${names.map(() => '?').join(', ')})`).run(...Object.values(fields));
}

function rowsOf(table: string, columns: readonly string[], shape: string, each: number): Fields[] {
  if (table === 'alembic_version') return shape === 'alembic' ? [{ version_num: '0080' }] : [];
  return WRITTEN[table] ?? Array.from({ length: each }, (_, place) => Object.fromEntries(columns.map((name) => [name, anyOf(table, name, place + 1)])));
}

const AT = (n: number) => `2026-11-1${n} 04:00:0${n}.00000${n}`;
/** As the old system keeps them: behind a cipher that is none, and in clear. */
export const SECRETS = ['gAAAAABcipher0f7token', 'pbkdf2_sha256$260000$abcdEFGH12$ZGVyaXZlZGtleQ', 'hunter2-webhook-Secret9', 'sk-proj-0123456789abcdef012345'];

function anyOf(table: string, column: string, n: number): Fields[string] {
  if (/^(access_token_encrypted|value_encrypted)$/.test(column)) return SECRETS[0] ?? '';
  if (column === 'password_hash') return SECRETS[1] ?? '';
  if (column === 'key_ciphertext' || column === 'key_masked') return SECRETS[3] ?? '';
  if (table === 'tradingview_alert_payload_templates' && column === 'config_json') return JSON.stringify({ secret: SECRETS[2], name: 'x' });
  const type = typeOf(table, column);
  if (column === 'id') return n;
  if (type === 'DATETIME') return AT(n);
  if (type === 'DATE') return `2026-11-1${n}`;
  if (type === 'BOOLEAN') return n % 2;
  if (type === 'INTEGER') return n;
  if (type === 'FLOAT') return n * 1.1;
  return /_json$/.test(column) ? `{"n": ${n}.50}` : `${column} ${n}`;
}

const order = (id: number, more: Fields): Fields => ({
  id, alert_id: null, strategy_id: 1, symbol: 'INFY', exchange: 'NSE', side: 'BUY', qty: 10, price: 1500.1, order_type: 'LIMIT', product: 'CNC', gtt: 0, status: 'EXECUTED', mode: 'AUTO', simulated: 0, created_at: AT(1), updated_at: AT(2), user_id: 1,
  execution_target: 'LIVE', broker_name: 'zerodha', broker_order_id: null, synthetic_gtt: 0, is_exit: 0, ...more,
});
const alert = (id: number, more: Fields): Fields => ({
  id, strategy_id: null, symbol: 'NSE:INFY', exchange: 'NSE', interval: '5', action: 'BUY', qty: 10, price: 1500.05, platform: 'TRADINGVIEW', raw_payload: JSON.stringify({ secret: SECRETS[2], strategy_name: 's', comment: `told ${SECRETS[2]}` }),
  received_at: AT(id % 9), bar_time: '2026-11-19 09:15:00.000000', user_id: 1, reason: null, source: 'TRADINGVIEW', rule_id: null, ...more,
});
const candle = (id: number, more: Fields): Fields => ({ id, symbol: 'INFY', exchange: 'NSE', timeframe: '1m', ts: `2026-11-19 09:${String(14 + id)}:00.000000`, open: 1500.1, high: 1501.3, low: 1499.7, close: 1500.9, volume: 1234, ...more });
const position = (id: number, more: Fields): Fields => ({ id, symbol: 'INFY', product: 'MIS', qty: 10, avg_price: 1500.1, pnl: 3.3, last_updated: AT(3), exchange: 'NSE', broker_name: 'zerodha', ...more });
const watched = (id: number, more: Fields): Fields => ({
  id, user_id: 1, entry_order_id: id + 100, broker_name: 'zerodha', symbol: 'TCS', exchange: 'NSE', product: 'MIS', side: 'BUY', qty: 5, execution_target: 'LIVE', risk_spec_json: '{}', entry_price: 3000.5, stop_distance: 30.1,
  best_favorable_price: 3010, is_trailing_active: 0, status: 'ACTIVE', created_at: AT(1), updated_at: AT(2), ...more,
});
const strategy = (id: number, name: string): Fields => ({
  id, name, description: 'd', execution_mode: 'MANUAL', enabled: 1, created_at: AT(1), updated_at: AT(2), execution_target: 'LIVE', owner_id: null, scope: 'GLOBAL', dsl_expression: 'PRICE(1d) > SMA(50, 1d)', expression_json: null, is_builtin: 1, available_for_alert: 1,
});
const decision = (id: number, more: Fields): Fields => ({
  id, user_id: 1, alert_id: 1, order_id: 1, source: 'TRADINGVIEW', strategy_ref: 's', symbol: 'INFY', exchange: 'NSE', side: 'BUY', trigger_price: 1500.05, resolved_product: 'CNC', decision: 'PLACED', reasons_json: '[]', details_json: '{"final_qty": 10.50, "id": 12345678901234567890}',
  created_at: AT(id), ...more,
});

const WRITTEN: Record<string, Fields[]> = {
  strategies: [strategy(1, 'One'), strategy(2, 'Two')],
  orders: [
    order(1, { broker_order_id: '2511190000001' }), order(2, { side: 'SELL', price: 1510.1 }), order(3, { simulated: 1, execution_target: 'PAPER', side: 'SELL', price: null, product: 'MIS' }), order(4, { simulated: 1, execution_target: 'PAPER', price: null }),
    order(5, { qty: Infinity, price: Infinity, symbol: 'A'.repeat(300), status: 'WAITING' }), order(6, { symbol: '{{ticker}}', status: 'FAILED' }), order(7, { status: 'SENT', symbol: ' NSE:INFY ' }),
  ],
  analytics_trades: [
    { id: 1, entry_order_id: 1, exit_order_id: 2, strategy_id: 1, pnl: 100.1, r_multiple: 1.5, opened_at: AT(1), closed_at: AT(2) }, { id: 2, entry_order_id: 3, exit_order_id: 4, strategy_id: null, pnl: -33.333333333333336, r_multiple: null, opened_at: AT(3), closed_at: AT(4) },
    { id: 3, entry_order_id: 1, exit_order_id: 99, strategy_id: 77, pnl: 0, r_multiple: null, opened_at: AT(3), closed_at: AT(4) },
  ],
  positions: [position(1, {}), position(2, { symbol: 'SBIN', qty: 0 }), position(3, { symbol: 'HDFC', product: 'CNC', qty: -4 }), position(4, { symbol: 'NIFTY26NOVFUT', exchange: 'nfo', product: 'NRML', qty: -75 })],
  managed_risk_positions: [watched(1, {}), watched(2, { symbol: 'INFY' }), watched(3, { status: 'EXITED', exit_reason: 'SL' }), watched(4, { execution_target: 'PAPER', side: 'SELL' })],
  strategy_deployments: [{ id: 1, owner_id: 1, name: 'd', kind: 'STRATEGY', execution_target: 'PAPER', enabled: 1, broker_name: 'zerodha', product: 'CNC', target_kind: 'SYMBOL', exchange: 'NSE', symbol: 'INFY', timeframe: '1d', config_json: '{}', created_at: AT(1), updated_at: AT(1) }],
  strategy_deployment_states: [{ id: 1, deployment_id: 1, status: 'RUNNING', state_json: '{"version":1,"cash":5.5,"positions":{"NSE:INFY":{"qty":3,"side":"LONG","entry_price":1500.5,"entry_ts":"2026-11-19T04:00:00"}}}', updated_at: AT(3) }],
  alerts: [
    alert(1, {}), alert(2, { symbol: ' nse:infy ', exchange: ' nse', qty: Infinity, price: null }), alert(3, { symbol: '{{exchange}}:{{ticker}}', action: 'SELL', reason: 'ST: Ignored EXIT (no position).' }), alert(4, { raw_payload: 'not json', strategy_id: 99 }),
    alert(5, { symbol: 'A'.repeat(300) }),
  ],
  alert_decision_logs: [decision(1, {}), decision(2, { decision: 'BLOCKED', reasons_json: '["Daily loss"]', order_id: 3 }), decision(3, { order_id: 999, alert_id: null })],
  equity_snapshots: [
    { id: 1, user_id: null, as_of_date: '2026-11-18', equity: 1000000, peak_equity: 1000000, drawdown_pct: 0, created_at: AT(1), updated_at: AT(1) }, { id: 2, user_id: null, as_of_date: '2026-11-19', equity: 1000100.1, peak_equity: 1000100.1, drawdown_pct: 0, created_at: AT(1), updated_at: '2026-11-19 10:00:00' },
    { id: 3, user_id: 1, as_of_date: '2026-11-19', equity: 999.9, peak_equity: 999.9, drawdown_pct: 0, created_at: AT(1), updated_at: '2026-11-19 10:00:00' },
  ],
  candles: [candle(1, {}), candle(2, {}), candle(3, { timeframe: '1d', ts: '2026-11-19 00:00:00.000000' }), candle(4, { symbol: 'TCS', volume: 0.5 })],
  signal_strategies: [{ id: 1, scope: 'GLOBAL', owner_id: null, name: 'T', description: null, tags_json: '["a"]', regimes_json: '[]', latest_version: 1, created_at: AT(1), updated_at: AT(1) }],
  signal_strategy_versions: [{ id: 1, strategy_id: 1, version: 1, inputs_json: '[]', variables_json: '[]', outputs_json: '[{"name":"s","dsl":"x > 1.50"}]', compatibility_json: '{}', enabled: 1, created_at: AT(1) }],
};
