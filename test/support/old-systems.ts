import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, System } from '../../src/legacy/profile.js';
import { ARCHIVED as AI_TRADER_KEPT } from '../../src/legacy/profiles/ai-trader/archived.js';
import { COLUMNS as BREAKERS } from '../../src/legacy/profiles/ai-trader/breakers.js';
import { COLUMNS as EXPLANATIONS } from '../../src/legacy/profiles/ai-trader/explanations.js';
import { COLUMNS as PREDICTIONS } from '../../src/legacy/profiles/ai-trader/predictions.js';
import { MARKET_DATA, PERFORMANCE } from '../../src/legacy/profiles/ai-trader/snapshots.js';
import { COLUMNS as TRADES } from '../../src/legacy/profiles/ai-trader/trades.js';
import { ARCHIVED as PLATFORM_KEPT } from '../../src/legacy/profiles/ai-trading-platform/archived.js';
import { DECISIONS, IDEAS } from '../../src/legacy/profiles/ai-trading-platform/decision-rows.js';
import { COLUMNS as IDEA_FILES } from '../../src/legacy/profiles/ai-trading-platform/idea-files.js';
import { ACCOUNT, CALENDAR, INDICATORS, NEWS } from '../../src/legacy/profiles/ai-trading-platform/snapshots.js';
import { COLUMNS as STRATEGY_FILES } from '../../src/legacy/profiles/ai-trading-platform/strategy-files.js';
import { COLUMNS as STRATEGY_ROWS } from '../../src/legacy/profiles/ai-trading-platform/strategy-rows.js';
import { KNOWN as ENGINE_KEPT } from '../../src/legacy/profiles/finance-feedback-engine/archives.js';
import { KNOWN as REC_IO_KEPT } from '../../src/legacy/profiles/rec-io/archives.js';
import { TRADE_COLUMNS } from '../../src/legacy/profiles/rec-io/trades.js';
import { type OldRow, type OldTable, type Raw, readTables } from './old-data.js';
import { writeSigmatrader } from './sigmatrader-database.js';

/** What the tests draw from: always the same for a seed. */
export class Draw {
  constructor(private readonly next: () => number) {}

  below = (most: number): number => Math.floor(this.next() * most);
  one = <T>(of: readonly T[]): T => of[this.below(of.length)] as T;
  chance = (part: number): boolean => this.next() < part;
  real = (most: number): number => this.next() * most;
}

type Known = Record<string, Column | undefined>;
const none = (names: string): Known => Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, undefined]));

const SYMBOLS = ['EURUSD', 'GBPUSD=X', 'XAUUSD', 'BTC-USD', 'nse:infy'];
const two = (value: number): string => String(value).padStart(2, '0');
const momentOf = (draw: Draw): string => `2025-${two(1 + draw.below(12))}-${two(1 + draw.below(28))} ${two(draw.below(24))}:${two(draw.below(60))}:${two(draw.below(60))}${draw.chance(0.5) ? `.${String(draw.below(1_000_000)).padStart(6, '0')}` : ''}`;
const amountOf = (draw: Draw): Raw => draw.one<() => Raw>([() => draw.real(1000), () => Math.round(draw.real(100_000)) / 100, () => BigInt(draw.below(5000)), () => -draw.real(100), () => 0.1 + 0.2, () => -0])();

/** What such a column would hold, by what its mapping says of it and by its name. */
function plausible(name: string, column: Column | undefined, n: number, draw: Draw): Raw {
  const says = column?.says ?? '';
  if (name === 'id') return BigInt(n);
  const words = /one of (.*?)(?:, must|$)/.exec(says)?.[1]?.split(', ');
  if (words) return draw.one(words);
  if (/symbol|asset_pair|^product/i.test(name)) return draw.one(SYMBOLS);
  if (/fraction/.test(says)) return Math.round(draw.real(1) * 1e6) / 1e6;
  if (/whole number/.test(says)) return BigInt(draw.below(50));
  if (/boolean/.test(says) || /^is_|^used_|_executed$|^success$|enabled|active$/.test(name)) return BigInt(draw.below(2));
  if (/JSON/.test(says) || /json$|metadata|config$|^payload|^result$|factors$/.test(name)) return draw.one(['{"a": 1.50, "b": [true, null, "é"]}', '{}', '["one", "two"]', '{"n": 12345678901234567890}']);
  if (/time|_at$|_ts$|^date$|cached/.test(name)) return momentOf(draw);
  if (/price|open|high|low|close|balance|equity|pnl|profit|loss|fees|lot|size|volume|stop|take|value|sma|rsi|atr|margin|cost|revenue|exposure|bid|ask|_pl$|change|momentum|delta|diff|strike|rate|ratio|total/.test(name)) return amountOf(draw);
  if (/count|number|_id$|ticket|bars|version|cycle/.test(name)) return BigInt(1 + draw.below(9));
  return `${name} ${draw.below(1000)}`;
}

const declaredOf = (value: Raw, name: string): string => (typeof value === 'bigint' ? 'INTEGER' : typeof value === 'number' ? 'FLOAT' : /time|_at$/.test(name) ? 'DATETIME' : 'TEXT');

interface Spec {
  columns: Known;
  /** What makes a row whole that columns alone do not. */
  whole?(row: OldRow, draw: Draw, n: number): void;
  lacks?: string;
}

const closed = (row: OldRow, draw: Draw): void => {
  row['entry_time'] = '2025-03-01 10:00:00';
  row['exit_time'] = '2025-03-01 11:30:00';
  for (const name of ['entry_price', 'exit_price', 'stop_loss', 'take_profit', 'lot_size']) row[name] = 1 + draw.real(100);
  row['mt5_ticket'] = 9_007_199_254_740_993n;
  row['broker'] = 'mt5';
};
const candle = (row: OldRow, draw: Draw, n: number): void => {
  const base = 100 + draw.real(10);
  Object.assign(row, { open: base, close: base + 0.5, high: base + 1, low: base - 1, volume: draw.below(1000), timeframe: draw.one(['5min', '1H', 'M1', 'daily']), timestamp: `2025-06-${two(1 + (n % 28))} ${two(draw.below(24))}:00:00` });
};
const contract = (row: OldRow, draw: Draw, n: number): void => {
  Object.assign(row, {
    status: draw.one(['open', 'closed', 'closed', 'closed', 'expired', 'error', 'PENDING']), date: draw.one(['2025-08-02', '2025-11-02', '2025-03-09']), time: draw.one(['01:30:00', '09:15:22', '12:00:00 PM']), side: draw.one(['Y', 'N', 'yes']),
    buy_price: draw.one([0.95, 0.5, 0.01, 97]), sell_price: draw.one<Raw>([1, 0, 0.6, null]), position: BigInt(1 + draw.below(50)), closed_at: draw.one<Raw>(['10:00:00', '2025-11-02 13:00:00', '01:45:00']), fees: draw.one<Raw>([0.07, 2n, null]),
    pnl: draw.one<Raw>([3.21, -47n, 0.1 + 0.2, null]), win_loss: draw.one<Raw>(['W', 'L', null]), ticker: `KXBTCD-25AUG0210-T${113_000 + n}.99`, ticket_id: draw.one<Raw>([`TICKET-abc-${1_754_100_000_000 + n}`, 9_007_199_254_740_993n, null, 'TEST_TRADE_1']),
    symbol: 'BTC', close_method: draw.one(['manual', 'auto', 'expired']), trade_strategy: draw.one(['Hourly HTC', '*** TEST ***']), trade_id: BigInt(1 + draw.below(12)),
  });
};
const outcome = (row: OldRow, draw: Draw, n: number): void => {
  Object.assign(row, {
    trade_id: draw.one([`t-${n}`, `t-${n}`, 't-1', 'test_9']), product: draw.one(['EUR_USD', 'BTC-USD']), side: draw.one(['LONG', 'SHORT', 'BUY']), entry_time: '2025-05-01T10:00:00+00:00', exit_time: draw.one(['2025-05-01T12:00:00Z', '2025-05-01 12:00:00']),
    entry_price: 1 + draw.real(10), exit_price: 1 + draw.real(10), entry_size: 2, exit_size: draw.one([1, 2]), realized_pnl: draw.one<Raw>([12.5, '-3.3333333333333333333333333333', null, 0]), fees: draw.one<Raw>([0.25, '0.1', null]), holding_duration_seconds: 7200,
  });
};
const cached = (row: OldRow, draw: Draw): void => {
  Object.assign(row, { asset_pair: 'BTCUSD', decision_json: JSON.stringify({ action: draw.one(['BUY', 'HOLD']), confidence: draw.below(100), reasoning: 'r', ai_provider: 'test', entry_price: draw.real(10) }), confidence: BigInt(draw.below(100)), timestamp: '2025-05-01T10:00:00' });
};
const proposal = (row: OldRow, draw: Draw): void => {
  Object.assign(row, { asset_pair: 'BTCUSD', action: draw.one(['BUY', 'HOLD', 'sell']), confidence: BigInt(draw.below(100)), timestamp: '2025-05-01T10:00:00+00:00', entry_price: draw.real(10), recommended_position_size: 0.5, executed: null });
};
const OUTCOMES = none(`trade_id order_id product side entry_time entry_price entry_size exit_time exit_price exit_size realized_pnl fees holding_duration_seconds roi_percent exit_price_source recorded_via decision_id last_price`);

const keptAs = (kept: Record<string, { columns: Known }>, ...without: string[]): Record<string, Spec> =>
  Object.fromEntries(Object.entries(kept).filter(([name]) => !without.includes(name)).map(([name, { columns }]) => [name, { columns }]));

const AI_TRADER: Record<string, Spec> = {
  predictions: { columns: PREDICTIONS }, trades: { columns: TRADES, whole: closed, lacks: 'side volume profit_usd close_reason trade_id' },
  trade_explanations: { columns: EXPLANATIONS }, performance_snapshots: { columns: PERFORMANCE }, market_data: { columns: MARKET_DATA, whole: candle }, circuit_breaker_events: { columns: BREAKERS, whole: (row, draw) => void (row['action'] = draw.one(['triggered', 'halt', 'reset'])) },
  ...keptAs(AI_TRADER_KEPT),
};
const STRATEGY = (row: OldRow, draw: Draw, n: number): void => {
  Object.assign(row, { name: `S${n} ${draw.below(1e6)}`, allowed_symbols: '["EURUSD"]', session_windows: '[{"start": "07:00Z", "end": "11:00Z", "days": ["Mon", "Fri"]}]', entry_conditions: '{"a": 1.50}', exit_rules: '{"time_limit_min": 30}', forbidden_conditions: '{}', risk_caps: '{"max_lot_size": 2, "min_rr": 1.5}', rr_expectation: 1.5, symbol: 'EURUSD', timeframe: 'H1', sessions: '["London"]', indicators: '[]', conditions: '{"entry": ["x > 1"]}', strategy: '{"direction": "long", "min_rr": 1.5}' });
};
const PLATFORM: Record<string, Spec> = {
  strategies: { columns: STRATEGY_ROWS, whole: STRATEGY }, decision_history: { columns: DECISIONS, whole: (row, draw) => Object.assign(row, { action: draw.one(['ai_proposed', 'RISK_REJECTED', 'human_approved', 'admin_note']), risk_check_result: draw.one(['pass', 'fail:max_drawdown']), human_override: draw.one<Raw>([0n, 1n, null]) }) },
  trade_ideas: { columns: IDEAS, whole: (row, draw) => Object.assign(row, { status: draw.one(['waiting', 'rejected', 'auto_executed']), take_profit: '[1.2, 1.3]', entry_range: '{1.1,1.2}' }) }, snapshot_account: { columns: ACCOUNT },
  snapshot_indicators: { columns: INDICATORS, whole: (row, draw) => Object.assign(row, { timeframe: 'H1', symbol: 'EURUSD', macd: '{"macd": 0.10, "signal": 0.2, "hist": -0.1}', rsi_14: draw.real(100), atr: draw.real(1) }) },
  snapshot_calendar: { columns: CALENDAR, whole: (row, draw) => Object.assign(row, { currency: 'USD', impact_level: draw.one(['low', 'HIGH']) }) }, snapshot_news: { columns: NEWS, whole: (row) => void (row['symbols'] = '{EURUSD,XAUUSD}') },
  ...keptAs(PLATFORM_KEPT),
};
/** Of the documents: one file is one row. */
const PLATFORM_FILES: Record<string, Spec> = {
  ...PLATFORM, strategies: { columns: STRATEGY_FILES, whole: STRATEGY },
  trade_ideas: { columns: IDEA_FILES, whole: (row, draw) => Object.assign(row, { status: draw.one(['pending_approval', 'approved', 'rejected', 'executed', 'cancelled']), approval_status: null, direction: 'long' }) },
};
const ENGINE_NAMES = ['api_keys', 'auth_audit_log', 'auth_log', 'cache_stats', 'trade_outcome_rows', 'provider_performance', 'thompson_stats', 'alembic_version', 'memory_outcomes', 'pnl_snapshots', 'statistics', 'portfolio_memory', 'pending_outcomes', 'pending_linkage'];
const ENGINE: Record<string, Spec> = {
  trade_outcomes: { columns: OUTCOMES, whole: outcome }, open_positions: { columns: none('trade_id product side entry_price entry_size entry_time last_price'), whole: outcome },
  decisions: { columns: none('id cache_key asset_pair timestamp market_hash decision_json created_at confidence market_regime'), whole: cached }, decision_files: { columns: none('id asset_pair action confidence timestamp entry_price recommended_position_size ai_provider reasoning executed'), whole: proposal },
  approvals: { columns: none('decision_id status timestamp source approval_notes approval_id modified'), whole: (row, draw) => Object.assign(row, { status: draw.one(['approved', 'rejected']), timestamp: '2025-05-01T10:00:00Z', modified: draw.one<Raw>([0n, null]) }) },
  ...Object.fromEntries(ENGINE_KEPT.slice(0, ENGINE_NAMES.length).map(({ mapping }, n) => {
    const name = ENGINE_NAMES[n] ?? '';
    return [name, { columns: mapping([], { name, base: name, columns: [], declared: {}, key: [], count: () => 0, rows: () => [] }).columns }];
  })),
};
const WATCHED = none('id trade_id ticket_id date time strike side buy_price position contract ticker symbol market trade_strategy symbol_open momentum prob fees diff current_pnl status notes');
const REC_IO: Record<string, Spec> = {
  trades: { columns: TRADE_COLUMNS, whole: contract, lacks: 'user_id' }, trades_0001: { columns: none('id status date time strike side buy_price position'), whole: contract }, active_trades: { columns: WATCHED, whole: contract },
  user_trades: { columns: none('id user_id symbol side quantity price timestamp status test_filter'), whole: (row, draw) => Object.assign(row, { side: draw.one(['yes', 'N']), quantity: 3n, price: 0.5, status: draw.one(['open', 'pending']), test_filter: 0n, symbol: 'KXBTC', timestamp: '2025-08-02 09:00:00' }) },
  balance_history: { columns: none('id balance timestamp created_at'), whole: (row, draw) => void (row['balance'] = draw.one<Raw>([12_345n, 10_050.5, 7n])) },
  btc_1m: { columns: none('timestamp open high low close volume'), whole: candle },
  ...Object.fromEntries(REC_IO_KEPT.map(({ shape, columns }) => [shape.replaceAll(' ', '_'), { columns: none(columns), whole: shape === 'settlements' ? (row: OldRow, draw: Draw) => Object.assign(row, { market_result: draw.one(['yes', 'no']), ticker: `KXBTCD-25AUG0210-T${113_001 + draw.below(5)}.99` }) : shape === 'account mode' ? (row: OldRow, draw: Draw) => void (row['mode'] = draw.one(['prod', 'demo'])) : undefined } as Spec])),
};

const SPECS: Record<Exclude<System, 'sigmatrader'>, Record<string, Spec>> = { 'ai-trader': AI_TRADER, 'ai-trading-platform': PLATFORM, 'finance-feedback-engine': ENGINE, 'rec-io': REC_IO };

/** What is imported is always there to begin with; of what is only kept, some. */
function tablesOf(specs: Record<string, Spec>, draw: Draw): OldTable[] {
  const tables: OldTable[] = [];
  for (const [name, { columns, whole, lacks = '' }] of Object.entries(specs)) {
    if (whole === undefined && !['predictions', 'trade_explanations', 'performance_snapshots', 'snapshot_account'].includes(name) && draw.chance(0.7)) continue;
    const left = new Set(lacks.split(' '));
    const names = Object.keys(columns).filter((each) => !left.has(each));
    const rows = Array.from({ length: draw.below(whole === undefined ? 4 : 7) + 1 }, (_, place) => {
      const row = Object.fromEntries(names.map((each) => [each, plausible(each, columns[each], place + 1, draw)]));
      whole?.(row, draw, place + 1);
      return row;
    });
    tables.push({ name, columns: names.map((each) => ({ name: each, declared: declaredOf(rows[0]?.[each] ?? null, each) })), key: names.includes('id') ? { column: 'id', withoutRowid: false } : null, rows });
  }
  return tables;
}

let sigmatrader: OldTable[] | null = null;

function ofSigmatrader(draw: Draw): OldTable[] {
  if (sigmatrader === null) {
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-fuzz-'));
    writeSigmatrader(join(folder, 'sigma.db'));
    sigmatrader = readTables(join(folder, 'sigma.db'));
    rmSync(folder, { recursive: true });
  }
  const MATTER = /^(strategies|orders|analytics_trades|positions|managed_risk|strategy_deploy|alerts|alert_decision|equity|candles|signal_strat|alembic|users|broker_)/;
  return structuredClone(sigmatrader.filter(({ name }) => MATTER.test(name) || draw.chance(0.15)));
}

/** @param asFiles the platform's documents have other fields than its tables */
export const oldSystemOf = (system: System, draw: Draw, asFiles = false): OldTable[] =>
  system === 'sigmatrader' ? ofSigmatrader(draw) : tablesOf(asFiles && system === 'ai-trading-platform' ? PLATFORM_FILES : SPECS[system], draw);
