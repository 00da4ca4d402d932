import { type Rule, reason } from '../finding.js';
import { eachLimit, FIGURE_CODES, HOLDER_NAMES, inLimitCurrency, shown, unknownFigure, whose } from '../limits.js';

export const grossExposure: Rule = {
  name: 'gross_exposure',
  codes: ['EXPOSURE_GROSS', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, 'maxGrossExposureAmount', (limit) => {
    const { gross, assumed } = facts.portfolio(limit.holder);
    const figure = inLimitCurrency(facts, gross, limit);
    if (!figure.known) return unknownFigure(facts, 'Gross exposure', figure, limit);
    const actual = shown(figure.value);
    if (figure.value.lte(limit.value)) return { actual, assumed, reasons: [] };
    return { actual, reasons: [reason('EXPOSURE_GROSS', `${HOLDER_NAMES[limit.holder]} would hold ${actual} ${limit.currency}; maxGrossExposureAmount ${whose(limit)} is ${limit.text} ${limit.currency}.`, actual, limit.text)] };
  }),
};
