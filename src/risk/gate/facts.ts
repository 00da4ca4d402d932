import type { Decimal } from 'decimal.js';
import { Exact } from '../../common/decimal.js';
import { currencyPair, symbolKey } from '../../instruments/canonical-symbol.js';
import { type Holding, readable, type Valuation } from '../../instruments/figures.js';
import type { Rate } from '../../instruments/rates.js';
import type { GateInput, Held } from './gate-input.js';
import { type Parts, type Portfolio, portfolioOf } from './portfolio.js';

/** Who holds what a limit counts. */
export type Holder = 'account' | 'agent' | 'strategy';

/** The input, and what several rules make of it: read once. */
export interface Facts {
  input: GateInput;
  /** Whatever is not one of the two others. */
  live: boolean;
  /** Milliseconds since 1970; null: unreadable. */
  now: number | null;
  key: string;
  /** Pays 1 or nothing: neither stop nor reward say anything of it. */
  binary: boolean;
  quote: { bid: Decimal; ask: Decimal; spread: Decimal } | null;
  /** Of the quote, what an opening takes: a long the ask, a short the bid. */
  side: Decimal | null;
  range: { low: Decimal; high: Decimal } | null;
  /** The idea's own, else the side of the quote, or the nearer end of the range while it waits for that. */
  price: Decimal | null;
  /** The quote lies outside the range. */
  outside: boolean;
  valuation: Valuation;
  /** What would be held; null: at no known price. */
  holding: Holding | null;
  heldBy: (holder: Holder) => readonly Held[];
  portfolio: (holder: Holder) => Portfolio;
}

export function factsOf(input: GateInput): Facts {
  const { idea, instrument, mode } = input;
  const live = mode !== 'simulation' && mode !== 'paper';
  const binary = instrument.terms === null ? idea.outcome !== null : instrument.terms.kind === 'binary';
  const quote = quoteOf(input, binary);
  const side = quote && (idea.direction === 'long' ? quote.ask : quote.bid);
  const range = rangeOf(input);
  const own = idea.entryPrice === null ? null : price(idea.entryPrice);
  const at = idea.entryPrice !== null ? own : side && range ? Exact.min(Exact.max(side, range.low), range.high) : side;
  const holding = at && holdingOf(input, at);
  const valuation = valuationOf(input, live, holding);
  const portfolios = new Map<Holder, Portfolio>();
  const parts: Parts = new Map();
  const facts: Facts = {
    input, live, now: timeOf(input.now), key: symbolKey(idea), binary, quote, side, range, price: at, valuation, holding,
    outside: side !== null && range !== null && (side.lt(range.low) || side.gt(range.high)),
    heldBy: (holder) => heldBy(input, holder),
    portfolio(holder) {
      const known = portfolios.get(holder) ?? portfolioOf(heldBy(input, holder), holding, valuation, parts);
      portfolios.set(holder, known);
      return known;
    },
  };
  return facts;
}

/** A decimal that may be below 0; null for anything else. */
export const signed = (text: string | null): Decimal | null => (text !== null && /^-?\d{1,30}(\.\d{1,40})?$/.test(text) ? new Exact(text) : null);
/** RFC 3339, or as PostgreSQL writes it. `Date.parse` alone takes `1,5` for a day in January. */
const TIME_FORM = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$/;
export const timeOf = (text: string): number | null => {
  const time = TIME_FORM.test(text) ? Date.parse(text) : NaN;
  return Number.isFinite(time) ? time : null;
};

function price(text: string): Decimal | null {
  const read = readable(text);
  return read?.gt(0) ? read : null;
}

/** Null also for a quote that is none: crossed, or not above 0. What `no` costs is what `yes` leaves to 1. */
function quoteOf({ quote, idea }: GateInput, binary: boolean): Facts['quote'] {
  const [bid, ask] = [quote && readable(quote.bid), quote && readable(quote.ask)];
  if (!bid || !ask || bid.gt(ask)) return null;
  if (!binary) return bid.gt(0) ? { bid, ask, spread: ask.minus(bid) } : null;
  if (ask.gt(1)) return null;
  const of = idea.outcome === 'no' ? { bid: new Exact(1).minus(ask), ask: new Exact(1).minus(bid) } : { bid, ask };
  return { ...of, spread: ask.minus(bid) };
}

function rangeOf({ idea }: GateInput): Facts['range'] {
  if (idea.entryRange === null) return null;
  const [low, high] = [price(idea.entryRange.low), price(idea.entryRange.high)];
  return low && high && low.lte(high) ? { low, high } : null;
}

const holdingOf = ({ idea, instrument }: GateInput, at: Decimal): Holding => ({
  symbol: idea.symbol, exchange: idea.exchange, terms: instrument.terms, direction: idea.direction, outcome: idea.outcome, size: idea.lotSize,
  entryPrice: at.toFixed(), markPrice: null, stop: idea.stopLoss, fees: null,
});

/**
 * Outside live the last rate counts whatever its age, and a pair's own price is a rate where nobody told one: a demo needs
 * no set-up. What remains missing then is missing.
 */
function valuationOf({ account, rates, now, mode, book }: GateInput, live: boolean, holding: Holding | null): Valuation {
  if (live) return { currency: account.currency, rates, now, mode: 'live' };
  const newest = new Map<string, Rate>();
  for (const rate of rates) {
    const before = newest.get(rate.from + rate.to);
    if (!before || Date.parse(rate.asOf) > Date.parse(before.asOf)) newest.set(rate.from + rate.to, rate);
  }
  for (const each of [...(holding ? [holding] : []), ...book.held.map((held) => held.holding)]) {
    const pair = each.terms?.kind === 'crypto' && each.terms.baseCurrency !== null ? { base: each.terms.baseCurrency, quote: each.terms.quoteCurrency } : each.exchange === null ? currencyPair(each.symbol) : null;
    const known = pair && (newest.has(pair.base + pair.quote) || newest.has(pair.quote + pair.base));
    if (pair && !known) newest.set(pair.base + pair.quote, { from: pair.base, to: pair.quote, rate: each.markPrice ?? each.entryPrice, asOf: now });
  }
  const aged = [...newest.values()].map((rate) => (Date.parse(rate.asOf) < Date.parse(now) ? { ...rate, asOf: now } : rate));
  return { currency: account.currency, rates: aged, now, mode };
}

/** A limit of an agent counts what it proposed, of a strategy what names it; of a strategy that is not there, everything. */
function heldBy({ book, proposer, executor, strategy }: GateInput, holder: Holder): readonly Held[] {
  const agent = proposer?.id ?? executor.id;
  if (holder === 'agent') return book.held.filter((held) => (held.proposerId ?? held.agentId) === agent);
  return holder === 'account' || strategy === null ? book.held : book.held.filter((held) => held.strategyId === strategy.id);
}
