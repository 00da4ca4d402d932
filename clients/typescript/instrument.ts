import { Decimal } from 'decimal.js';

/**
 * Prices are held as whole points, never as floats: one point is a tenth of a tick (EURUSD: 0.000001), because the
 * middle of two 5-digit quotes can lie half a tick between them. Integers add, compare and store exactly.
 */
export type Points = number;

export interface Instrument {
  symbol: string;
  /** Digits after the point that a quote has: 5 for EURUSD, 3 for USDJPY. */
  digits: number;
  /** Units in one lot: 100,000 for a currency pair, 1 for anything else. */
  contractSize: number;
  /** True when the account's currency (USD) is the first of the pair: profit then has to be divided by the rate. */
  usdIsBase: boolean;
  /** Points in one pip. */
  pipPoints: Points;
}

export const POINTS_PER_TICK = 10;
const CURRENCIES = new Set(['USD', 'EUR', 'GBP', 'JPY', 'CHF', 'AUD', 'NZD', 'CAD']);
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * The terms of a symbol. Only pairs with US dollars are known, because the paper account is in US dollars and there is
 * no second price to convert with; a symbol that is not a currency pair counts one unit a lot and is quoted in dollars.
 * @throws Error for a cross such as EURGBP.
 */
export function instrumentFor(symbol: string, priceHint = 1): Instrument {
  const name = symbol.toUpperCase();
  const [base, quote] = [name.slice(0, 3), name.slice(3)];
  if (name.length === 6 && CURRENCIES.has(base) && CURRENCIES.has(quote)) {
    if (base !== 'USD' && quote !== 'USD') {
      throw new Error(`${name} has no US dollar in it: its profit cannot be computed from its own price`);
    }
    const digits = quote === 'JPY' ? 3 : 5;
    return { symbol: name, digits, contractSize: 100_000, usdIsBase: base === 'USD', pipPoints: 100 };
  }
  if (!/^[A-Z0-9._-]{1,20}$/.test(name)) throw new Error(`"${symbol}" is not a symbol`);
  const digits = priceHint >= 1_000 ? 2 : priceHint >= 10 ? 3 : 5;
  return { symbol: name, digits, contractSize: 1, usdIsBase: false, pipPoints: 100 };
}

/**
 * A decimal text as whole points, rounded half-even: this is where the dust of a float (1.0182950000000002) goes.
 * @throws Error for anything that is not a finite decimal number.
 */
export function parsePoints(text: string, instrument: Instrument): Points {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) throw new Error(`"${trimmed}" is not a number`);
  const points = new Decimal(trimmed)
    .mul(new Decimal(10).pow(instrument.digits + 1))
    .toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN)
    .toNumber();
  if (!Number.isSafeInteger(points)) throw new Error(`"${trimmed}" is out of range`);
  return points;
}

/** Points as a decimal text with the instrument's digits, and more only where the price lies between two ticks. */
export function priceText(points: Decimal.Value, instrument: Instrument): string {
  const price = new Decimal(points).div(new Decimal(10).pow(instrument.digits + 1));
  return price.toFixed(Math.max(instrument.digits, price.decimalPlaces()));
}

/** A distance in pips, for people: "12.5". */
export function pipsText(points: Points, instrument: Instrument): string {
  return new Decimal(points).div(instrument.pipPoints).toFixed(1);
}

/** The bid and the ask around a middle price, each moved to the tick that is worse for whoever trades on it. */
export function quoteAround(middle: Points, spread: Points): { bid: Points; ask: Points } {
  const bid = Math.floor((2 * middle - spread) / (2 * POINTS_PER_TICK)) * POINTS_PER_TICK;
  const ask = Math.ceil((2 * middle + spread) / (2 * POINTS_PER_TICK)) * POINTS_PER_TICK;
  return { bid, ask };
}

/**
 * Profit of one exit in US dollars, exact and unrounded, before commission.
 * Long: (exit - entry) x lots x contract size; short: the reverse; divided by the exit price where USD is the base.
 */
export function profitOf(
  instrument: Instrument,
  direction: 'long' | 'short',
  lots: Decimal.Value,
  entry: Points,
  exit: Decimal.Value,
): Decimal {
  const gained = new Decimal(exit).minus(entry);
  const inQuote = (direction === 'long' ? gained : gained.negated())
    .div(new Decimal(10).pow(instrument.digits + 1))
    .mul(lots)
    .mul(instrument.contractSize);
  return instrument.usdIsBase ? inQuote.div(priceText(exit, instrument)) : inQuote;
}

/** Money as it is booked: whole cents, half to even. */
export function cents(amount: Decimal): Decimal {
  return amount.toDecimalPlaces(2, Decimal.ROUND_HALF_EVEN);
}
