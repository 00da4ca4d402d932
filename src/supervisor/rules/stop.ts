import { confirmed } from './confirmed.js';
import { atOrWorse, type Evaluator, exitSide } from './judged.js';

/** The trade's own stop, where the broker did not act. Binary contracts have none. */
export const stop: Evaluator = ({ direction, stopLoss, isBinary }, _rules, marks, now) => {
  if (stopLoss === null || isBinary) return null;
  const side = exitSide(direction);
  return confirmed(marks, now, (mark) => atOrWorse(direction, side(mark), stopLoss), () => ({ stopLoss }));
};
