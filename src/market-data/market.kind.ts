import { z } from 'zod';
import { decimal, decimalText, price, symbol } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { compareUnsigned } from '../common/decimal.js';
import type { SnapshotKind, SnapshotRow } from './snapshot-kind.js';
import { commonFields, marketInstant, timedPageQuery, timeframe, toCommon } from './snapshots.schemas.js';
import { closeTime, type Frame, frameOf, spelled } from './timeframe.js';

interface CandleRow extends SnapshotRow {
  symbol: string;
  timeframe: string;
  open_time: string;
  close_time: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string | null;
}

/** A broker's clock, which opens candles, may be ahead of the one that captures them. */
const CLOCKS_APART_MS = 120_000;

export const createCandleSchema = z.strictObject({
  symbol: symbol(),
  timeframe: timeframe(),
  openTime: marketInstant(),
  open: price(),
  high: price(),
  low: price(),
  close: price(),
  volume: decimal({ min: '0' }).nullish(),
  capturedAt: marketInstant().nullish().describe('when it was seen, now by default: a candle that was captured before its end may be corrected by a later capture'),
}).superRefine(({ open, high, low, close, openTime, capturedAt }, context) => {
  // A field that is wrong by itself came through as it was sent: nothing to compare.
  if (context.issues.length > 0) return;
  const wrong = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (compareUnsigned(high, low) < 0) return wrong('high', 'lies below `low`');
  const isOutside = (value: string) => compareUnsigned(value, high) > 0 || compareUnsigned(value, low) < 0;
  if (isOutside(open)) wrong('open', 'lies outside of `low` to `high`');
  if (isOutside(close)) wrong('close', 'lies outside of `low` to `high`');
  if (capturedAt != null && Date.parse(capturedAt) < Date.parse(openTime) - CLOCKS_APART_MS) wrong('capturedAt', 'lies before `openTime`');
});

export const candlesQuery = z.strictObject({
  ...timedPageQuery, symbol: symbol().optional(), timeframe: timeframe().optional(), ...timeWindow,
}).superRefine(inOrder);

export const candleSchema = z.object({
  ...commonFields,
  symbol: z.string(),
  timeframe: z.string().describe('as it was first sent; H1, 1h and 60m are one'),
  openTime: z.iso.datetime(),
  closeTime: z.iso.datetime(),
  isClosed: z.boolean().describe('was captured at its end or later: it is not corrected any more'),
  open: decimalText(),
  high: decimalText(),
  low: decimalText(),
  close: decimalText(),
  volume: decimalText().nullable(),
}).meta({ id: 'Candle' });

const toCandle = (row: CandleRow): z.output<typeof candleSchema> => ({
  ...toCommon(row),
  symbol: row.symbol,
  timeframe: row.timeframe,
  openTime: row.open_time,
  closeTime: row.close_time,
  isClosed: row.last_captured_at >= row.close_time,
  open: row.open,
  high: row.high,
  low: row.low,
  close: row.close,
  volume: row.volume,
});

/** Of a timeframe that the schema has let in. */
export const frameIn = (text: string): Frame => frameOf(text) ?? { seconds: Number.NaN };
export const frameFilter = (text: string | undefined) => (text === undefined ? null : spelled(frameIn(text)));

export const MARKET: SnapshotKind<z.output<typeof createCandleSchema>, CandleRow, z.output<typeof candleSchema>> = {
  name: 'market', table: 'snapshot_market', time: 'open_time', key: ['symbol', 'frame', 'open_time'], isPrivate: false,
  columns: {
    symbol: 'text', timeframe: 'text', frame: 'text', open_time: 'timestamptz', close_time: 'timestamptz', open: 'numeric', high: 'numeric', low: 'numeric',
    close: 'numeric', volume: 'numeric', captured_at: 'timestamptz',
  },
  figures: ['open', 'high', 'low', 'close', 'volume'],
  // Still forming when it was last seen. After that a difference is another feed's, or a mistake: the caller is told, and nothing changes under a decision.
  correctable: 's.last_captured_at < s.close_time',
  leads: [['symbol', 'frame'], ['symbol'], ['frame']],
  toRow: (body) => {
    const frame = frameIn(body.timeframe);
    return {
      symbol: body.symbol, timeframe: body.timeframe, frame: spelled(frame), open_time: body.openTime, close_time: closeTime(frame, body.openTime),
      open: body.open, high: body.high, low: body.low, close: body.close, volume: body.volume ?? null, captured_at: body.capturedAt ?? null,
    };
  },
  toAnswer: toCandle,
};
