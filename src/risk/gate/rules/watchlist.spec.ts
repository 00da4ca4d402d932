import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, OTHER, outcomeOf, strategyFacts } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { watchlist } from './watchlist.js';

describe('the watchlist', () => {
  it.each<[string, GateInput, string]>([
    ['none', gateInput(), 'off'],
    ['with the symbol', gateInput({ executor: { symbols: ['EURUSD'] } }), 'passed'],
    ['without it', gateInput({ executor: { symbols: ['GBPUSD'] } }), 'needs_approval WATCHLIST_OFF'],
    ['without it, approved', gateInput({ executor: { symbols: ['GBPUSD'] }, idea: { approved: true } }), 'passed'],
    ['without it, where that is allowed', gateInput({ executor: { symbols: ['GBPUSD'] }, limits: [layer({ allowOffWatchlistAutotrade: true })] }), 'passed'],
    ['without it, where that is allowed, and not to this agent', gateInput({ executor: { symbols: ['GBPUSD'] }, limits: [layer({ allowOffWatchlistAutotrade: true }), layer({ allowOffWatchlistAutotrade: false }, 'agent')] }), 'needs_approval WATCHLIST_OFF'],
    ['of the strategy, where the agent has none', gateInput({ strategy: strategyFacts({ allowedSymbols: ['GBPUSD'] }) }), 'needs_approval WATCHLIST_OFF'],
    ['of the agent before that of the strategy', gateInput({ executor: { symbols: ['GBPUSD'] }, strategy: strategyFacts({ allowedSymbols: ['EURUSD'] }) }), 'needs_approval WATCHLIST_OFF'],
    ['of the proposer before that of the executor', gateInput({ proposer: { id: OTHER, retired: false, symbols: ['EURUSD'] }, executor: { symbols: ['GBPUSD'] } }), 'passed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(watchlist, input)).toBe(expected));
});
