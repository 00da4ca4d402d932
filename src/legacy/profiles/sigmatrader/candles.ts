import { closeTime, frameOf, spelled } from '../../../market-data/timeframe.js';
import { refused } from '../../convert/cells.js';
import { kept, required } from '../../convert/columns.js';
import { decimal } from '../../convert/decimals.js';
import { time } from '../../convert/times.js';
import { type Column, Reject, type TableMapping } from '../../profile.js';
import { neededInstrument } from './instrument.js';
import { together, valueOf } from './values.js';

/** `1m` as it is written there, and how long that is. */
interface Frame {
  written: string;
  frame: string;
  closes(openTime: string): string;
}

const frames = new Map<string, Frame>();

const timeframe: Column<Frame> = {
  to: 'timeframe',
  says: 'timeframe, and its one spelling',
  read(cell, name) {
    const written = typeof cell === 'string' ? cell.trim() : '';
    const known = frames.get(written);
    if (known !== undefined) return known;
    const found = frameOf(written);
    if (found === null) throw refused('TIMEFRAME_UNKNOWN', name, cell, 'a timeframe such as 1m, 5m, 1h or 1d');
    const frame = { written, frame: spelled(found), closes: (openTime: string) => closeTime(found, openTime) };
    frames.set(written, frame);
    return frame;
  },
};

const price = (name: string) => required(decimal(name));

/** Prices of the exchange: nobody's in particular, so no agent has told them. */
export const candles: TableMapping = {
  as: 'import',
  bulk: true,
  columns: {
    id: kept('names the row'), symbol: together('symbol', 'with its exchange, to canonical symbol'), exchange: together('symbol', 'before the symbol'), timeframe,
    ts: required(time('open_time', { zone: 'Asia/Kolkata' })), open: price('open'), high: price('high'), low: price('low'), close: price('close'), volume: decimal('volume'),
  },
  time: 'ts',
  map(values, _owners, reading) {
    const { key } = neededInstrument(reading.cells['symbol'], reading.cells['exchange'], reading);
    const length = valueOf<Frame>(values, 'timeframe');
    const openTime = valueOf(values, 'ts');
    if (length === null || openTime === null) throw new Reject('VALUE_MISSING', 'a candle needs its timeframe and its time');
    const closes = length.closes(openTime);
    return {
      rows: [{
        table: 'snapshot_market',
        values: {
          agent_id: null, captured_at: closes, last_captured_at: closes, symbol: key, timeframe: length.written, frame: length.frame, open_time: openTime, close_time: closes,
          open: valueOf(values, 'open'), high: valueOf(values, 'high'), low: valueOf(values, 'low'), close: valueOf(values, 'close'), volume: valueOf(values, 'volume'),
        },
      }],
    };
  },
};
