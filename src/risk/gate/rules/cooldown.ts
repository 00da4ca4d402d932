import { Exact } from '../../../common/decimal.js';
import { timeOf } from '../facts.js';
import { reason, type Rule } from '../finding.js';
import { eachLimit, LIMIT_CODES, whose } from '../limits.js';

/** After a loss of the agent that proposes, whoever sets the limit. */
export const cooldown: Rule = {
  name: 'cooldown',
  codes: ['COOLDOWN_RUNNING', 'TIME_UNREADABLE', ...LIMIT_CODES],
  check: (facts) => eachLimit(facts, 'cooldownSeconds', (limit) => {
    const { lastLossAt } = facts.input.book;
    if (lastLossAt === null || limit.value.isZero()) return { actual: lastLossAt, reasons: [] };
    const at = timeOf(lastLossAt);
    if (at === null || facts.now === null) return { actual: null, reasons: [reason('TIME_UNREADABLE', 'When the last loss was, is no time.', lastLossAt)] };
    const since = new Exact(facts.now).minus(at).div(1_000);
    const actual = since.toFixed();
    if (since.gte(limit.value)) return { actual, reasons: [] };
    return { actual, reasons: [reason('COOLDOWN_RUNNING', `The agent's last loss is ${actual} s ago; cooldownSeconds ${whose(limit)} is ${limit.text} s.`, actual, limit.text)] };
  }),
};
