import { z } from 'zod';
import { decimal, decimalText, symbol, uuid } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import { frameIn } from './market.kind.js';
import type { SnapshotKind, SnapshotRow } from './snapshot-kind.js';
import { commonFields, marketInstant, timedPageQuery, timeframe, toCommon } from './snapshots.schemas.js';
import { spelled } from './timeframe.js';

interface IndicatorsRow extends SnapshotRow {
  symbol: string;
  timeframe: string;
  rsi_14: string | null;
  sma_50: string | null;
  sma_200: string | null;
  atr: string | null;
  macd: string | null;
  macd_signal: string | null;
  macd_hist: string | null;
}

const figure = () => decimal({ min: '-99999999999999999999', max: '99999999999999999999' }).nullish();

export const createIndicatorsSchema = z.strictObject({
  symbol: symbol(),
  timeframe: timeframe(),
  rsi14: decimal({ min: '0', max: '100' }).nullish().describe('0 to 100; null while there are too few candles, as with the others'),
  sma50: figure(),
  sma200: figure(),
  macd: z.strictObject({ macd: figure(), signal: figure(), hist: figure() }).nullish(),
  atr: decimal({ min: '0' }).nullish(),
  capturedAt: marketInstant(),
});

export const indicatorsQuery = z.strictObject({
  ...timedPageQuery, agentId: uuid().optional(), symbol: symbol().optional(), timeframe: timeframe().optional(), ...timeWindow,
}).superRefine(inOrder);

const amount = () => decimalText().nullable();

export const indicatorsSchema = z.object({
  ...commonFields,
  symbol: z.string(),
  timeframe: z.string(),
  rsi14: amount(),
  sma50: amount(),
  sma200: amount(),
  macd: z.object({ macd: amount(), signal: amount(), hist: amount() }),
  atr: amount(),
}).meta({ id: 'Indicators' });

const toIndicators = (row: IndicatorsRow): z.output<typeof indicatorsSchema> => ({
  ...toCommon(row),
  symbol: row.symbol,
  timeframe: row.timeframe,
  rsi14: row.rsi_14,
  sma50: row.sma_50,
  sma200: row.sma_200,
  macd: { macd: row.macd, signal: row.macd_signal, hist: row.macd_hist },
  atr: row.atr,
});

/** An agent's own sums over its own candles: two agents at one moment are two rows, and neither corrects the other. */
export const INDICATORS: SnapshotKind<z.output<typeof createIndicatorsSchema>, IndicatorsRow, z.output<typeof indicatorsSchema>> = {
  name: 'indicators', table: 'snapshot_indicators', time: 'captured_at', key: ['sender', 'symbol', 'frame', 'captured_at'], isPrivate: true,
  columns: {
    sender: 'uuid', symbol: 'text', timeframe: 'text', frame: 'text', rsi_14: 'numeric', sma_50: 'numeric', sma_200: 'numeric', atr: 'numeric', macd: 'numeric',
    macd_signal: 'numeric', macd_hist: 'numeric', captured_at: 'timestamptz',
  },
  figures: ['rsi_14', 'sma_50', 'sma_200', 'atr', 'macd', 'macd_signal', 'macd_hist'],
  correctable: null,
  leads: [['agent_id', 'symbol', 'frame'], ['agent_id'], ['symbol', 'frame']],
  toRow: (body, sender) => ({
    sender, symbol: body.symbol, timeframe: body.timeframe, frame: spelled(frameIn(body.timeframe)), rsi_14: body.rsi14 ?? null, sma_50: body.sma50 ?? null,
    sma_200: body.sma200 ?? null, atr: body.atr ?? null, macd: body.macd?.macd ?? null, macd_signal: body.macd?.signal ?? null, macd_hist: body.macd?.hist ?? null,
    captured_at: body.capturedAt,
  }),
  toAnswer: toIndicators,
};
