import type { Candle } from './candle-file.js';
import type { Points } from './instrument.js';

/** Lengths in candles. */
export interface IndicatorPeriods {
  fastPeriod: number;
  slowPeriod: number;
  rsiPeriod: number;
  atrPeriod: number;
}

/** Everything the indicators remember, as plain JSON for the state file. */
export interface IndicatorState {
  /** The last `slowPeriod` closes, oldest first. */
  closes: Points[];
  /** Gains and losses: a plain mean over the first `rsiPeriod` changes, Wilder's smoothing after it. */
  rsi: { changes: number; gain: number; loss: number };
  /** True range: the same two phases. */
  atr: { ranges: number; mean: number };
  /** Which average was above after the candle before: 1 the fast one, -1 the slow one, 0 not known yet. */
  side: -1 | 0 | 1;
}

/** What the indicators say after one candle. Averages and ranges are in points. */
export interface Reading {
  close: Points;
  fast: number;
  slow: number;
  /** 0 to 100. */
  rsi: number;
  atr: number;
  /** The candle on which the fast average went over ("up") or under ("down") the slow one. */
  cross: 'up' | 'down' | null;
}

export function emptyIndicators(): IndicatorState {
  return { closes: [], rsi: { changes: 0, gain: 0, loss: 0 }, atr: { ranges: 0, mean: 0 }, side: 0 };
}

/**
 * Takes one candle in. Returns the new state and, once every indicator has seen enough candles, a reading.
 * Indicators are statistics, never money: they may be floats, while the closes they read stay whole points.
 */
export function advance(
  state: IndicatorState,
  candle: Candle,
  periods: IndicatorPeriods,
): { state: IndicatorState; reading: Reading | null } {
  const before = state.closes.at(-1);
  const closes = [...state.closes, candle.close].slice(-periods.slowPeriod);
  const rsi = before === undefined ? state.rsi : advanceRsi(state.rsi, candle.close - before, periods.rsiPeriod);
  const atr = advanceAtr(state.atr, trueRange(candle, before), periods.atrPeriod);
  const ready = closes.length >= periods.slowPeriod && rsi.changes >= periods.rsiPeriod && atr.ranges >= periods.atrPeriod;
  if (!ready) return { state: { closes, rsi, atr, side: 0 }, reading: null };
  const fast = mean(closes.slice(-periods.fastPeriod));
  const slow = mean(closes);
  // Equal averages keep the side they had, so that a touch without a crossing is not a signal.
  const side = fast > slow ? 1 : fast < slow ? -1 : state.side;
  const crossed = state.side !== 0 && side !== state.side;
  const cross = crossed ? (side > 0 ? 'up' : 'down') : null;
  const reading: Reading = { close: candle.close, fast, slow, rsi: rsiValue(rsi), atr: atr.mean, cross };
  return { state: { closes, rsi, atr, side }, reading };
}

/** The largest of: high less low, high from the close before, low from the close before. */
export function trueRange(candle: Candle, closeBefore: Points | undefined): number {
  const range = candle.high - candle.low;
  if (closeBefore === undefined) return range;
  return Math.max(range, Math.abs(candle.high - closeBefore), Math.abs(candle.low - closeBefore));
}

function advanceRsi(rsi: IndicatorState['rsi'], change: number, period: number): IndicatorState['rsi'] {
  return {
    changes: Math.min(rsi.changes + 1, period),
    gain: smooth(rsi.gain, Math.max(change, 0), rsi.changes, period),
    loss: smooth(rsi.loss, Math.max(-change, 0), rsi.changes, period),
  };
}

function advanceAtr(atr: IndicatorState['atr'], range: number, period: number): IndicatorState['atr'] {
  return { ranges: Math.min(atr.ranges + 1, period), mean: smooth(atr.mean, range, atr.ranges, period) };
}

/** A plain mean while fewer than `period` values have been seen; then (mean x (period - 1) + value) / period. */
function smooth(meanBefore: number, value: number, seen: number, period: number): number {
  const weight = Math.min(seen + 1, period);
  return (meanBefore * (weight - 1) + value) / weight;
}

/** 100 - 100 / (1 + gain / loss); 100 with no losses, 50 when nothing moved at all. */
function rsiValue({ gain, loss }: IndicatorState['rsi']): number {
  if (loss === 0) return gain === 0 ? 50 : 100;
  return 100 - 100 / (1 + gain / loss);
}

function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
