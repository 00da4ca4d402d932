import type { Decimal } from 'decimal.js';
import { Exact } from '../../../common/decimal.js';
import { type Holding, notional } from '../../../instruments/figures.js';
import { signed } from '../facts.js';
import { passed, reason, rejected, type Rule, unknown } from '../finding.js';
import { FIGURE_CODES, shown, unknownFigure } from '../limits.js';

/**
 * What a broker lends is not known here, so what margin an opening takes is not either, except where all of it has to be
 * paid: binary contracts, bought options, CNC. There it is held against what is free, less what is promised already.
 */
export const margin: Rule = {
  name: 'margin',
  codes: ['MARGIN_UNKNOWN', 'MARGIN_SHORT', ...FIGURE_CODES],
  check(facts) {
    const { valuation, holding, input: { executor, book, idea } } = facts;
    const { currency } = valuation;
    const input = { marginFree: executor.marginFree, margin: executor.margin, required: null, currency };
    if (executor.marginFree === null) return unknown(facts, input, reason('MARGIN_UNKNOWN', 'The executor has not reported the free margin of its account.'));
    const free = signed(executor.marginFree);
    if (!free) return rejected(input, reason('MARGIN_UNKNOWN', 'The free margin that the executor reported is no number.', executor.marginFree));
    if (free.lte(0)) return rejected(input, reason('MARGIN_SHORT', `The account's free margin is ${shown(free)} ${currency}.`, shown(free), '0'));
    if (!holding || !paidInFull(holding, idea.product)) return passed(input);
    let required: Decimal = new Exact(0);
    for (const each of [holding, ...book.held.filter(({ kind, holding: reserved, product }) => kind === 'reservation' && paidInFull(reserved, product)).map(({ holding: reserved }) => ({ ...reserved, markPrice: null }))]) {
      const cost = notional(each, valuation);
      if (!cost.known) {
        const checked = unknownFigure(facts, 'What has to be paid', cost);
        return checked.reasons.length > 0 ? rejected(input, ...checked.reasons) : { outcome: 'assumed', reasons: [], input };
      }
      required = required.plus(cost.value.amount);
    }
    const whole = { ...input, required: shown(required) };
    if (required.lte(free)) return passed(whole);
    return rejected(whole, reason('MARGIN_SHORT', `${shown(required)} ${currency} have to be paid, with what is reserved; ${shown(free)} ${currency} are free.`, shown(required), shown(free)));
  },
};

const paidInFull = ({ terms, outcome, direction }: Holding, product: string | null): boolean =>
  product === 'CNC' || (terms === null ? outcome !== null : terms.kind === 'binary' || (terms.kind === 'option' && direction === 'long'));
