import { known } from '../../../instruments/rates.js';
import { reason, type Rule } from '../finding.js';
import { type Checked, eachLimit, FIGURE_CODES, HOLDER_NAMES, inLimitCurrency, shown, unknownFigure, whose } from '../limits.js';
import type { Reason } from '../verdict.js';

/** By currency, and by underlying. What makes a net smaller, or leaves it as it is, is let through even where too much is held. */
export const netExposure: Rule = {
  name: 'net_exposure',
  codes: ['EXPOSURE_NET', ...FIGURE_CODES],
  check: (facts) => eachLimit(facts, 'maxNetCurrencyExposureAmount', (limit): Checked => {
    const { nets, assumed } = facts.portfolio(limit.holder);
    if (!nets.known) return unknownFigure(facts, 'Net exposure', nets, limit);
    const reasons: Reason[] = [];
    let [most, of] = [known(limit.value.times(0)), ''];
    for (const { key, before, after } of nets.value) {
      const figure = inLimitCurrency(facts, known(after), limit);
      if (!figure.known) return unknownFigure(facts, 'Net exposure', figure, limit);
      if (figure.value.gt(most.known ? most.value : 0)) [most, of] = [figure, key];
      if (figure.value.lte(limit.value) || after.lte(before)) continue;
      reasons.push(reason('EXPOSURE_NET', `${HOLDER_NAMES[limit.holder]} would hold ${shown(figure.value)} ${limit.currency} of ${key} one way; maxNetCurrencyExposureAmount ${whose(limit)} is ${limit.text} ${limit.currency}.`, shown(figure.value), limit.text));
    }
    return { actual: most.known ? `${shown(most.value)}${of && ` of ${of}`}` : null, assumed, reasons };
  }),
};
