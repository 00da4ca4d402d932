import type { Decimal } from 'decimal.js';
import { Exact } from '../../common/decimal.js';
import { conversion, known, type Known } from '../../instruments/rates.js';
import { type Facts, signed } from './facts.js';
import { reason } from './finding.js';
import { type Checked, type Limit, unknownFigure } from './limits.js';

/** In the account's currency: what may be lost from a base, and where things stand. */
export interface Floor {
  base: Decimal;
  standing: Decimal;
  /** At most this much below the base. */
  allowed: Decimal;
  /** Outside live nobody reported the equity: it was made up from deals. */
  assumed: boolean;
}

export type FloorFound = { floor: Floor } | { checked: Checked };

/**
 * Of a day, an account stands at its equity and began at its baseline; an agent or a strategy stands at the profit of its
 * trades and began at 0. Drawdown is the account's, whoever limits it. A fraction is one of the account's base.
 */
export function floorOf(facts: Facts, limit: Limit, what: 'daily loss' | 'drawdown'): FloorFound {
  const { losses } = facts.input;
  const ofAccount = what === 'drawdown' || limit.holder === 'account';
  const reference = signed(what === 'drawdown' ? losses.drawdownReference : losses.dayBaseline);
  const standing = ofAccount ? equityOf(facts) : signed(losses.profitToday[limit.holder === 'agent' ? 'agent' : 'strategy']);
  const isFraction = limit.name.endsWith('Fraction');
  const base = ofAccount ? reference : new Exact(0);
  if (!standing || !base || (isFraction && !reference?.gt(0))) return { checked: missing(facts, limit, ofAccount || standing !== null ? 'equity' : 'profit', what) };
  const allowed = isFraction ? known(limit.value.times(reference as Decimal)) : inAccountCurrency(facts, limit);
  if (!allowed.known) return { checked: unknownFigure(facts, `The limit of the ${what}`, allowed, limit) };
  return { floor: { base: what === 'drawdown' ? lockedBase(facts, base, allowed.value) : base, standing, allowed: allowed.value, assumed: ofAccount && losses.equityAssumed } };
}

/** A floor that has come up to where it is locked stays there, however much higher the reference goes. */
function lockedBase({ input: { losses } }: Facts, base: Decimal, allowed: Decimal): Decimal {
  const lockedAt = signed(losses.drawdownLockedAt);
  return lockedAt ? Exact.min(base, lockedAt.plus(allowed)) : base;
}

/** An assumed one is none in live. */
export const equityOf = ({ live, input: { losses } }: Facts): Decimal | null => (live && losses.equityAssumed ? null : signed(losses.equity));

function inAccountCurrency({ valuation }: Facts, { value, currency }: Limit): Known<Decimal> {
  if (value.isZero()) return known(value);
  const way = conversion(currency, valuation.currency, valuation.rates, valuation.now);
  return way.known ? known(value.times(way.value.times).div(way.value.by)) : way;
}

/** Outside live what nobody told is assumed to be well; what was told and is no number is not. */
export function missing(facts: Facts, limit: Limit, which: 'equity' | 'profit', what: string): Checked {
  const { live, input: { losses } } = facts;
  const told = which === 'profit' ? [losses.profitToday[limit.holder === 'agent' ? 'agent' : 'strategy']] : [losses.equity, what === 'drawdown' ? losses.drawdownReference : losses.dayBaseline];
  const assumed = !live && told.every((text) => text === null || signed(text) !== null) && told.includes(null) && !limit.value.isZero();
  const message = which === 'profit' ? `What the trades of the ${limit.holder} came to today is not known` : "The account's equity, or what its loss is measured from, is not known";
  return { actual: null, assumed, reasons: assumed ? [] : [reason(which === 'profit' ? 'PROFIT_UNKNOWN' : 'EQUITY_UNKNOWN', `${message}, so ${limit.name} cannot be held: no figure for the ${what}.`, null, limit.text)] };
}
