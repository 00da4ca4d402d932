import { notional, riskToStop } from '../../../instruments/figures.js';
import { reason, rejected, type Rule, verdictOf } from '../finding.js';
import { FIGURE_CODES, unknownFigure } from '../limits.js';

/** What the idea is worth and risks, in the account's currency. In live both are known, or it is not carried out, whatever is limited. */
export const value: Rule = {
  name: 'value',
  codes: FIGURE_CODES,
  check(facts) {
    const { holding, valuation } = facts;
    const currency = valuation.currency;
    if (!holding) return rejected({ currency, notional: null, risk: null }, reason('PRICE_MISSING', 'Without a price nobody knows what the idea is worth.'));
    const [worth, risk] = [notional(holding, valuation), riskToStop(holding, valuation)];
    const checked = [worth, risk].flatMap((figure) => (figure.known ? [] : [unknownFigure(facts, figure === worth ? 'What the idea is worth' : 'What the idea risks', figure)]));
    const input = { currency, notional: worth.known ? worth.value.amount : null, risk: risk.known ? risk.value.amount : null };
    return verdictOf(input, checked.flatMap(({ reasons }) => reasons), checked.length > 0 || (worth.known && worth.value.assumed));
  },
};
