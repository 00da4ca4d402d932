import { Exact, sumOf } from '../../common/decimal.js';
import { confirmed } from './confirmed.js';
import { atOrBetter, type Evaluator, exitSide, HOLD } from './judged.js';

/**
 * The trade's own targets, where the broker did not act: of those that are reached, the parts together, less what was exited.
 * A part is rounded down to the instrument's step.
 */
export const target: Evaluator = ({ direction, takeProfit, isBinary, entered, openSize, sizeStep }, _rules, marks, now) => {
  if (takeProfit === null || takeProfit.length === 0 || isBinary) return null;
  const side = exitSide(direction);
  const verdicts = takeProfit.map((each) => ({ each, verdict: confirmed(marks, now, (mark) => atOrBetter(direction, side(mark), each.price), () => ({ target: each.price })) }));
  const reached = verdicts.filter(({ verdict }) => verdict.is === 'fire');
  const farthest = reached.sort((a, b) => (atOrBetter(direction, a.each.price, b.each.price) ? -1 : 1))[0]?.verdict;
  if (farthest?.is !== 'fire') return verdicts.find(({ verdict }) => verdict.is !== 'hold')?.verdict ?? HOLD;
  const fraction = sumOf(reached.map(({ each }) => each.sizeFraction));
  const left = new Exact(entered).times(fraction).minus(new Exact(entered).minus(openSize));
  if (left.gte(openSize)) return farthest;
  const part = sizeStep === null ? left : left.div(sizeStep).floor().times(sizeStep);
  return part.lte(0) ? HOLD : { ...farthest, size: part.toFixed(), ...(takeProfit.length > 1 ? { step: reached.length } : {}) };
};
