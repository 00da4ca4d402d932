import { Exact } from '../common/decimal.js';

/** A balance is often told before the fill that made it, and an agent that comes back tells its fills last. */
const PATIENCE_SECONDS = 60;
/** Brokers round each deal by itself. */
const ROUNDING = '0.01';
/** Of the opening balance: on an account in bitcoins a hundredth is money. */
const ROUNDING_FRACTION_MOST = '0.0001';

export interface Gap {
  /** Decimal text; null: a balance is not known. */
  unexplained: string | null;
  openingBalance: string | null;
  /** Deals of the day that moved money. */
  facts: number;
  mode: 'simulation' | 'paper' | 'live';
  /** Whether a trade of this book was ever told. */
  tellsTrades: boolean;
  /** How long it has been there; null: since now. */
  seconds: number | null;
  /** What was told to people, while that is not over. */
  told: { unexplained: string; acknowledged: boolean } | null;
  /** No agent may tell a fact of this day any more. */
  isPast: boolean;
}

/** `wait`: it may be explained any moment. `known`: told, and no other since. */
export type Verdict = 'explained' | 'wait' | 'tell' | 'known' | 'over';

/** A cent for each deal, and at least one; never more than a ten-thousandth of what the day began with. */
export function isExplained({ unexplained, openingBalance, facts }: Pick<Gap, 'unexplained' | 'openingBalance' | 'facts'>): boolean {
  if (unexplained === null) return true;
  const rounding = new Exact(ROUNDING).times(Math.max(facts, 1));
  return new Exact(unexplained).abs().lte(Exact.min(rounding, new Exact(openingBalance ?? 0).abs().times(ROUNDING_FRACTION_MOST)));
}

/**
 * What becomes of a balance that changed by more than was told of it. Where no real money is, an agent that never tells any
 * trade would be told of every day: an incident that is always there is read by nobody. The day's own figures say it anyway.
 */
export function verdictOf(gap: Gap): Verdict {
  if (isExplained(gap) || (gap.mode !== 'live' && !gap.tellsTrades)) return 'explained';
  if (gap.isPast && gap.told?.acknowledged) return 'over';
  if (gap.told !== null) return new Exact(gap.told.unexplained).eq(gap.unexplained ?? 0) ? 'known' : 'tell';
  return gap.seconds === null || gap.seconds < PATIENCE_SECONDS ? 'wait' : 'tell';
}
