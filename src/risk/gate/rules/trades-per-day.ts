import { reason, type Rule } from '../finding.js';
import { eachLimit, LIMIT_CODES, whose } from '../limits.js';

export const tradesPerDay: Rule = {
  name: 'trades_per_day',
  codes: ['TRADES_PER_DAY', 'COUNT_UNKNOWN', ...LIMIT_CODES],
  check: (facts) => eachLimit(facts, 'maxTradesPerDay', (limit) => {
    const opened = facts.input.book.openedToday[limit.holder];
    if (!Number.isSafeInteger(opened) || opened < 0) return { actual: null, reasons: [reason('COUNT_UNKNOWN', `How many trades the ${limit.holder} opened today is not known.`, null, limit.text)] };
    const actual = String(opened + 1);
    if (limit.value.gt(opened)) return { actual, reasons: [] };
    return { actual, reasons: [reason('TRADES_PER_DAY', `This would be trade ${actual} of the ${limit.holder} since the rollover; maxTradesPerDay ${whose(limit)} is ${limit.text}.`, actual, limit.text)] };
  }),
};
