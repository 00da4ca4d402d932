import { symbolKey } from '../../../instruments/canonical-symbol.js';
import { reason, type Rule } from '../finding.js';
import { eachLimit, HOLDER_NAMES, LIMIT_CODES, whose } from '../limits.js';

/** Long and short, yes and no alike. */
export const tradesPerSymbol: Rule = {
  name: 'trades_per_symbol',
  codes: ['TRADES_PER_SYMBOL', ...LIMIT_CODES],
  check: (facts) => eachLimit(facts, 'maxTradesPerSymbol', (limit) => {
    const held = facts.heldBy(limit.holder).filter(({ holding }) => symbolKey(holding) === facts.key).length;
    const actual = String(held + 1);
    if (limit.value.gt(held)) return { actual, reasons: [] };
    return { actual, reasons: [reason('TRADES_PER_SYMBOL', `${HOLDER_NAMES[limit.holder]} would have ${actual} open trades of ${facts.key}; maxTradesPerSymbol ${whose(limit)} is ${limit.text}.`, actual, limit.text)] };
  }),
};
