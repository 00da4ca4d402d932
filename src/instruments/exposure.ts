import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';
import { symbolKey } from './canonical-symbol.js';
import { binarySide, type FigureTerms, type Holding, inAccountCurrency, notional, type Numbers, numbersOf, riskToStop, termsOf, textOf, type Valuation } from './figures.js';
import { known, type Known, type Reason, unknown } from './rates.js';

/** The three figures that limits hold (trading-rules 1.3), in the account's currency, free of margin and leverage. */
export interface Exposure {
  currency: string;
  /** The sum of what is held, long and short alike; yes and no of one market net. */
  grossNotional: Known<string>;
  /** Long minus short of each currency, of pairs and coins, in their own units netted and then converted. Without those that net to 0. */
  netByCurrency: Known<Record<string, string>>;
  /** Long minus short of each underlying, of everything else. Without those that net to 0. */
  netByUnderlying: Known<Record<string, string>>;
  /** The sum of what is lost when every stop is hit. */
  openRisk: Known<string>;
  /** Symbols whose terms were assumed, which only happens outside live. */
  assumed: string[];
}

interface Counted {
  holding: Holding;
  terms: FigureTerms;
  numbers: Numbers;
}

/**
 * The exposure of all holdings of one account in one execution mode. A figure is unknown as soon as one part of it is:
 * a sum without it would look smaller than it is.
 *
 * Pairs (fx) and coins (crypto) have two legs: bought base, sold quote. Everything else has its underlying: shares of one
 * company at two exchanges net only where their terms name one underlying. An option nets with the same option only,
 * since nobody told its delta; yes and no of one market net to what can still be lost.
 */
export function exposure(holdings: readonly Holding[], valuation: Valuation): Exposure {
  const reasons: Reason[] = [];
  const counted: Counted[] = [];
  const assumed = new Set<string>();
  for (const holding of holdings) {
    const used = termsOf(holding, valuation);
    const numbers = used.known ? numbersOf(holding, used.value.terms) : used;
    if (!used.known || !numbers.known) {
      reasons.push(...(numbers.known ? [] : numbers.reasons));
      continue;
    }
    if (used.value.assumed) assumed.add(holding.symbol);
    counted.push({ holding, terms: used.value.terms, numbers: numbers.value });
  }
  const markets = marketsOf(counted.filter(({ terms }) => terms.kind === 'binary'));
  const linear = counted.filter(({ terms }) => terms.kind !== 'binary');
  const cost = markets.map((market) => marketExposure(market, valuation));
  const costs = cost.map((each): Known<string> => (each.known ? known(each.value.amount.abs().toFixed()) : each));
  const refused = <T>(figure: Known<T>): Known<T> => (reasons.length > 0 ? { known: false, reasons: distinct([...reasons, ...(figure.known ? [] : figure.reasons)]) } : figure);
  const amounts = (of: typeof notional) => linear.map(({ holding }): Known<string> => {
    const one = of(holding, valuation);
    return one.known ? known(one.value.amount) : one;
  });
  return {
    currency: valuation.currency,
    grossNotional: refused(total([...amounts(notional), ...costs])),
    netByCurrency: refused(byCurrency(linear, valuation)),
    netByUnderlying: refused(byUnderlying(linear, cost, valuation)),
    openRisk: refused(total([...amounts(riskToStop), ...costs])),
    assumed: [...assumed].sort(),
  };
}

const isPair = ({ terms }: Counted): boolean => terms.kind === 'fx' || terms.kind === 'crypto';
const signed = ({ direction }: Holding, amount: Decimal): Decimal => (direction === 'long' ? amount : amount.negated());

function byCurrency(counted: Counted[], valuation: Valuation): Known<Record<string, string>> {
  const legs = new Map<string, Decimal>();
  const add = (currency: string, amount: Decimal) => legs.set(currency, (legs.get(currency) ?? new Exact(0)).plus(amount));
  for (const { holding, terms, numbers } of counted.filter(isPair)) {
    if (terms.baseCurrency === null) return unknown('CURRENCY_MISSING', `the terms of ${holding.symbol} name no base currency`);
    const units = signed(holding, numbers.size.times(numbers.contractSize));
    add(terms.baseCurrency, units);
    add(terms.quoteCurrency, units.times(numbers.mark).negated());
  }
  return net([...legs].map(([currency, amount]) => [currency, inAccountCurrency(amount, currency, valuation)]));
}

function byUnderlying(counted: Counted[], markets: Known<MarketExposure>[], valuation: Valuation): Known<Record<string, string>> {
  const parts = counted.filter((each) => !isPair(each)).map(({ holding, terms, numbers }): [string, Known<Decimal>] => {
    const own = symbolKey(holding);
    const key = terms.kind === 'option' ? own : (terms.underlying ?? own);
    return [key, inAccountCurrency(signed(holding, numbers.size.times(numbers.contractSize).times(numbers.mark)), terms.quoteCurrency, valuation)];
  });
  return net([...parts, ...markets.map((each): [string, Known<Decimal>] => (each.known ? [each.value.market, known(each.value.amount)] : ['', each]))]);
}

interface MarketExposure {
  market: string;
  /** In the account's currency; below 0 when more of no is held. */
  amount: Decimal;
}

type Market = [market: string, held: Counted[]];

function marketsOf(binaries: Counted[]): Market[] {
  const markets = new Map<string, Counted[]>();
  for (const each of binaries) {
    const market = symbolKey(each.holding);
    markets.set(market, [...(markets.get(market) ?? []), each]);
  }
  return [...markets];
}

/** What can still be lost in one market: what was paid, minus what pairs of yes and no pay in any case. Never below 0. */
function marketExposure([market, held]: Market, valuation: Valuation): Known<MarketExposure> {
  let paid = new Exact(0);
  const pays = { yes: new Exact(0), no: new Exact(0) };
  for (const { holding, numbers } of held) {
    const side = binarySide(holding, numbers);
    if (!side.known) return side;
    const most = numbers.size.times(numbers.contractSize);
    paid = paid.plus(most.times(side.value.price)).plus(numbers.fees);
    pays[side.value.side] = pays[side.value.side].plus(most);
  }
  const left = Exact.max(0, paid.minus(Exact.min(pays.yes, pays.no)));
  const amount = inAccountCurrency(left, held[0]?.terms.quoteCurrency ?? valuation.currency, valuation);
  return amount.known ? known({ market, amount: pays.no.gt(pays.yes) ? amount.value.negated() : amount.value }) : amount;
}

function total(parts: Known<string>[]): Known<string> {
  const missing = parts.flatMap((part) => (part.known ? [] : part.reasons));
  if (missing.length > 0) return { known: false, reasons: distinct(missing) };
  return known(textOf(parts.reduce<Decimal>((sum, part) => (part.known ? sum.plus(part.value) : sum), new Exact(0))));
}

function net(parts: [string, Known<Decimal>][]): Known<Record<string, string>> {
  const missing = parts.flatMap(([, part]) => (part.known ? [] : part.reasons));
  if (missing.length > 0) return { known: false, reasons: distinct(missing) };
  const sums = new Map<string, Decimal>();
  for (const [key, part] of parts) if (part.known) sums.set(key, (sums.get(key) ?? new Exact(0)).plus(part.value));
  return known(Object.fromEntries([...sums].filter(([, sum]) => !sum.isZero()).map(([key, sum]) => [key, textOf(sum)])));
}

const distinct = (reasons: Reason[]): Reason[] => [...new Map(reasons.map((reason) => [`${reason.code} ${reason.detail}`, reason])).values()];
