import { reason, type Rule } from '../finding.js';
import { type Checked, eachLimit, FIGURE_CODES, type Limit, shown, unknownFigure, whose } from '../limits.js';
import { floorOf } from '../losses.js';

const NAMES = ['dailyLossLimitAmount', 'dailyLossLimitFraction', 'maxDrawdownAmount', 'maxDrawdownFraction'] as const;

/** What is left when every stop is hit, this one too, still lies at or above each floor. */
export const lossHeadroom: Rule = {
  name: 'loss_headroom',
  codes: ['LOSS_HEADROOM', 'EQUITY_UNKNOWN', 'PROFIT_UNKNOWN', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, NAMES, (limit: Limit): Checked => {
    const what = limit.name.startsWith('daily') ? 'daily loss' : 'drawdown';
    const found = floorOf(facts, limit, what);
    if ('checked' in found) return found.checked;
    const { base, standing, allowed } = found.floor;
    const { atStake, assumed } = facts.portfolio(what === 'drawdown' ? 'account' : limit.holder);
    if (!atStake.known) return unknownFigure(facts, 'What is lost when every stop is hit', atStake, limit);
    const [left, floor] = [standing.minus(atStake.value), base.minus(allowed)];
    const actual = shown(left);
    if (left.gte(floor)) return { actual, assumed: assumed || found.floor.assumed, reasons: [] };
    const { currency } = facts.valuation;
    return { actual, reasons: [reason('LOSS_HEADROOM', `If every stop were hit, ${shown(atStake.value)} ${currency} would be lost and ${actual} ${currency} left; ${limit.name} ${whose(limit)} puts the floor of the ${what} at ${shown(floor)} ${currency}.`, actual, shown(floor))] };
  }),
};
