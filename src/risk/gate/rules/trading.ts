import { halted, passed, reason, type Rule } from '../finding.js';
import { switches, whose } from '../limits.js';

/** Somebody has to say true, and nobody false: silence enables nothing. */
export const trading: Rule = {
  name: 'trading',
  codes: ['TRADING_DISABLED'],
  check(facts) {
    const said = switches(facts, 'aiTradingEnabled');
    const against = said.find(({ value }) => value !== true);
    const input = Object.fromEntries(said.map(({ from, value }) => [from, value === true]));
    if (against) return halted(input, reason('TRADING_DISABLED', `aiTradingEnabled ${whose(against)} is false.`, null, 'false'));
    return said.length > 0 ? passed(input) : halted(input, reason('TRADING_DISABLED', 'Nobody has set aiTradingEnabled.'));
  },
};
