import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';

/** One unit of `from` is worth `rate` of `to`. */
export interface Rate {
  from: string;
  to: string;
  /** A decimal above 0. */
  rate: string;
  /** RFC 3339. */
  asOf: string;
}

/** Why a figure is not known. */
export interface Reason {
  code: 'INSTRUMENT_UNKNOWN' | 'NUMBER_UNREADABLE' | 'CURRENCY_MISSING' | 'OUTCOME_MISSING' | 'STOP_MISSING' | 'RATE_MISSING' | 'RATE_STALE';
  detail: string;
}

/** A figure, or why there is none. Nothing that is not known ever becomes a number. */
export type Known<T> = { known: true; value: T } | { known: false; reasons: Reason[] };

/** As a fraction, so that nothing is rounded before the end: 15,000 yen at 150 a dollar are 100 dollars. */
export interface Conversion {
  times: Decimal;
  by: Decimal;
}

/** A rate of this age is too old (trading-rules 1.3). */
const RATE_SECONDS_MAX = 3_600;
/** A time further ahead is no time of now: usually broker time sent as UTC, and the rate hours old. */
const RATE_LEAD_SECONDS_MAX = 120;
/** What most rates are quoted against, in the order of trying. */
const BRIDGES = ['USD', 'EUR'];

const FORM = /^\d{1,20}(\.\d{1,18})?$/;

export const unknown = (code: Reason['code'], detail: string): { known: false; reasons: Reason[] } => ({ known: false, reasons: [{ code, detail }] });
export const known = <T>(value: T): Known<T> => ({ known: true, value });

/**
 * From one currency to another by given rates: direct, inverse, or over USD or EUR; the newest of several.
 * A rate that is missing, not above 0, an hour old, or more than 120 s ahead is none: the answer is unknown, never 1.
 * @param now RFC 3339
 */
export function conversion(from: string, to: string, rates: readonly Rate[], now: string): Known<Conversion> {
  if (from === to) return known({ times: new Exact(1), by: new Exact(1) });
  const fresh = rates.filter((rate) => isFresh(rate, now));
  const found = step(from, to, fresh) ?? BRIDGES.map((bridge) => over(bridge, from, to, fresh)).find((way) => way !== null);
  if (found) return known(found);
  const old = step(from, to, rates) ?? BRIDGES.map((bridge) => over(bridge, from, to, rates)).find((way) => way !== null);
  return old ? unknown('RATE_STALE', `the rate of ${from} in ${to} is an hour old or from the future`) : unknown('RATE_MISSING', `there is no rate of ${from} in ${to}`);
}

function isFresh({ asOf }: Rate, now: string): boolean {
  const ageMs = Date.parse(now) - Date.parse(asOf);
  // Also false for what is no time at all.
  return ageMs < RATE_SECONDS_MAX * 1_000 && ageMs >= -RATE_LEAD_SECONDS_MAX * 1_000;
}

function step(from: string, to: string, rates: readonly Rate[]): Conversion | null {
  const direct = newest(from, to, rates);
  if (direct) return { times: direct, by: new Exact(1) };
  const inverse = newest(to, from, rates);
  return inverse && { times: new Exact(1), by: inverse };
}

function over(bridge: string, from: string, to: string, rates: readonly Rate[]): Conversion | null {
  const [first, second] = [step(from, bridge, rates), step(bridge, to, rates)];
  return first && second && { times: first.times.times(second.times), by: first.by.times(second.by) };
}

function newest(from: string, to: string, rates: readonly Rate[]): Decimal | null {
  const these = rates.filter((rate) => rate.from === from && rate.to === to && FORM.test(rate.rate) && new Exact(rate.rate).gt(0));
  const last = these.reduce<Rate | null>((best, rate) => (best === null || Date.parse(rate.asOf) > Date.parse(best.asOf) ? rate : best), null);
  return last && new Exact(last.rate);
}
