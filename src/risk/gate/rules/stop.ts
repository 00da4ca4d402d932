import type { Decimal } from 'decimal.js';
import { Exact } from '../../../common/decimal.js';
import { readable } from '../../../instruments/figures.js';
import { passed, reason, rejected, type Rule, skipped } from '../finding.js';
import type { IdeaFacts } from '../gate-input.js';

/** A stop closer than this many spreads is hit by the spread. */
const SPREADS_MIN = 3;

/** Binary contracts have none: what was paid is all that can be lost. */
export const stop: Rule = {
  name: 'stop',
  codes: ['STOP_MISSING', 'STOP_INVALID', 'STOP_WRONG_SIDE', 'STOP_TOO_CLOSE', 'NUMBER_UNREADABLE'],
  check({ binary, price: limit, side, outside, quote, live, input: { idea, instrument: { terms } } }) {
    const stopLevel = terms?.stopLevel ?? null;
    const price = limit && fillOf(idea, limit, outside ? null : side);
    const input = { stopLoss: idea.stopLoss, price: price?.toFixed() ?? null, stopLevel, spread: quote?.spread.toFixed() ?? null };
    if (binary) return skipped(input);
    if (idea.stopLoss === null) return rejected(input, reason('STOP_MISSING', 'The idea has no stop.'));
    const at = readable(idea.stopLoss);
    if (!at?.gt(0)) return rejected(input, reason('STOP_INVALID', `The stop ${idea.stopLoss.slice(0, 40)} is no price.`, idea.stopLoss));
    const level = readable(stopLevel ?? '0');
    if (!level) return rejected(input, reason('NUMBER_UNREADABLE', "The broker's stop level is no number.", stopLevel));
    if (!price) return live ? rejected(input, reason('STOP_INVALID', 'Without a price nobody knows on which side the stop lies.')) : skipped(input);
    const distance = idea.direction === 'long' ? price.minus(at) : at.minus(price);
    if (distance.lte(0)) {
      return rejected(input, reason('STOP_WRONG_SIDE', `The stop of a ${idea.direction} trade from ${price.toFixed()} must lie ${idea.direction === 'long' ? 'below' : 'above'} it, not at ${at.toFixed()}.`, at.toFixed(), price.toFixed()));
    }
    const least = Exact.max(level, quote?.spread.times(SPREADS_MIN) ?? 0);
    if (distance.gte(least)) return quote ? passed(input) : { ...passed(input), outcome: 'assumed' };
    const because = level.gte(least) ? "the broker's stop level" : `${SPREADS_MIN} spreads`;
    return rejected(input, reason('STOP_TOO_CLOSE', `The stop is ${distance.toFixed()} from the entry; it must be at least ${least.toFixed()}, ${because}.`, distance.toFixed(), least.toFixed()));
  },
};

/** A limit beyond the market fills at the market, and there the stop has to be right. */
const fillOf = ({ direction, entryPrice }: IdeaFacts, limit: Decimal, side: Decimal | null): Decimal =>
  entryPrice === null || side === null ? limit : direction === 'long' ? Exact.min(limit, side) : Exact.max(limit, side);
