import { reason, type Rule, skipped, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

export const strategy: Rule = {
  name: 'strategy',
  codes: ['STRATEGY_RETIRED', 'STRATEGY_INACTIVE', 'STRATEGY_SYMBOL'],
  check({ key, input: { strategy: it } }) {
    if (it === null) return skipped();
    const reasons: Reason[] = [];
    if (it.retired) reasons.push(reason('STRATEGY_RETIRED', `The strategy ${it.name} is retired.`));
    if (it.isActive !== true) reasons.push(reason('STRATEGY_INACTIVE', `The strategy ${it.name} is switched off.`, 'false', 'true'));
    if (it.allowedSymbols && !it.allowedSymbols.includes(key)) reasons.push(reason('STRATEGY_SYMBOL', `The strategy ${it.name} does not allow ${key}.`, key));
    return verdictOf({ strategy: it.id, version: it.version, symbol: key, allowedSymbols: it.allowedSymbols?.length ?? null }, reasons);
  },
};
