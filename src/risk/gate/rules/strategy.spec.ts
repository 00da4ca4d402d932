import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf, strategyFacts } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { strategy } from './strategy.js';

describe('the strategy', () => {
  it.each<[string, GateInput, string]>([
    ['none', gateInput(), 'skipped'],
    ['that allows any symbol', gateInput({ strategy: strategyFacts() }), 'passed'],
    ['retired', gateInput({ strategy: strategyFacts({ retired: true }) }), 'rejected STRATEGY_RETIRED'],
    ['switched off', gateInput({ strategy: strategyFacts({ isActive: false }) }), 'rejected STRATEGY_INACTIVE'],
    ['that allows the symbol', gateInput({ strategy: strategyFacts({ allowedSymbols: ['EURUSD'] }) }), 'passed'],
    ['that allows another', gateInput({ strategy: strategyFacts({ allowedSymbols: ['GBPUSD'] }) }), 'rejected STRATEGY_SYMBOL'],
    ['that allows the symbol over the counter, not at this exchange', gateInput({ idea: { symbol: 'USDINR', exchange: 'NSE' }, strategy: strategyFacts({ allowedSymbols: ['USDINR'] }) }), 'rejected STRATEGY_SYMBOL'],
    ['that allows it at this exchange', gateInput({ idea: { symbol: 'USDINR', exchange: 'NSE' }, strategy: strategyFacts({ allowedSymbols: ['NSE:USDINR'] }) }), 'passed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(strategy, input)).toBe(expected));
});
