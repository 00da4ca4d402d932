import { Exact } from '../../common/decimal.js';
import type { ExitRules } from '../../strategies/strategies.schemas.js';
import type { Target } from '../../trades/trade-fields.js';

/** In the order in which they are asked: the first that fires is named. */
export const RULES = ['stop', 'trailing', 'probability_floor', 'momentum_spike', 'target', 'seconds_to_close', 'flat_by', 'max_holding'] as const;
export type Rule = (typeof RULES)[number];

/** A trade as rules see it. Decimals are text, times milliseconds since 1970. */
export interface Judged {
  direction: 'long' | 'short';
  /** Of a binary contract; null of anything else, or where nobody said. */
  outcome: 'yes' | 'no' | null;
  isBinary: boolean;
  product: string | null;
  entryPrice: string | null;
  entryAt: number | null;
  stopLoss: string | null;
  takeProfit: Target[] | null;
  /** The best and worst mark between entry and now, by the side on which it would be closed. */
  markHigh: string | null;
  markLow: string | null;
  entered: string;
  openSize: string;
  sizeStep: string | null;
  /** Expiry or settlement of its instrument. */
  closesAt: number | null;
}

export interface Mark {
  quotedAt: number;
  /** When it was told. */
  recordedAt: number;
  bid: string;
  ask: string;
  probability: string | null;
  momentum: string | null;
}

export type Why = 'NO_MARKS' | 'MARKS_STALE' | 'SPREAD_WIDE' | 'ENTRY_UNKNOWN' | 'CLOSES_AT_UNKNOWN' | 'NO_PROBABILITY' | 'NO_MOMENTUM' | 'BEST_PRICE_UNKNOWN';

export type Verdict =
  | { is: 'hold' }
  /** So it looks, and has not been confirmed yet. @property since milliseconds since 1970 */
  | { is: 'pending'; since: number }
  /** @property size null: all that is open @property step of a rule that fires more than once */
  | { is: 'fire'; detail: Record<string, unknown>; size?: string; step?: number }
  | { is: 'unknown'; why: Why };

/** Null: the trade is not under this rule. @param marks in the order of their times, the newest last @param now milliseconds since 1970 */
export type Evaluator = (trade: Judged, rules: ExitRules, marks: readonly Mark[], now: number) => Verdict | null;

export const HOLD: Verdict = { is: 'hold' };
export const unknown = (why: Why): Verdict => ({ is: 'unknown', why });

/** A mark that is older says nothing of now, neither good nor bad. */
export const STALE_SECONDS = 10;

/** By the worse of its own time and of when it came. */
export const isStale = ({ quotedAt, recordedAt }: Mark, now: number): boolean => now - Math.min(quotedAt, recordedAt) > STALE_SECONDS * 1_000;

/** What a long is sold at, and a short bought back at. */
export const exitSide = (direction: 'long' | 'short') => (direction === 'long' ? ({ bid }: Mark) => bid : ({ ask }: Mark) => ask);

/** Whether a price is so low (for a long) or so high (for a short). */
export const atOrWorse = (direction: 'long' | 'short', price: string, than: string): boolean => (direction === 'long' ? new Exact(price).lte(than) : new Exact(price).gte(than));
export const atOrBetter = (direction: 'long' | 'short', price: string, than: string): boolean => (direction === 'long' ? new Exact(price).gte(than) : new Exact(price).lte(than));
