import { Exact } from '../../../common/decimal.js';
import { timeOf } from '../facts.js';
import { reason, type Rule } from '../finding.js';
import { eachLimit, LIMIT_CODES, whose } from '../limits.js';

/** In the account, whoever opened it and whoever sets the limit: two agents that follow one signal double a position too. */
export const duplicate: Rule = {
  name: 'duplicate',
  codes: ['INTENT_DUPLICATE', 'TIME_UNREADABLE', ...LIMIT_CODES],
  check: (facts) => eachLimit(facts, 'duplicateIntentSeconds', (limit) => {
    const { lastIntent } = facts.input.book;
    if (lastIntent === null || limit.value.isZero()) return { actual: lastIntent?.at ?? null, reasons: [] };
    const at = timeOf(lastIntent.at);
    if (at === null || facts.now === null) return { actual: null, reasons: [reason('TIME_UNREADABLE', 'When the symbol was last opened, is no time.', lastIntent.at)] };
    const since = new Exact(facts.now).minus(at).div(1_000);
    const actual = since.toFixed();
    if (since.gte(limit.value)) return { actual, reasons: [] };
    const by = lastIntent.ideaId === null ? '' : ` by the idea ${lastIntent.ideaId}`;
    return { actual, reasons: [reason('INTENT_DUPLICATE', `${facts.key} was opened ${facts.input.idea.direction} ${actual} s ago${by}; duplicateIntentSeconds ${whose(limit)} is ${limit.text} s.`, actual, limit.text)] };
  }),
};
