import { Exact } from '../convert/exact.js';
import { oldTable, type Filled, type OldTable, SNAPSHOT_EVENTS, TRADE_EVENTS } from './old-table.js';
import { ACCOUNT_SNAPSHOTS, ALERTS, CANDLES, STRATEGIES, TRADES } from './ours-of.js';
import type { Ours, OurRow, Shape } from './shape.js';
import { ASSISTANT_TABLES } from './sigmatrader-tables-a.js';
import { TABLES_A_TO_M } from './sigmatrader-tables-b.js';
import { TABLES_M_TO_Z } from './sigmatrader-tables-c.js';
import { constant, flag, id, real, ref, spelled, text, textIn, utc, wallClock } from './write.js';

const INDIA = 'Asia/Kolkata';
const TABLES: Record<string, OldTable> = { ...TABLES_A_TO_M, ...TABLES_M_TO_Z, ...ASSISTANT_TABLES };

const SIDES = { long: 'BUY', short: 'SELL' };
const OTHER_SIDES = { long: 'SELL', short: 'BUY' };
const TARGETS = { live: 'LIVE', paper: 'PAPER', simulation: 'PAPER' };

const size = (ours: OurRow) => textIn(ours, 'entered_size') ?? textIn(ours, 'lot_size');

const notThere = ({ values }: OurRow): string | null => {
  if (values.currency !== 'INR') return `CURRENCY_OTHER: its account is in ${String(values.currency)}, and the old system counts in INR`;
  if (values.outcome !== null) return 'CONTRACT: a contract that pays by its outcome has no place there';
  if (values.product === null) return 'PRODUCT_UNKNOWN: the old table needs the product, CNC or MIS';
  return null;
};

const ORDER = {
  id, symbol: text('symbol'), exchange: text('exchange'), order_type: constant('MARKET'), product: text('product'), mode: constant('AUTO'), execution_target: spelled('execution_mode', TARGETS),
  simulated: ({ values }: OurRow) => (values.execution_mode === 'live' ? 0n : 1n), broker_name: (ours: OurRow) => textIn(ours, 'broker') ?? 'zerodha', strategy_id: ref('strategy'),
} as const;

const WITH_STRATEGY = { strategy: { column: 'strategy_id', table: 'strategies' } } as const;
/** What was imported into another table, a position say, and ended here: its two orders and its result are of here. */
const ENDED_HERE = `t.version > 1 and t.status = 'closed'`;
const openLive = ({ values }: OurRow) => values.is_open === true && values.execution_mode === 'live';

const entries: Filled = {
  ours: { ...TRADES, refs: WITH_STRATEGY, also: ENDED_HERE }, part: 'entry', events: TRADE_EVENTS, cannot: notThere, openLive,
  write: {
    ...ORDER, side: spelled('direction', SIDES), qty: real('qty', size), price: real('price', 'entry_price'), is_exit: constant(0n), client_order_id: text('order_tag'), broker_order_id: text('broker_order_id'),
    status: spelled('status', { pending: 'SENT', rejected: 'REJECTED', cancelled: 'CANCELLED', expired: 'CANCELLED' }, 'EXECUTED'), created_at: utc('created_at'), sent_at: utc('created_at'),
    updated_at: utc((ours) => textIn(ours, 'entry_time') ?? textIn(ours, 'updated_at')),
  },
};

const exits: Filled = {
  ours: { ...TRADES, refs: WITH_STRATEGY, where: `t.status = 'closed'`, also: ENDED_HERE }, part: 'exit', events: TRADE_EVENTS, cannot: notThere,
  write: {
    ...ORDER, side: spelled('direction', OTHER_SIDES), qty: real('qty', size), price: real('price', 'exit_price'), is_exit: constant(1n), client_order_id: (ours) => `${textIn(ours, 'order_tag')}:exit`,
    status: constant('EXECUTED'), created_at: utc('exit_time'), sent_at: utc('exit_time'), updated_at: utc('exit_time'),
  },
};

const results: Filled = {
  ours: {
    ...TRADES, where: `t.status = 'closed'`, also: ENDED_HERE,
    refs: { ...WITH_STRATEGY, entry: { column: 'id', table: 'orders', part: 'entry' }, exit: { column: 'id', table: 'orders', part: 'exit' } },
  },
  events: TRADE_EVENTS,
  cannot: (ours) => notThere(ours) ?? (ours.values.net_profit === null ? 'PROFIT_UNKNOWN: the old table needs the result' : ours.values.entry_time === null ? 'ENTRY_UNKNOWN: the old table needs the time of the entry' : null),
  write: { id, entry_order_id: ref('entry'), exit_order_id: ref('exit'), strategy_id: ref('strategy'), pnl: real('pnl', 'net_profit'), opened_at: utc('entry_time'), closed_at: utc('exit_time') },
};

/** Rows of the broker's view and of what was watched: none is made here, but what ended here is held there no more. */
const imported = (ours: Ours): Ours => ({ ...ours, where: 'false' });
const isOver = ({ values }: OurRow) => ['closed', 'rejected', 'cancelled', 'expired'].includes(values.status as string);

const positions: Filled = {
  ours: imported(TRADES), events: TRADE_EVENTS, openLive,
  write: {
    id, last_updated: utc('updated_at'),
    qty: (ours) => (isOver(ours) ? 0 : real('qty', (row) => new Exact(textIn(row, 'entered_size') ?? textIn(row, 'lot_size') ?? 0).minus(textIn(row, 'exited_size') ?? 0).mul(row.values.direction === 'short' ? -1 : 1).toFixed())(ours)),
  },
};

const managed: Filled = {
  ours: imported(TRADES), events: TRADE_EVENTS, openLive,
  write: {
    id, status: (ours) => (isOver(ours) ? 'EXITED' : (ours.old?.status ?? 'ACTIVE')), exit_reason: spelled('exit_reason', { stop: 'SL', trailing: 'TRAIL', target: 'TP' }, 'MANUAL'), updated_at: utc('updated_at'),
  },
};

const strategies: Filled = {
  ours: STRATEGIES, events: ['strategy.created', 'strategy.changed', 'strategy.retired'],
  // By hand and on paper: the old system must not trade by itself what it cannot read.
  write: {
    id, name: text('name'), enabled: flag('is_active'), execution_mode: constant('MANUAL'), execution_target: constant('PAPER'), scope: constant('GLOBAL'), expression_json: text('entry_conditions'),
    created_at: utc('created_at'), updated_at: utc('updated_at'),
  },
};

const part = (ours: OurRow, place: 0 | 1) => /^([^:]+):(.+)$/.exec(textIn(ours, 'symbol') ?? '')?.[place + 1] ?? null;

const STORED: Record<string, string> = { M1: '1m', D1: '1d' };

const candles: Filled = {
  ours: CANDLES, events: SNAPSHOT_EVENTS,
  cannot: (ours) => (part(ours, 0) === null ? 'EXCHANGE_UNKNOWN: the old table needs the exchange' : (textIn(ours, 'frame') ?? '') in STORED ? null : `TIMEFRAME_NOT_STORED: the old table has 1m and 1d alone, and computes the others`),
  write: {
    id, symbol: (ours) => part(ours, 1), exchange: (ours) => part(ours, 0), timeframe: (ours) => (ours.imported ? textIn(ours, 'timeframe') : (STORED[textIn(ours, 'frame') ?? ''] ?? null)), open: real('open', 'open'), high: real('high', 'high'), low: real('low', 'low'), close: real('close', 'close'),
    volume: (ours) => real('volume', 'volume')(ours) ?? 0,
    ts: (ours) => {
      const at = textIn(ours, 'open_time') ?? '';
      const { date, time } = wallClock(at, INDIA);
      return `${date} ${time}${at.slice(19, 26)}`;
    },
  },
};

const DAY = (row: string) => `(${row}.captured_at at time zone '${INDIA}')::date`;
const peak = `(select max(x.equity) from snapshot_account x where x.account_id = t.account_id and x.captured_at <= t.captured_at)`;

/** One a day there, the last. */
const equity: Filled = {
  ours: {
    ...ACCOUNT_SNAPSHOTS,
    columns: { ...ACCOUNT_SNAPSHOTS.columns, day: { sql: `${DAY('t')}::text` }, peak: { sql: `${peak}::text` }, drawdown: { sql: `round(case when ${peak} > 0 then (${peak} - t.equity) / ${peak} * 100 else 0 end, 10)::text` } },
    where: `not exists (select 1 from snapshot_account x where x.account_id = t.account_id and x.captured_at > t.captured_at and x.captured_at < t.captured_at + interval '1 day' and ${DAY('x')} = ${DAY('t')})`,
  },
  events: SNAPSHOT_EVENTS,
  cannot: ({ values }) => (values.currency === 'INR' ? null : `CURRENCY_OTHER: the account is in ${String(values.currency)}, and the old system counts in INR`),
  write: { id, as_of_date: text('day'), equity: real('equity', 'equity'), peak_equity: real('peak_equity', 'peak'), drawdown_pct: real('drawdown_pct', 'drawdown'), created_at: utc('captured_at'), updated_at: utc('captured_at') },
};

const alerts: Filled = {
  ours: ALERTS, events: ['alert.received', 'alert.finished', 'alert.redriven'],
  cannot: ({ values }) => (values.signal === null || values.side === null || (values.symbol ?? '') === '' ? 'NO_ORDER: the old table needs symbol and side, and this alert was read as no order' : null),
  write: {
    id, symbol: text('symbol'), exchange: text('exchange'), interval: text('timeframe'), action: (ours) => (ours.values.intent === 'exit' ? OTHER_SIDES : SIDES)[ours.values.side as 'long' | 'short'] ?? null,
    qty: real('qty', 'quantity'), price: real('price', 'price'), raw_payload: text('signal'), reason: text('comment'), received_at: utc('received_at'),
    bar_time: (ours) => { const at = textIn(ours, 'barTime'); return at === null ? null : Object.values(wallClock(at, INDIA)).join(' '); },
  },
};

const FILLED: Record<string, Filled[]> = { strategies: [strategies], orders: [entries, exits], analytics_trades: [results], positions: [positions], managed_risk_positions: [managed], candles: [candles], equity_snapshots: [equity], alerts: [alerts] };
const FIRST = Object.keys(FILLED);

export const SIGMATRADER: Shape = {
  system: 'sigmatrader', medium: 'sqlite',
  tables: [
    ...FIRST.flatMap((name) => (FILLED[name] ?? []).map((filled) => oldTable(name, TABLES[name] ?? { columns: '' }, filled))),
    ...Object.entries(TABLES).filter(([name]) => !FIRST.includes(name)).map(([name, table]) => oldTable(name, table)),
  ],
  first: [{ table: 'alembic_version', cells: { version_num: '0080' } }],
  differs: {
    'candles.ts': 'written with six digits of a second, whatever it was written with', 'candles.open high low close volume': 'the same numbers; an INTEGER becomes a REAL, as its column is declared; a volume that was null is 0',
    '*.secrets': 'what was a credential is [secret removed]: connections and keys of models are entered again', '*.CHECK': 'checks and foreign keys of the old tables are not declared',
  },
};
