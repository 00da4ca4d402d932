import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, MARKET, outcomeOf, strategyFacts } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { reward } from './reward.js';

// From the ask, 1.1001, to 1.0975: a risk of 0.0026.
const to = (price: string, sizeFraction: string) => ({ stopLoss: '1.0975', takeProfit: [{ price, sizeFraction }] });
const at = (minRewardToRisk: string | null, idea: Partial<GateInput['idea']>) => gateInput({ idea, limits: [layer({ minRewardToRisk })] });

describe('reward to risk', () => {
  it.each<[string, GateInput, string]>([
    ['at the least', at('2', to('1.1053', '1')), 'passed'],
    ['a little below', at('2', to('1.10529', '1')), 'rejected REWARD_LOW'],
    ['off', at(null, to('1.1002', '1')), 'off'],
    ['of 0: it asks for nothing', at('0', { takeProfit: [] }), 'passed'],
    ['weighted by size: half at 1, half at 3', at('2', { entryPrice: '1.1', stopLoss: '1.09', takeProfit: [{ price: '1.11', sizeFraction: '0.5' }, { price: '1.13', sizeFraction: '0.5' }] }), 'passed'],
    ['weighted by size: most at 1, little at 3', at('2', { entryPrice: '1.1', stopLoss: '1.09', takeProfit: [{ price: '1.11', sizeFraction: '0.51' }, { price: '1.13', sizeFraction: '0.49' }] }), 'rejected REWARD_LOW'],
    ['of a short', at('2', { direction: 'short', entryPrice: '1.1', stopLoss: '1.105', takeProfit: [{ price: '1.09', sizeFraction: '1' }] }), 'passed'],
    ['without a take profit', at('2', { takeProfit: [] }), 'rejected REWARD_UNKNOWN'],
    ['without a stop', at('2', { stopLoss: null }), 'rejected REWARD_UNKNOWN'],
    ['of a strategy that asks for more', gateInput({ limits: [layer({ minRewardToRisk: '2' }), layer({ minRewardToRisk: '3' }, 'strategy')] }), 'rejected REWARD_LOW'],
    ['below what a strategy expects: that is no limit', gateInput({ strategy: strategyFacts({ rrExpectation: '10' }), limits: [layer({ minRewardToRisk: '2' })] }), 'passed'],
    ['of a binary', gateInput({ idea: { outcome: 'yes' }, instrument: { terms: MARKET }, limits: [layer({ minRewardToRisk: '2' })] }), 'skipped'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(reward, input)).toBe(expected));
});
