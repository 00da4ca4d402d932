import { SYMBOL_FORM } from '../../../common/fields.js';
import { closeTime, type Frame, frameOf, spelled } from '../../../market-data/timeframe.js';
import { kept, required, text } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Reading, Reject, type TableMapping } from '../../profile.js';
import type { SourceTable } from '../../source/cell.js';
import { Values } from '../row.js';
import { SIMULATION } from './owners.js';

const instant = (to: string | null) => time(to, { zone: 'UTC', epoch: 'either' });
const counted = 'it follows from the trades';

export const PERFORMANCE: TableMapping['columns'] = {
  id: kept('it names the row'),
  timestamp: required(instant('captured_at')),
  balance: required(decimal('balance', { money: true })),
  equity: required(decimal('equity', { money: true })),
  unrealized_pnl: decimal('open_pl', { money: true }),
  total_trades: kept(counted), winning_trades: kept(counted), losing_trades: kept(counted), win_rate: kept(counted), total_pips: kept(counted), total_pnl_usd: kept(counted),
  profit_factor: kept(counted), avg_pips_per_trade: kept(counted), max_drawdown: kept(counted), sharpe_ratio: kept(counted),
  predictions_made: kept('it follows from the predictions'), predictions_correct: kept('it follows from the predictions'), prediction_accuracy: kept('it follows from the predictions'),
  created_at: kept('ours has the time that it is of'),
};

export const performance = (table: SourceTable): TableMapping => ({
  columns: PERFORMANCE,
  as: 'import',
  time: 'timestamp',
  sums: { balance: 'balance', equity: 'equity', unrealized_pnl: 'open_pl' },
  map(given, owners, reading) {
    const values = new Values(given);
    const { agentId, accountId } = owners.agent(SIMULATION);
    const at = values.need('timestamp');
    return {
      rows: [{
        table: 'snapshot_account',
        values: {
          id: owners.id(table.name, reading.id), agent_id: agentId, sender: agentId, account_id: accountId, captured_at: at, last_captured_at: at, balance: values.need('balance'),
          equity: values.need('equity'), margin_used: null, margin_free: null, open_pl: values.text('unrealized_pnl'), open_positions: null,
        },
      }],
    };
  },
});

export const MARKET_DATA: TableMapping['columns'] = {
  id: kept('it names the row'),
  symbol: required(text('symbol', { trim: true })),
  timestamp: required(instant('open_time')),
  open: required(decimal('open')), high: required(decimal('high')), low: required(decimal('low')), close: required(decimal('close')),
  volume: decimal('volume', { least: '0' }),
  timeframe: text('timeframe', { trim: true }),
};

/** What the program wrote where it wrote nothing. */
const TIMEFRAME = '5min';

export const marketData = (table: SourceTable): TableMapping => ({
  columns: MARKET_DATA,
  as: 'import',
  time: 'timestamp',
  // A column that is not known would be lost.
  bulk: table.columns.every((name) => Object.hasOwn(MARKET_DATA, name)),
  map(given, owners, reading) {
    const values = new Values(given);
    const symbol = values.need('symbol');
    if (!SYMBOL_FORM.test(symbol)) throw new Reject('SYMBOL_INVALID', `symbol is ${JSON.stringify(symbol.slice(0, 100))}; expected 1 to 64 letters, digits or ._-/=^#&!+:`, 'symbol');
    const timeframe = timeframeOf(values, reading);
    const openTime = values.need('timestamp');
    const closes = closeTime(timeframe.frame, openTime);
    return {
      rows: [{
        table: 'snapshot_market',
        values: {
          // When it was captured is not said: at its end, so that nothing corrects it any more.
          agent_id: owners.agent(SIMULATION).agentId, captured_at: closes, last_captured_at: closes, symbol, timeframe: timeframe.written, frame: timeframe.spelled,
          open_time: openTime, close_time: closes, open: values.need('open'), high: values.need('high'), low: values.need('low'), close: values.need('close'), volume: values.text('volume'),
        },
      }],
    };
  },
});

const NAMED = new Map(Object.entries({ hourly: '1h', hour: '1h', daily: '1d', day: '1d', d: '1d', h: '1h', weekly: '1w', w: '1w', monthly: '1mo' }));

/** `5min`, `1H`, `4hour` and `daily` as they were written, and how long that is. @throws {Reject} TIMEFRAME_UNKNOWN */
export function timeframeIn(written: string): Frame {
  const small = written.trim().toLowerCase();
  const plain = NAMED.get(small) ?? small.replace(/^(\d+)\s*(?:minutes?|mins?)$/, '$1m').replace(/^(\d+)\s*(?:hours?|hrs?)$/, '$1h').replace(/^(\d+)\s*days?$/, '$1d').replace(/^(\d+)\s*weeks?$/, '$1w');
  // As written first: 1M is a month, and 1m a minute.
  const frame = frameOf(written.trim()) ?? frameOf(plain) ?? frameOf(plain.toUpperCase());
  if (frame === null) throw new Reject('TIMEFRAME_UNKNOWN', `timeframe is ${JSON.stringify(written.slice(0, 100))}; expected a length such as 5min, 1h or H1`, 'timeframe');
  return frame;
}

interface Timeframe {
  written: string;
  frame: Frame;
  spelled: string;
}

/** The same few stand in a million rows. */
const timeframes = new Map<string, Timeframe>();
const TIMEFRAMES_MOST = 1_000;

function timeframeOf(values: Values, reading: Reading): Timeframe {
  const found = values.text('timeframe');
  if (found === null) reading.note('TIMEFRAME_MISSING', `no timeframe is stored; ${TIMEFRAME} was the default`);
  const written = found ?? TIMEFRAME;
  let timeframe = timeframes.get(written);
  if (timeframe === undefined) {
    const frame = timeframeIn(written);
    timeframe = { written, frame, spelled: spelled(frame) };
    if (timeframes.size < TIMEFRAMES_MOST) timeframes.set(written, timeframe);
  }
  return timeframe;
}
