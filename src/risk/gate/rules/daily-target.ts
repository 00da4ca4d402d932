import { known } from '../../../instruments/rates.js';
import { signed } from '../facts.js';
import { off, reason, type Rule } from '../finding.js';
import { eachLimit, FIGURE_CODES, HOLDER_NAMES, inLimitCurrency, shown, switches, unknownFigure, whose } from '../limits.js';
import { equityOf, missing } from '../losses.js';

/** Off while stopAfterTarget is false everywhere: then a target is only something to look at. */
export const dailyTarget: Rule = {
  name: 'daily_target',
  codes: ['TARGET_REACHED', 'EQUITY_UNKNOWN', 'PROFIT_UNKNOWN', ...FIGURE_CODES],
  check(facts) {
    const said = switches(facts, 'stopAfterTarget');
    if (said.length > 0 && said.every(({ value }) => value === false)) return off({ stopAfterTarget: false });
    return eachLimit(facts, 'dailyProfitTarget', (limit) => {
      const { losses } = facts.input;
      const [equity, baseline] = [equityOf(facts), signed(losses.dayBaseline)];
      const ofAccount = limit.holder === 'account';
      const profit = limit.holder !== 'account' ? signed(losses.profitToday[limit.holder]) : equity && baseline && equity.minus(baseline);
      if (!profit) return missing(facts, limit, ofAccount ? 'equity' : 'profit', 'daily target');
      const figure = inLimitCurrency(facts, known(profit), limit);
      if (!figure.known) return unknownFigure(facts, "The day's profit", figure, limit);
      const actual = shown(figure.value);
      if (figure.value.lt(limit.value) && !limit.value.isZero()) return { actual, assumed: ofAccount && losses.equityAssumed, reasons: [] };
      return { actual, reasons: [reason('TARGET_REACHED', `${HOLDER_NAMES[limit.holder]} has won ${actual} ${limit.currency} today; dailyProfitTarget ${whose(limit)} is ${limit.text} ${limit.currency}.`, actual, limit.text)] };
    });
  },
};
