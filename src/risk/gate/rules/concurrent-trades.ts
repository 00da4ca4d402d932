import { reason, type Rule } from '../finding.js';
import { eachLimit, HOLDER_NAMES, LIMIT_CODES, whose } from '../limits.js';

/** Reservations count like trades. */
export const concurrentTrades: Rule = {
  name: 'concurrent_trades',
  codes: ['TRADES_CONCURRENT', ...LIMIT_CODES],
  check: (facts) => eachLimit(facts, 'maxConcurrentTrades', (limit) => {
    const held = facts.heldBy(limit.holder).length;
    const actual = String(held + 1);
    if (limit.value.gt(held)) return { actual, reasons: [] };
    return { actual, reasons: [reason('TRADES_CONCURRENT', `${HOLDER_NAMES[limit.holder]} would have ${actual} open trades; maxConcurrentTrades ${whose(limit)} is ${limit.text}.`, actual, limit.text)] };
  }),
};
