import { reason, type Rule } from '../finding.js';
import { eachLimit, FIGURE_CODES, HOLDER_NAMES, shown, whose } from '../limits.js';
import { floorOf } from '../losses.js';

/** Amount and fraction each hold, so the tighter does. Reached is enough; at 0 nothing is allowed, on a winning day neither. */
export const dailyLoss: Rule = {
  name: 'daily_loss',
  codes: ['LOSS_DAILY', 'EQUITY_UNKNOWN', 'PROFIT_UNKNOWN', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, ['dailyLossLimitAmount', 'dailyLossLimitFraction'], (limit) => {
    const found = floorOf(facts, limit, 'daily loss');
    if ('checked' in found) return found.checked;
    const { base, standing, allowed, assumed } = found.floor;
    const loss = base.minus(standing);
    const actual = shown(loss);
    if (loss.lt(allowed) && !limit.value.isZero()) return { actual, assumed, reasons: [] };
    const { currency } = facts.valuation;
    return { actual, reasons: [reason('LOSS_DAILY', `${HOLDER_NAMES[limit.holder]} has lost ${actual} ${currency} today; ${limit.name} ${whose(limit)} lets it lose less than ${shown(allowed)} ${currency}.`, actual, shown(allowed))] };
  }),
};
