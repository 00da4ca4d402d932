import { readable } from '../../../instruments/figures.js';
import { passed, reason, rejected, type Rule, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

/** As the instrument takes it. What it does not take the broker would refuse, or round. */
export const size: Rule = {
  name: 'size',
  codes: ['SIZE_INVALID', 'SIZE_BELOW_MINIMUM', 'SIZE_ABOVE_MAXIMUM', 'SIZE_OFF_STEP', 'NUMBER_UNREADABLE'],
  check({ input: { idea, instrument: { terms } } }) {
    const asked = readable(idea.lotSize);
    const input = { lotSize: idea.lotSize, minSize: terms?.minSize ?? null, sizeStep: terms?.sizeStep ?? null, maxSize: terms?.maxSize ?? null };
    if (!asked?.gt(0)) return rejected(input, reason('SIZE_INVALID', 'The size is no decimal above 0.', idea.lotSize));
    if (terms === null) return { ...passed(input), outcome: 'assumed' };
    const [least, step, most] = [readable(terms.minSize), readable(terms.sizeStep), terms.maxSize === null ? asked : readable(terms.maxSize)];
    if (!least || !step?.gt(0) || !most) return rejected(input, reason('NUMBER_UNREADABLE', 'Least size, step or largest size of the instrument is no number.'));
    const reasons: Reason[] = [];
    const was = `${asked.toFixed()} ${terms.sizeUnit}`;
    if (asked.lt(least)) reasons.push(reason('SIZE_BELOW_MINIMUM', `A size of ${was} is below the smallest, ${terms.minSize}.`, asked.toFixed(), terms.minSize));
    if (asked.gt(most)) reasons.push(reason('SIZE_ABOVE_MAXIMUM', `A size of ${was} is above the largest, ${most.toFixed()}.`, asked.toFixed(), most.toFixed()));
    if (!asked.mod(step).isZero()) reasons.push(reason('SIZE_OFF_STEP', `A size of ${was} is no multiple of ${terms.sizeStep}.`, asked.toFixed(), terms.sizeStep));
    return verdictOf(input, reasons);
  },
};
