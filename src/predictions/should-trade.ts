import { Exact } from '../common/decimal.js';

/** One threshold for all agents; a claim that reaches it exactly is enough. */
export const CONFIDENCE_THRESHOLD = '0.7';

export type PredictedDirection = 'long' | 'short' | 'hold';

/** Is the claim strong enough to act on? Both figures are fractions from 0 to 1, as decimal text. */
export function shouldTrade(direction: PredictedDirection, confidence: string, threshold = CONFIDENCE_THRESHOLD): boolean {
  return direction !== 'hold' && new Exact(confidence).gte(threshold);
}
