import { own } from '../../common/own.js';
import { Exact } from '../convert/exact.js';
import { offsetAt } from '../convert/zones.js';
import { oldTable, type Filled, type OldTable, SNAPSHOT_EVENTS, TRADE_EVENTS } from './old-table.js';
import { ACCOUNT_SNAPSHOTS, CANDLES, TRADES } from './ours-of.js';
import type { OurRow, Shape, ShapeTable } from './shape.js';
import { added, constant, id, integer, nearest, negated, real, ref, spelled, text, textIn, utc, wallClock } from './write.js';

const EASTERN = 'America/New_York';
const COUNTED = 'id INTEGER PRIMARY KEY AUTOINCREMENT';

const TABLES: Record<string, OldTable> = {
  trades: {
    columns: `${COUNTED}, status TEXT NOT NULL, date TEXT NOT NULL, time TEXT NOT NULL, symbol TEXT DEFAULT 'BTC', market TEXT DEFAULT 'Kalshi', trade_strategy TEXT DEFAULT 'Hourly HTC', contract TEXT NOT NULL, strike TEXT NOT NULL, side TEXT NOT NULL,
      prob REAL DEFAULT NULL, diff TEXT DEFAULT NULL, buy_price REAL NOT NULL, position INTEGER NOT NULL, sell_price REAL, closed_at TEXT, fees INTEGER, pnl INTEGER, symbol_open INTEGER, symbol_close INTEGER, momentum INTEGER, volatility INTEGER,
      win_loss TEXT, ticker TEXT, ticket_id INTEGER, market_id TEXT DEFAULT 'BTC-USD', momentum_delta REAL DEFAULT NULL, entry_method TEXT DEFAULT 'manual', close_method TEXT DEFAULT NULL`,
  },
  active_trades: {
    columns: `${COUNTED}, trade_id INTEGER NOT NULL, ticket_id TEXT NOT NULL, date TEXT NOT NULL, time TEXT NOT NULL, strike TEXT NOT NULL, side TEXT NOT NULL, buy_price REAL NOT NULL, position INTEGER NOT NULL, contract TEXT, ticker TEXT, symbol TEXT,
      market TEXT, trade_strategy TEXT, symbol_open REAL, momentum REAL, prob REAL, fees REAL, diff TEXT, current_symbol_price REAL DEFAULT NULL, current_probability REAL DEFAULT NULL, buffer_from_entry REAL DEFAULT NULL,
      time_since_entry INTEGER DEFAULT NULL, current_close_price REAL DEFAULT NULL, current_pnl TEXT DEFAULT NULL, last_updated TIMESTAMP DEFAULT CURRENT_TIMESTAMP, status TEXT DEFAULT 'active', notes TEXT DEFAULT NULL`,
  },
  balance_history: { columns: `${COUNTED}, balance REAL NOT NULL, timestamp TEXT NOT NULL, created_at TEXT DEFAULT CURRENT_TIMESTAMP` },
  positions: { columns: `${COUNTED}, ticker TEXT, total_traded INTEGER, position INTEGER, market_exposure INTEGER, realized_pnl REAL, fees_paid REAL, last_updated_ts TEXT, raw_json TEXT`, indexes: 'UNIQUE idx_positions_ticker(ticker)' },
  fills: { columns: `${COUNTED}, trade_id TEXT, ticker TEXT, order_id TEXT, side TEXT, action TEXT, count INTEGER, yes_price REAL, no_price REAL, is_taker BOOLEAN, created_time TEXT, raw_json TEXT`, unique: ['trade_id'] },
  settlements: { columns: `${COUNTED}, ticker TEXT, market_result TEXT, yes_count INTEGER, yes_total_cost REAL, no_count INTEGER, no_total_cost REAL, revenue REAL, settled_time TEXT, raw_json TEXT` },
  orders: {
    columns: `${COUNTED}, order_id TEXT, user_id TEXT, ticker TEXT, status TEXT, action TEXT, side TEXT, type TEXT, yes_price INTEGER, no_price INTEGER, initial_count INTEGER, remaining_count INTEGER, fill_count INTEGER, created_time TEXT, expiration_time TEXT,
      last_update_time TEXT, client_order_id TEXT, order_group_id TEXT, queue_position INTEGER, self_trade_prevention_type TEXT, maker_fees INTEGER, taker_fees INTEGER, maker_fill_cost INTEGER, taker_fill_cost INTEGER, raw_json TEXT`,
    unique: ['order_id'],
  },
  price_log: { columns: 'timestamp TEXT PRIMARY KEY, price REAL', key: ['timestamp'] },
  market_data: { columns: `${COUNTED}, timestamp TEXT NOT NULL, event_ticker TEXT NOT NULL, strike REAL, yes_bid REAL, yes_ask REAL, no_bid REAL, no_ask REAL, last_price REAL, volume INTEGER` },
  websocket_market_data: {
    columns: `${COUNTED}, timestamp TEXT NOT NULL, market_ticker TEXT NOT NULL, price INTEGER, yes_bid INTEGER, yes_ask INTEGER, volume_delta INTEGER, open_interest_delta INTEGER, dollar_volume_delta INTEGER, dollar_open_interest_delta INTEGER, ts INTEGER`,
  },
  btc_prices: { columns: `${COUNTED}, timestamp TEXT NOT NULL, price REAL NOT NULL` },
};

const at = (ours: OurRow) => textIn(ours, 'entry_time') ?? textIn(ours, 'created_at') ?? '';
const size = (ours: OurRow) => textIn(ours, 'entered_size') ?? textIn(ours, 'lot_size');
const costs = (ours: OurRow) => negated(added(textIn(ours, 'fee'), textIn(ours, 'commission'), textIn(ours, 'swap')));
const net = (ours: OurRow) => textIn(ours, 'net_profit');

/** `KXBTCD-25NOV0214-T118749.99`: what is traded, and the price that decides. */
const ticker = (ours: OurRow) => textIn(ours, 'broker_symbol') ?? textIn(ours, 'symbol') ?? '';
const coin = (ours: OurRow) => /^KX(BTC|ETH|SOL|XRP|DOGE)/.exec(ticker(ours))?.[1] ?? null;
function strike(ours: OurRow): string | null {
  const [, whole, cents = ''] = /-[TB](\d+)(\.\d+)?$/.exec(ticker(ours)) ?? [];
  return whole === undefined ? null : `$${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${cents}`;
}

/** With its offset: the column takes any text, and an hour that comes twice is told apart. */
function closedAt(ours: OurRow): string | null {
  const time = textIn(ours, 'exit_time');
  if (time === null) return null;
  const offset = offsetAt(Math.floor(Date.parse(time) / 1000), EASTERN) / 3600;
  const { date, time: clock } = wallClock(time, EASTERN);
  return `${date}T${clock}${time.slice(19, 26).replace(/\.?0+$/, '')}-${String(-offset).padStart(2, '0')}:00`;
}

const CONTRACT = {
  id, date: (ours: OurRow) => wallClock(at(ours), EASTERN).date, time: (ours: OurRow) => wallClock(at(ours), EASTERN).time, symbol: coin, contract: ticker, strike, ticker, side: spelled('outcome', { yes: 'Y', no: 'N' }),
  buy_price: real('buy_price', 'entry_price'), position: integer(size), fees: real('fees', costs), market: constant('Kalshi'),
} as const;

function cannot(ours: OurRow): string | null {
  const { values } = ours;
  if (values.outcome === null) return 'NO_CONTRACT: the old system has contracts that end yes or no, and nothing else';
  if (values.currency !== 'USD') return `CURRENCY_OTHER: its account is in ${String(values.currency)}, and the old columns are of dollars`;
  if (strike(ours) === null) return 'STRIKE_UNKNOWN: the old table needs the strike, and the symbol does not say it';
  if (values.entry_price === null) return 'ENTRY_UNKNOWN: the old table needs the price of the entry';
  if (!new Exact(size(ours) ?? 0).isInteger()) return 'SIZE_BROKEN: the old table counts whole contracts';
  return null;
}
const openLive = ({ values }: OurRow) => values.is_open === true && values.execution_mode === 'live';

const trades: Filled = {
  ours: TRADES, events: TRADE_EVENTS, cannot, openLive,
  write: {
    ...CONTRACT,
    status: ({ values }) => (values.status === 'closed' ? (values.exit_reason === 'settlement' ? 'expired' : 'closed') : spelled('status', { pending: 'pending', open: 'open', unknown: 'open', closing: 'closing' }, 'error')({ values } as OurRow)),
    sell_price: real('sell_price', 'exit_price'), closed_at: closedAt, pnl: real('pnl', net), win_loss: (ours) => { const profit = net(ours); return profit === null ? null : new Exact(profit).gt(0) ? 'W' : new Exact(profit).lt(0) ? 'L' : 'D'; },
    ticket_id: (ours) => textIn(ours, 'broker_ticket') ?? textIn(ours, 'order_tag'), market_id: (ours) => { const of = coin(ours); return of === null ? null : `${of}-USD`; }, entry_method: constant('auto'),
    close_method: ({ values }) => (values.exit_reason === null ? null : values.exit_reason === 'operator' ? 'manual' : values.exit_reason === 'settlement' ? 'expired' : 'auto'),
  },
};

/** What the old watcher would go on watching. */
const active: Filled = {
  ours: { ...TRADES, where: `t.status in ('open', 'closing', 'unknown')`, refs: { trade: { column: 'id', table: 'trades' } } },
  events: TRADE_EVENTS, cannot, openLive,
  // A copy of a trade that ended here: the old watcher would close it once more.
  untrue: {
    sql: `exists (select 1 from import_tables i join import_rows r on r.table_id = i.id and r.old_id = a.original ->> 'trade_id' join trades x on x.id = r.target_id
      where i.source = $4 and regexp_replace(i.name, '^.*/', '') ~* '^trades(_\\d+)?$' and x.version > 1 and x.finished_at is not null)`,
    reason: 'TRADE_ENDED: the trade that it watched has ended here',
  },
  write: { ...CONTRACT, trade_id: ref('trade'), ticket_id: (ours) => textIn(ours, 'broker_ticket') ?? textIn(ours, 'order_tag'), status: spelled('status', { closing: 'closing' }, 'active'), last_updated: utc((ours) => textIn(ours, 'updated_at')) },
};

const balances: Filled = {
  ours: ACCOUNT_SNAPSHOTS, events: SNAPSHOT_EVENTS,
  cannot: ({ values }) => (values.currency === 'USD' ? null : `CURRENCY_OTHER: the account is in ${String(values.currency)}, and the old column is of cents of a dollar`),
  write: { id, balance: (ours) => nearest(ours, 'balance', new Exact(textIn(ours, 'balance') ?? 0).mul(100).toFixed()), timestamp: text('captured_at'), created_at: utc((ours) => textIn(ours, 'captured_at')) },
};

const FILLED: Record<string, Filled> = { trades, active_trades: active, balance_history: balances };

/** Minutes of five years, a table for each coin; times UTC. */
const candles = (name: string) => oldTable(name, { columns: 'timestamp TEXT, open REAL, high REAL, low REAL, close REAL, volume REAL', key: ['timestamp'] }, {
  ours: { ...CANDLES, where: 'false' }, events: [],
  write: { timestamp: (ours) => textIn(ours, 'open_time')?.slice(0, 19).replace('T', ' ') ?? null, open: real('open', 'open'), high: real('high', 'high'), low: real('low', 'low'), close: real('close', 'close'), volume: real('volume', 'volume') },
});

/** `trades_0001`: the table of one user. What was imported into it stays in it, as it is now; what is new goes into the one without a number. */
function ofUser(name: string): ShapeTable | null {
  const base = /^(\w+)_\d+$/.exec(name)?.[1] ?? '';
  const [table, filled] = [own(TABLES, base), own(FILLED, base)];
  return table ? oldTable(name, { ...table, indexes: '' }, filled && { ...filled, ours: { ...filled.ours, where: 'false' } }) : null;
}

export const REC_IO: Shape = {
  system: 'rec-io', medium: 'sqlite',
  tables: Object.entries(TABLES).map(([name, table]) => oldTable(name, table, FILLED[name])),
  like: (name) => (/^(btc|eth|sol|xrp|doge).*(1m|history)/i.test(name) ? candles(name) : ofUser(name)),
  first: [],
  differs: {
    'trades.date time': 'wall clock of New York, without its offset: of the hour that comes twice in November both are written the same', '*_1m_master_5y': 'candles of files come back as tables, their times as text of 19 characters in UTC',
    '*.secrets': 'what was a credential is [secret removed]',
  },
};
