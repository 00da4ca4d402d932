import type { Decimal } from 'decimal.js';
import { Exact } from '../../../common/decimal.js';
import { readable } from '../../../instruments/figures.js';
import type { Facts } from '../facts.js';
import { type Finding, reason, rejected, type Rule, verdictOf } from '../finding.js';
import { eachLimit, LIMIT_CODES, whose } from '../limits.js';

/**
 * While a breaker tests whether all is well again, only its fraction of the limit goes through. Where there is no limit to
 * take a fraction of, the instrument's smallest size does.
 */
export const lotSize: Rule = {
  name: 'lot_size',
  codes: ['SIZE_LIMIT', 'SIZE_TESTING', 'SIZE_INVALID', 'NUMBER_UNREADABLE', ...LIMIT_CODES],
  check(facts) {
    const { idea, testing } = facts.input;
    const asked = readable(idea.lotSize);
    if (!asked) return rejected({ lotSize: idea.lotSize }, reason('SIZE_INVALID', 'The size is no decimal above 0.', idea.lotSize));
    const fractions = testing.map(({ breaker, sizeFraction }) => ({ breaker, fraction: readable(sizeFraction) }));
    const unread = fractions.find(({ fraction }) => !fraction?.lte(1));
    if (unread) return rejected({ lotSize: idea.lotSize }, reason('NUMBER_UNREADABLE', `The fraction that the circuit breaker ${unread.breaker} lets through is no decimal from 0 to 1.`));
    const least = fractions.reduce<{ breaker: string; fraction: Decimal | null } | null>((best, each) => (best?.fraction?.lte(each.fraction ?? 0) ? best : each), null);
    const finding = eachLimit(facts, 'maxLotSize', (limit) => {
      const actual = asked.toFixed();
      if (asked.gt(limit.value)) return { actual, reasons: [reason('SIZE_LIMIT', `A size of ${actual} is above maxLotSize ${whose(limit)}, ${limit.text}.`, actual, limit.text)] };
      const most = limit.value.times(least?.fraction ?? 1);
      if (asked.lte(most)) return { actual, reasons: [] };
      return { actual, reasons: [reason('SIZE_TESTING', `A size of ${actual} is above ${most.toFixed()}: while the circuit breaker ${least?.breaker} tests, ${least?.fraction?.toFixed()} of maxLotSize ${whose(limit)} (${limit.text}) goes through.`, actual, most.toFixed())] };
    });
    const whole = least && finding.outcome === 'off' ? smallestOnly(facts, asked, least.breaker) : finding;
    return { ...whole, input: { ...whole.input, testing: least?.breaker ?? null, sizeFraction: least?.fraction?.toFixed() ?? null } };
  },
};

function smallestOnly({ input: { instrument: { terms } } }: Facts, asked: Decimal, breaker: string): Finding {
  const least = terms ? readable(terms.minSize) : null;
  const input = { lotSize: asked.toFixed(), minSize: least?.toFixed() ?? null };
  if (asked.lte(least ?? new Exact(0))) return verdictOf(input, []);
  return verdictOf(input, [reason('SIZE_TESTING', `A size of ${asked.toFixed()} is above the smallest of the instrument (${least?.toFixed() ?? 'unknown'}), all that goes through while the circuit breaker ${breaker} tests and maxLotSize is off.`, asked.toFixed(), least?.toFixed() ?? null)]);
}
