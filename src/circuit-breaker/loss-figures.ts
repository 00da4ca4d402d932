import type { Decimal } from 'decimal.js';
import { Exact } from '../common/decimal.js';
import { conversion, type Rate } from '../instruments/rates.js';
import type { Bound, EffectiveLimits } from '../limits/effective-limits.js';
import type { Parameters } from './breaker-settings.js';
import type { Figure } from './verdict.js';

/** Of a book, in its account's currency; decimal text, null: nobody knows. */
export interface LossFacts {
  equity: string | null;
  openingEquity: string | null;
  openingBalance: string | null;
  /** Net deposits since the rollover. */
  flowsToday: string;
  /** The account's initial balance with all that came in and went out since. */
  initial: string | null;
  /** With what came in and went out since; after a reset of those reached since then. */
  peakEquity: string | null;
  peakDayEndBalance: string | null;
  /** What it had when the breaker was reset, with what came in and went out since. */
  sinceReset: string | null;
  /** The breaker was reset since the rollover, or ever. */
  resetToday: boolean;
  wasReset: boolean;
}

/** What amounts in other currencies are worth in the account's. */
export interface InCurrency {
  currency: string;
  rates: readonly Rate[];
  now: string;
}

const highest = (...figures: (string | null)[]): Decimal | null => {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? null : Exact.max(...known);
};

/** What the day is measured from, net deposits taken in. */
export function baselineOf(facts: LossFacts, baseline: Parameters<'daily_loss'>['baseline']): Decimal | null {
  // A reset begins the day anew: from what there was then.
  if (facts.resetToday && facts.sinceReset !== null) return new Exact(facts.sinceReset);
  if (baseline === 'initial') return facts.initial === null ? null : new Exact(facts.initial);
  const opening = baseline === 'balance' ? highest(facts.openingBalance) : baseline === 'equity' ? highest(facts.openingEquity) : highest(facts.openingBalance, facts.openingEquity);
  return opening && opening.plus(facts.flowsToday);
}

/** Null: there is no limit, or nobody knows what was lost. A gain is a loss below 0. */
export function dailyLoss(facts: LossFacts, { baseline }: Parameters<'daily_loss'>, limits: EffectiveLimits, money: InCurrency): Figure | null {
  const from = baselineOf(facts, baseline);
  if (from === null || facts.equity === null) return null;
  const limit = tightest(amounts(limits.dailyLossLimitAmount, money), fractionsOf(limits.dailyLossLimitFraction, from));
  return limit && { value: from.minus(facts.equity).toFixed(), limit: limit.toFixed(), samples: null };
}

export function dailyTarget(facts: LossFacts, { baseline }: Parameters<'daily_target'>, limits: EffectiveLimits, money: InCurrency): Figure | null {
  const from = baselineOf(facts, baseline);
  if (from === null || facts.equity === null || !limits.stopAfterTarget.some(({ value }) => value)) return null;
  const limit = tightest(amounts(limits.dailyProfitTarget, money));
  return limit && { value: new Exact(facts.equity).minus(from).toFixed(), limit: limit.toFixed(), samples: null };
}

/** What drawdown is measured from. */
export function referenceOf(facts: LossFacts, reference: Parameters<'drawdown'>['reference']): Decimal | null {
  const began = facts.wasReset ? facts.sinceReset : facts.initial;
  if (reference === 'initial') return highest(began);
  if (reference === 'peak_equity') return highest(began, facts.peakEquity, began === null && facts.peakEquity === null ? facts.openingEquity : null);
  return highest(began, facts.peakDayEndBalance, began === null && facts.peakDayEndBalance === null ? facts.openingBalance : null);
}

export function drawdown(facts: LossFacts, { reference, lockAtInitial }: Parameters<'drawdown'>, limits: EffectiveLimits, money: InCurrency): Figure | null {
  const from = referenceOf(facts, reference);
  if (from === null || facts.equity === null || !limits.haltOnDrawdown.some(({ value }) => value)) return null;
  const limit = tightest(amounts(limits.maxDrawdownAmount, money), fractionsOf(limits.maxDrawdownFraction, from));
  if (limit === null) return null;
  // The floor follows the reference up to the initial balance and stays there.
  const floor = from.minus(limit);
  const locked = lockAtInitial && facts.initial !== null ? Exact.min(floor, facts.initial) : floor;
  return { value: from.minus(facts.equity).toFixed(), limit: from.minus(locked).toFixed(), samples: null };
}

/** Those whose rate nobody knows are left out: the gate refuses for want of them, and a breaker trips on what is known. */
function amounts(bounds: readonly Bound<string>[], { currency, rates, now }: InCurrency): Decimal[] {
  return bounds.flatMap((bound) => {
    const rate = conversion(bound.currency ?? currency, currency, rates, now);
    return rate.known ? [new Exact(bound.value).times(rate.value.times).div(rate.value.by)] : [];
  });
}

/** Of nothing there is no fraction: an account that began with 0 would trip before it has lost anything. In live the gate refuses it. */
const fractionsOf = (bounds: readonly Bound<string>[], of: Decimal): Decimal[] => (of.gt(0) ? bounds.map(({ value }) => of.times(value)) : []);
const tightest = (...limits: Decimal[][]): Decimal | null => {
  const all = limits.flat();
  return all.length === 0 ? null : Exact.min(...all);
};
