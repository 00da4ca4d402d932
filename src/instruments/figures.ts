import type { Decimal } from 'decimal.js';
import { DECIMAL_PLACES_MAX, Exact } from '../common/decimal.js';
import { currencyPair } from './canonical-symbol.js';
import { conversion, known, type Known, type Rate, unknown } from './rates.js';
import type { Terms } from './terms.js';

/** The terms that figures are made of. */
export type FigureTerms = Pick<Terms, 'kind' | 'contractSize' | 'tickSize' | 'tickValue' | 'tickValueCurrency' | 'baseCurrency' | 'quoteCurrency' | 'underlying'>;

/** A position, a reservation or an idea: something that would be held. Decimals are text. */
export interface Holding {
  /** Canonical. */
  symbol: string;
  exchange: string | null;
  /** As the account's list of instruments has them; null: it does not. */
  terms: FigureTerms | null;
  direction: 'long' | 'short';
  /** Of a binary: needed, and never guessed. */
  outcome: 'yes' | 'no' | null;
  size: string;
  entryPrice: string;
  /** What the notional is taken at; null: the entry price. */
  markPrice: string | null;
  stop: string | null;
  /** What was paid to get in, at least 0, in the quote currency; counts for binaries. */
  fees: string | null;
}

/** In which currency, at which rates and when; and whether assumptions are allowed, which in live they are not. */
export interface Valuation {
  /** The account's. */
  currency: string;
  rates: readonly Rate[];
  /** RFC 3339, of the database's clock. */
  now: string;
  mode: 'simulation' | 'paper' | 'live';
}

/** In live an unknown instrument is refused; elsewhere it is assumed to be something, and the figure says so. */
export type UsedTerms = Known<{ terms: FigureTerms; assumed: boolean }>;

export interface Figure {
  /** A decimal in the account's currency, rounded to 18 digits behind the point. */
  amount: string;
  /** The instrument's terms were assumed. */
  assumed: boolean;
}

const FORM = /^\d{1,20}(\.\d{1,18})?$/;
/** A lot of a pair of currencies, when nobody has said. */
const PAIR_LOT = '100000';

/** Rounded once, at the end, half to even: sums of figures are exact then, and long and short differ by their sign only. */
export const rounded = (value: Decimal): Decimal => value.toDecimalPlaces(DECIMAL_PLACES_MAX, Exact.ROUND_HALF_EVEN);
export const textOf = (value: Decimal): string => (value.isZero() ? '0' : value.toFixed());

/** A decimal of at least 0; null for anything else, such as NaN, an exponent, a sign or too many digits. */
export const readable = (text: string): Decimal | null => (FORM.test(text) ? new Exact(text) : null);

/**
 * The terms to count with. Unknown outside live: a pair of currencies counts 100,000 units a lot, anything else 1, in the
 * account's currency; what has an outcome is a binary.
 */
export function termsOf({ symbol, exchange, terms, outcome }: Holding, { mode, currency }: Valuation): UsedTerms {
  if (terms) return known({ terms, assumed: false });
  if (mode === 'live') return unknown('INSTRUMENT_UNKNOWN', `${symbol} is not in the account's list of instruments`);
  const pair = exchange === null && outcome === null ? currencyPair(symbol) : null;
  const contractSize = pair ? PAIR_LOT : '1';
  const quoteCurrency = pair?.quote ?? currency;
  return known({
    terms: {
      kind: pair ? 'fx' : outcome === null ? 'cfd' : 'binary', contractSize, tickSize: '1', tickValue: contractSize, tickValueCurrency: quoteCurrency,
      baseCurrency: pair?.base ?? null, quoteCurrency, underlying: null,
    },
    assumed: true,
  });
}

/** The numbers of a holding, read. Prices may be 0: what is worthless still exists. */
export interface Numbers {
  size: Decimal;
  entry: Decimal;
  mark: Decimal;
  stop: Decimal | null;
  fees: Decimal;
  contractSize: Decimal;
}

export function numbersOf(holding: Holding, terms: FigureTerms): Known<Numbers> {
  const { size, entryPrice, markPrice, stop, fees } = holding;
  const read: Record<string, Decimal | null> = {};
  for (const [name, text] of Object.entries({ size, entryPrice, markPrice: markPrice ?? entryPrice, stop: stop ?? '0', fees: fees ?? '0', contractSize: terms.contractSize })) {
    read[name] = readable(text);
    if (read[name] === null) return unknown('NUMBER_UNREADABLE', `${name} of ${holding.symbol} is no decimal of at least 0`);
  }
  const { size: s, entryPrice: entry, markPrice: mark, stop: at, fees: paid, contractSize } = read as Record<string, Decimal>;
  if (!s || !entry || !mark || !at || !paid || !contractSize) throw new Error('a number was read and is not there');
  if (terms.kind === 'binary' && (entry.gt(1) || mark.gt(1))) return unknown('NUMBER_UNREADABLE', `the price of ${holding.symbol}, a binary, lies above 1`);
  return known({ size: s, entry, mark, stop: stop === null ? null : at, fees: paid, contractSize });
}

/** In the account's currency. Nothing is nothing at any rate, also at one that is not known. */
export function inAccountCurrency(amount: Decimal, currency: string, { rates, now, currency: account }: Valuation): Known<Decimal> {
  if (amount.isZero()) return known(new Exact(0));
  const way = conversion(currency, account, rates, now);
  return way.known ? known(rounded(amount.times(way.value.times).div(way.value.by))) : way;
}

/** The side of a market that is held, and what it cost each: selling `yes` at 0.60 is buying `no` at 0.40. */
export function binarySide({ symbol, outcome, direction }: Holding, { entry }: Numbers): Known<{ side: 'yes' | 'no'; price: Decimal }> {
  if (outcome === null) return unknown('OUTCOME_MISSING', `${symbol} is a binary: yes or no must be said`);
  if (direction === 'long') return known({ side: outcome, price: entry });
  return known({ side: outcome === 'yes' ? 'no' : 'yes', price: new Exact(1).minus(entry) });
}

/**
 * What is held, whole, without a sign: size × contract size × price × rate. Of a binary what was paid: size × contract
 * size × price + fees.
 */
export function notional(holding: Holding, valuation: Valuation): Known<Figure> {
  return figure(holding, valuation, (terms, numbers) => {
    if (terms.kind === 'binary') return binaryCost(holding, numbers, terms);
    return known({ amount: numbers.size.times(numbers.contractSize).times(numbers.mark), currency: terms.quoteCurrency });
  });
}

/**
 * What is lost at the stop: size × |entry − stop| ÷ tick size × tick value × rate of the tick value's currency.
 * Of a binary what was paid. Without a stop a share, a coin or an option that was bought can lose what it cost; for
 * anything else the loss has no bound, so it is unknown.
 */
export function riskToStop(holding: Holding, valuation: Valuation): Known<Figure> {
  return figure(holding, valuation, (terms, numbers) => {
    const { size, entry, stop, contractSize } = numbers;
    if (terms.kind === 'binary') return binaryCost(holding, numbers, terms);
    if (size.isZero()) return known({ amount: new Exact(0), currency: valuation.currency });
    if (stop === null) {
      const bounded = holding.direction === 'long' && ['stock', 'crypto', 'option'].includes(terms.kind);
      if (!bounded) return unknown('STOP_MISSING', `${holding.symbol} has no stop`);
      return known({ amount: size.times(contractSize).times(entry), currency: terms.quoteCurrency });
    }
    const [tickSize, tickValue] = [readable(terms.tickSize), readable(terms.tickValue)];
    if (!tickSize || tickSize.isZero() || !tickValue || tickValue.isZero()) return unknown('NUMBER_UNREADABLE', `the tick of ${holding.symbol} is no decimal above 0`);
    const amount = size.times(entry.minus(stop).abs()).times(tickValue).div(tickSize);
    return known({ amount, currency: terms.tickValueCurrency ?? valuation.currency });
  });
}

function binaryCost(holding: Holding, numbers: Numbers, { quoteCurrency }: FigureTerms): Known<{ amount: Decimal; currency: string }> {
  const held = binarySide(holding, numbers);
  if (!held.known) return held;
  return known({ amount: numbers.size.times(numbers.contractSize).times(held.value.price).plus(numbers.fees), currency: quoteCurrency });
}

function figure(
  holding: Holding, valuation: Valuation, make: (terms: FigureTerms, numbers: Numbers) => Known<{ amount: Decimal; currency: string }>,
): Known<Figure> {
  const used = termsOf(holding, valuation);
  if (!used.known) return used;
  const { terms, assumed } = used.value;
  const numbers = numbersOf(holding, terms);
  if (!numbers.known) return numbers;
  const made = make(terms, numbers.value);
  if (!made.known) return made;
  const amount = inAccountCurrency(made.value.amount, made.value.currency, valuation);
  return amount.known ? known({ amount: textOf(amount.value), assumed }) : amount;
}
