import { Exact } from '../../common/decimal.js';
import { confirmed } from './confirmed.js';
import { atOrBetter, atOrWorse, type Evaluator, exitSide, unknown } from './judged.js';

/** So far from the best price since the entry, which counts as one itself. */
export const trailing: Evaluator = ({ direction, entryPrice, markHigh, markLow }, { trailingDistance }, marks, now) => {
  if (trailingDistance === undefined) return null;
  const seen = [entryPrice, direction === 'long' ? markHigh : markLow].filter((price) => price !== null);
  const best = seen.reduce<string | null>((found, price) => (found === null || atOrBetter(direction, price, found) ? price : found), null);
  if (best === null) return unknown('BEST_PRICE_UNKNOWN');
  const line = direction === 'long' ? new Exact(best).minus(trailingDistance).toFixed() : new Exact(best).plus(trailingDistance).toFixed();
  const side = exitSide(direction);
  return confirmed(marks, now, (mark) => atOrWorse(direction, side(mark), line), () => ({ best, trailingDistance, line }));
};
