import { Exact } from '../common/decimal.js';
import { conversion } from '../instruments/rates.js';
import type { Bound, EffectiveLimits } from '../limits/effective-limits.js';
import type { Parameters } from './breaker-settings.js';
import { baselineOf, dailyLoss, drawdown, type InCurrency, type LossFacts, referenceOf } from './loss-figures.js';

/** How far a book is from where a loss breaker trips: decimal text in its account's currency. */
export interface LossFloor {
  name: 'day' | 'drawdown';
  /** `no_limit`: nobody set one. `unknown`: there is one, and `why` says what is missing. */
  status: 'known' | 'no_limit' | 'unknown';
  why: string | null;
  limit: string | null;
  floorEquity: string | null;
  moneyLeft: string | null;
}

type Sides = { facts: LossFacts; limits: EffectiveLimits; money: InCurrency };
type Kind = { name: LossFloor['name']; what: string; from: ReturnType<typeof baselineOf>; figure: ReturnType<typeof dailyLoss>; amounts: readonly Bound<string>[]; fractions: readonly Bound<string>[]; off: string | null };

/** The same figures as the breaker's: its loss and its limit, and the room between them. @param equity the book's, as the breaker takes it */
export function dayFloor({ facts, limits, money }: Sides, parameters: Parameters<'daily_loss'>): LossFloor {
  return floorOf({
    name: 'day', what: 'what the day is measured from', from: baselineOf(facts, parameters.baseline), figure: dailyLoss(facts, parameters, limits, money),
    amounts: limits.dailyLossLimitAmount, fractions: limits.dailyLossLimitFraction, off: null,
  }, facts, money);
}

export function drawdownFloor({ facts, limits, money }: Sides, parameters: Parameters<'drawdown'>): LossFloor {
  return floorOf({
    name: 'drawdown', what: 'what the drawdown is measured from', from: referenceOf(facts, parameters.reference), figure: drawdown(facts, parameters, limits, money),
    amounts: limits.maxDrawdownAmount, fractions: limits.maxDrawdownFraction, off: limits.haltOnDrawdown.some(({ value }) => value) ? null : 'haltOnDrawdown is false: nothing stops there',
  }, facts, money);
}

function floorOf({ name, what, from, figure, amounts, fractions, off }: Kind, facts: LossFacts, money: InCurrency): LossFloor {
  const none = (status: LossFloor['status'], why: string): LossFloor => ({ name, status, why, limit: null, floorEquity: null, moneyLeft: null });
  if (amounts.length + fractions.length === 0) return none('no_limit', 'no limit is set, for everybody or for the account');
  if (off !== null) return none('no_limit', off);
  if (facts.equity === null) return none('unknown', 'the equity is not known');
  if (from === null) return none('unknown', `${what} is not known`);
  // The breaker trips on those limits that it can read; what is shown as room must be so by all of them.
  const unread = amounts.map(({ currency }) => conversion(currency ?? money.currency, money.currency, money.rates, money.now)).find((way) => !way.known);
  if (unread && !unread.known) return none('unknown', `a limit cannot be turned into ${money.currency}: ${unread.reasons.map(({ detail }) => detail).join('; ')}`);
  if (figure === null) return none('unknown', `${what} is not above 0, so there is no fraction of it`);
  return {
    name, status: 'known', why: null, limit: figure.limit, floorEquity: from.minus(figure.limit).toFixed(), moneyLeft: new Exact(figure.limit).minus(figure.value).toFixed(),
  };
}
