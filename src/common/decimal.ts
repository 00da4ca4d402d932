import { Decimal } from 'decimal.js';

/** 60 digits: sums of many exact products never round. Never written in exponent form. */
export const Exact = Decimal.clone({ precision: 60, toExpNeg: -100, toExpPos: 100, rounding: Decimal.ROUND_HALF_EVEN });

/** Digits behind the point: as many as prices, and their columns, may have. */
export const DECIMAL_PLACES_MAX = 18;

export const sumOf = (values: (string | null | undefined)[]): string =>
  values.reduce<Decimal>((total, value) => total.plus(value ?? 0), new Exact(0)).toFixed();

/**
 * Which of two decimals is larger: above 0 the first, below 0 the second, 0 neither. As text without sign, as `decimal()` gives
 * what is not below 0: compared by its digits, in a tenth of the time.
 */
export function compareUnsigned(one: string, other: string): number {
  // As prices of one instrument mostly are: of one length, with the point in one place.
  if (one.length === other.length && one.indexOf('.') === other.indexOf('.')) return one === other ? 0 : one > other ? 1 : -1;
  const [whole = '', behind = ''] = one.split('.');
  const [otherWhole = '', otherBehind = ''] = other.split('.');
  if (whole.length !== otherWhole.length) return whole.length - otherWhole.length;
  const [a, b] = [whole + behind, otherWhole + otherBehind];
  return a === b ? 0 : a > b ? 1 : -1;
}
