import { PRODUCTS } from '../../../instruments/terms.js';
import { reason, type Rule, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

export const instrument: Rule = {
  name: 'instrument',
  codes: ['INSTRUMENT_UNKNOWN', 'PRODUCT_UNKNOWN', 'PRODUCT_CNC_SHORT', 'OUTCOME_MISSING', 'OUTCOME_UNEXPECTED'],
  check({ key, live, binary, input: { idea, instrument: { terms, productUnknown } } }) {
    const reasons: Reason[] = [];
    if (terms === null && live) reasons.push(reason('INSTRUMENT_UNKNOWN', `${key} is not in the account's list of instruments.`, key));
    if (productUnknown || (idea.product !== null && !(PRODUCTS as readonly string[]).includes(idea.product))) {
      reasons.push(reason('PRODUCT_UNKNOWN', `The account does not know ${key} under the product ${idea.product ?? 'none'}.`, idea.product));
    }
    if (idea.product === 'CNC' && idea.direction === 'short') reasons.push(reason('PRODUCT_CNC_SHORT', 'CNC cannot open short: it delivers what is bought.', 'short', 'long'));
    if (binary && idea.outcome === null) reasons.push(reason('OUTCOME_MISSING', `${key} is a binary contract: yes or no must be said.`));
    if (!binary && idea.outcome !== null) reasons.push(reason('OUTCOME_UNEXPECTED', `${key} is no binary contract, so it has no outcome.`, idea.outcome));
    return verdictOf({ symbol: key, kind: terms?.kind ?? null, product: idea.product, direction: idea.direction, outcome: idea.outcome }, reasons, terms === null);
  },
};
