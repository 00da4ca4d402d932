import { Exact } from '../../../common/decimal.js';
import { timeOf } from '../facts.js';
import { passed, reason, rejected, type Rule, skipped, unknown } from '../finding.js';

/** Expiry and settlement. For binary contracts the least time that is left stands in for a stop. */
export const closing: Rule = {
  name: 'closing',
  codes: ['INSTRUMENT_CLOSED', 'INSTRUMENT_CLOSING', 'INSTRUMENT_CLOSE_UNKNOWN', 'TIME_UNREADABLE'],
  check(facts) {
    const { now, binary, key, input: { instrument: { terms }, strategy } } = facts;
    const least = strategy?.exitRules.minSecondsToClose ?? null;
    const closesAt = terms?.closesAt ?? null;
    const input = { closesAt, minSecondsToClose: least };
    if (closesAt === null) {
      if (!binary && least === null) return skipped(input);
      return unknown(facts, input, reason('INSTRUMENT_CLOSE_UNKNOWN', `Nobody has said when ${key} closes.`, null, least === null ? null : String(least)));
    }
    const at = timeOf(closesAt);
    if (at === null || now === null) return rejected(input, reason('TIME_UNREADABLE', `When ${key} closes is no time: ${closesAt.slice(0, 40)}.`));
    const left = new Exact(at).minus(now).div(1_000);
    if (left.lte(0)) return rejected(input, reason('INSTRUMENT_CLOSED', `${key} closed at ${closesAt}.`, left.toFixed(), '0'));
    if (least === null || left.gte(least)) return passed(input);
    return rejected(input, reason('INSTRUMENT_CLOSING', `${key} closes in ${left.toFixed()} s; the strategy wants at least ${least} s.`, left.toFixed(), String(least)));
  },
};
