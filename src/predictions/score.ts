import { Exact } from '../common/decimal.js';
import type { PredictedDirection } from './predictions.repository.js';

export interface Verdict {
  outcome: 'right' | 'wrong';
  /** End less start, as decimal text. */
  move: string;
}

/**
 * Did a prediction come true? It has to earn more than it costs: a move of exactly the costs earns nothing, so it makes
 * `long` and `short` wrong, and `hold` right. Prices and costs are decimal text in the quote currency.
 */
export function verdictOn(direction: PredictedDirection, start: string, end: string, costs: string): Verdict {
  const move = new Exact(end).minus(start);
  const gain = direction === 'hold' ? move.abs() : direction === 'long' ? move : move.negated();
  const beatsCosts = gain.gt(costs);
  return { outcome: beatsCosts === (direction !== 'hold') ? 'right' : 'wrong', move: move.toFixed() };
}

/** Of ten equal classes of confidence, 0 to 9; a confidence of 1 is in the last. */
export const decileOf = (confidence: string): number => Math.min(9, new Exact(confidence).times(10).floor().toNumber());

const LOOK_SECONDS_LEAST = 60;
const LOOK_SECONDS_MOST = 6 * 3_600;
/** As long as facts may be late (trading-rules 2.5). */
export const GIVEN_UP_AFTER_SECONDS = 7 * 86_400;

/**
 * After how many seconds a price is looked for again that was not there; null: no more. A quarter of the time that it is
 * late by, so that candles of the last hour are met soon, and those of a lost week cost 60 looks and not 10,000.
 * @param lateSeconds since the prediction was due
 */
export function nextLookAfter(lateSeconds: number): number | null {
  if (lateSeconds >= GIVEN_UP_AFTER_SECONDS) return null;
  return Math.min(LOOK_SECONDS_MOST, Math.max(LOOK_SECONDS_LEAST, Math.floor(lateSeconds / 4)), Math.ceil(GIVEN_UP_AFTER_SECONDS - lateSeconds));
}
