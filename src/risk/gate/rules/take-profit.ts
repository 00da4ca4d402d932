import { Exact } from '../../../common/decimal.js';
import { readable } from '../../../instruments/figures.js';
import { reason, type Rule, skipped, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

export const takeProfit: Rule = {
  name: 'take_profit',
  codes: ['TARGET_INVALID', 'TARGET_WRONG_SIDE', 'TARGET_FRACTIONS'],
  check({ binary, price, input: { idea } }) {
    const input = { price: price?.toFixed() ?? null, targets: idea.takeProfit.map(({ price: at, sizeFraction }) => `${at} × ${sizeFraction}`).join(', ') };
    if (binary || idea.takeProfit.length === 0) return skipped(input);
    const reasons: Reason[] = [];
    let sum = new Exact(0);
    for (const target of idea.takeProfit) {
      const [at, fraction] = [readable(target.price), readable(target.sizeFraction)];
      if (!at?.gt(0) || !fraction?.gt(0) || fraction.gt(1)) {
        reasons.push(reason('TARGET_INVALID', `The take profit ${target.price.slice(0, 40)} for the fraction ${target.sizeFraction.slice(0, 40)} is none.`, target.price));
        continue;
      }
      sum = sum.plus(fraction);
      if (price && (idea.direction === 'long' ? at.lte(price) : at.gte(price))) {
        reasons.push(reason('TARGET_WRONG_SIDE', `The take profit of a ${idea.direction} trade from ${price.toFixed()} must lie ${idea.direction === 'long' ? 'above' : 'below'} it, not at ${at.toFixed()}.`, at.toFixed(), price.toFixed()));
      }
    }
    if (reasons.length === 0 && !sum.eq(1)) reasons.push(reason('TARGET_FRACTIONS', `The fractions of the take profits sum to ${sum.toFixed()}, not to 1.`, sum.toFixed(), '1'));
    return verdictOf(input, reasons);
  },
};
