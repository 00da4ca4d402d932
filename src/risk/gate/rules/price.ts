import type { Decimal } from 'decimal.js';
import { readable } from '../../../instruments/figures.js';
import type { Facts } from '../facts.js';
import { type Input, reason, rejected, type Rule, verdictOf } from '../finding.js';
import { limitsNamed, LIMIT_CODES, shown, whose } from '../limits.js';
import type { Reason } from '../verdict.js';

/**
 * Sane before anything is counted with it. Against the side of the quote that would be taken: from the middle, half a wide
 * spread would look like a mistake.
 */
export const price: Rule = {
  name: 'price',
  codes: ['PRICE_MISSING', 'PRICE_INVALID', 'PRICE_RANGE_INVALID', 'PRICE_DEVIATION', 'QUOTE_MISSING', 'QUOTE_INVALID', 'QUOTE_STALE', ...LIMIT_CODES],
  check(facts) {
    const { live, price: at, input: { idea, quote } } = facts;
    const input: Record<string, string | number | boolean | null> = { entryPrice: idea.entryPrice, price: at?.toFixed() ?? null, bid: quote?.bid ?? null, ask: quote?.ask ?? null, ageSeconds: quote?.ageSeconds ?? null };
    const invalid = ownPrices(facts);
    if (invalid) return rejected(input, invalid);
    if (quote === null) {
      if (live) return rejected(input, reason('QUOTE_MISSING', `There is no quote of ${facts.key}.`));
      return at ? { outcome: 'assumed', reasons: [], input } : rejected(input, reason('PRICE_MISSING', `There is neither an entry price nor a quote of ${facts.key}.`));
    }
    const { quote: read, side } = facts;
    if (!read || !side || !at || side.isZero()) return rejected(input, reason('QUOTE_INVALID', `The quote ${quote.bid.slice(0, 40)} / ${quote.ask.slice(0, 40)} is none.`));
    if (facts.binary && (at.lte(0) || at.gte(1))) return rejected(input, reason('PRICE_INVALID', `A binary contract costs more than 0 and less than 1, not ${at.toFixed()}.`, at.toFixed(), '1'));
    const reasons = [...stale(facts, input), ...(idea.entryPrice === null || facts.outside ? [] : deviating(facts, at, side, input))];
    return verdictOf(input, reasons);
  },
};

function ownPrices({ price: at, range, binary, input: { idea } }: Facts): Reason | null {
  if (idea.entryPrice !== null && (!at || (binary && at.gte(1)))) return reason('PRICE_INVALID', `The entry price ${idea.entryPrice.slice(0, 40)} is none.`, idea.entryPrice);
  if (idea.entryRange === null) return null;
  const { low, high } = idea.entryRange;
  if (!range || (binary && range.high.gte(1))) return reason('PRICE_RANGE_INVALID', `The entry range ${low.slice(0, 40)} to ${high.slice(0, 40)} is none.`);
  if (idea.entryPrice === null || !at || (at.gte(range.low) && at.lte(range.high))) return null;
  return reason('PRICE_RANGE_INVALID', `The entry price ${at.toFixed()} lies outside the entry range ${range.low.toFixed()} to ${range.high.toFixed()}.`, at.toFixed(), `${range.low.toFixed()} to ${range.high.toFixed()}`);
}

function stale(facts: Facts, input: Record<string, Input[string]>): Reason[] {
  const { limits, faults } = limitsNamed(facts, 'maxPriceAgeSeconds');
  const told = facts.input.quote?.ageSeconds ?? '';
  const age = readable(told);
  for (const limit of limits) input[`maxPriceAgeSeconds ${limit.from}`] = limit.text;
  // Also without a limit: a quote of no age may be of any.
  if (!age) return [...faults, reason('QUOTE_STALE', `How old the quote is is no number: ${told.slice(0, 40)}.`, told)];
  const over = limits.filter(({ value }) => age.gt(value));
  return [...faults, ...over.map((limit) => reason('QUOTE_STALE', `The quote is ${told} s old; maxPriceAgeSeconds ${whose(limit)} is ${limit.text} s.`, told, limit.text))];
}

function deviating(facts: Facts, at: Decimal, side: Decimal, input: Record<string, Input[string]>): Reason[] {
  const { limits, faults } = limitsNamed(facts, 'maxPriceDeviation');
  const by = at.minus(side).abs();
  input['deviation'] = shown(by.div(side));
  for (const limit of limits) input[`maxPriceDeviation ${limit.from}`] = limit.text;
  const over = limits.filter(({ value }) => by.gt(side.times(value)));
  return [...faults, ...over.map((limit) => reason('PRICE_DEVIATION',
    `The entry price ${at.toFixed()} is ${shown(by.div(side).times(100))} % from the quote ${side.toFixed()}; maxPriceDeviation ${whose(limit)} is ${shown(limit.value.times(100))} %.`, shown(by.div(side)), limit.text))];
}
