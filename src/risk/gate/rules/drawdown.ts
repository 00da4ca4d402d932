import { reason, type Rule } from '../finding.js';
import { eachLimit, FIGURE_CODES, shown, whose } from '../limits.js';
import { floorOf } from '../losses.js';

/**
 * The account's, whoever limits it. Refuses whether or not haltOnDrawdown is set: that says whether a circuit breaker makes
 * a halt of it, which stays when equity comes back; a limit that is reached lets nothing open either way.
 */
export const drawdown: Rule = {
  name: 'drawdown',
  codes: ['LOSS_DRAWDOWN', 'EQUITY_UNKNOWN', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, ['maxDrawdownAmount', 'maxDrawdownFraction'], (limit) => {
    const found = floorOf(facts, limit, 'drawdown');
    if ('checked' in found) return found.checked;
    const { base, standing, allowed, assumed } = found.floor;
    const loss = base.minus(standing);
    const actual = shown(loss);
    if (loss.lt(allowed) && !limit.value.isZero()) return { actual, assumed, reasons: [] };
    const { currency } = facts.valuation;
    return { actual, reasons: [reason('LOSS_DRAWDOWN', `The account is ${actual} ${currency} below ${shown(base)} ${currency}; ${limit.name} ${whose(limit)} lets it fall by less than ${shown(allowed)} ${currency}.`, actual, shown(allowed))] };
  }),
};
