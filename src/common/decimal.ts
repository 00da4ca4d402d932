import { Decimal } from 'decimal.js';

/** 60 digits: sums of many exact products never round. Never written in exponent form. */
export const Exact = Decimal.clone({ precision: 60, toExpNeg: -100, toExpPos: 100, rounding: Decimal.ROUND_HALF_EVEN });

export const sumOf = (values: (string | null | undefined)[]): string =>
  values.reduce<Decimal>((total, value) => total.plus(value ?? 0), new Exact(0)).toFixed();
