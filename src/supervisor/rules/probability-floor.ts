import { Exact } from '../../common/decimal.js';
import { iso } from './confirmed.js';
import { type Evaluator, HOLD, isStale, type Mark, unknown } from './judged.js';

/**
 * The probability has stayed below the floor for `verifySeconds`, by the marks' own times: one at or above it begins anew. The last
 * one must be fresh; marks without a probability are passed over.
 */
export const probabilityFloor: Evaluator = (_trade, { probabilityFloor: floor }, marks, now) => {
  if (floor === undefined) return null;
  const saying = marks.filter(({ probability }) => probability !== null);
  const newest = saying.at(-1);
  if (!newest) return unknown(marks.length === 0 ? 'NO_MARKS' : 'NO_PROBABILITY');
  if (isStale(newest, now)) return unknown('MARKS_STALE');
  const isBelow = ({ probability }: Mark) => new Exact(probability ?? 1).lt(floor.below);
  const reset = saying.findLastIndex((mark) => !isBelow(mark));
  const first = saying[reset + 1];
  if (!first) return HOLD;
  if (newest.quotedAt - first.quotedAt < floor.verifySeconds * 1_000) return { is: 'pending', since: first.quotedAt };
  return { is: 'fire', detail: { probability: newest.probability, ...floor, since: iso(first.quotedAt), quotedAt: iso(newest.quotedAt) } };
};
