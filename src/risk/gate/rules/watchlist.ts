import { needsApproval, off, passed, reason, type Rule } from '../finding.js';
import { switches } from '../limits.js';

/** The symbols of the agent that proposes, else of the strategy; where neither names any, there is no watchlist. */
export const watchlist: Rule = {
  name: 'watchlist',
  codes: ['WATCHLIST_OFF'],
  check(facts) {
    const { key, input: { idea, executor, proposer, strategy } } = facts;
    const own = (proposer ?? executor).symbols;
    const list = own.length > 0 ? own : (strategy?.allowedSymbols ?? []);
    const said = switches(facts, 'allowOffWatchlistAutotrade');
    const allowed = said.length > 0 && said.every(({ value }) => value === true);
    const input = { symbol: key, of: own.length > 0 ? 'agent' : 'strategy', symbols: list.length, allowOffWatchlistAutotrade: allowed, approved: idea.approved };
    if (list.length === 0) return off(input);
    if (list.includes(key) || allowed || idea.approved === true) return passed(input);
    return needsApproval(input, reason('WATCHLIST_OFF', `${key} is not on the watchlist of the ${own.length > 0 ? 'agent' : 'strategy'}.`, key));
  },
};
