import { iso } from './confirmed.js';
import { type Evaluator, HOLD, unknown } from './judged.js';

/** Before the instrument's own end, whenever the trade was entered. Without that time nobody can say. */
export const secondsToClose: Evaluator = ({ closesAt }, { minSecondsToClose }, _marks, now) => {
  if (minSecondsToClose === undefined) return null;
  if (closesAt === null) return unknown('CLOSES_AT_UNKNOWN');
  return closesAt - now <= minSecondsToClose * 1_000 ? { is: 'fire', detail: { minSecondsToClose, closesAt: iso(closesAt) } } : HOLD;
};
