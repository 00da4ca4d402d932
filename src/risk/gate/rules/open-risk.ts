import { reason, type Rule } from '../finding.js';
import { eachLimit, FIGURE_CODES, HOLDER_NAMES, inLimitCurrency, shown, unknownFigure, whose } from '../limits.js';

export const openRisk: Rule = {
  name: 'open_risk',
  codes: ['EXPOSURE_RISK', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, 'maxOpenRiskAmount', (limit) => {
    const { openRisk: risk, assumed } = facts.portfolio(limit.holder);
    const figure = inLimitCurrency(facts, risk, limit);
    if (!figure.known) return unknownFigure(facts, 'Open risk', figure, limit);
    const actual = shown(figure.value);
    if (figure.value.lte(limit.value)) return { actual, assumed, reasons: [] };
    return { actual, reasons: [reason('EXPOSURE_RISK', `${HOLDER_NAMES[limit.holder]} would lose ${actual} ${limit.currency} if every stop were hit; maxOpenRiskAmount ${whose(limit)} is ${limit.text} ${limit.currency}.`, actual, limit.text)] };
  }),
};
