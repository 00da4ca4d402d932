import { describe, expect, it } from '@jest/globals';
import { gateInput, MARKET, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { takeProfit } from './take-profit.js';

const to = (...targets: [string, string][]) => gateInput({ idea: { takeProfit: targets.map(([price, sizeFraction]) => ({ price, sizeFraction })) } });

describe('the take profits', () => {
  it.each<[string, GateInput, string]>([
    ['none', to(), 'skipped'],
    ['one for all', to(['1.115', '1']), 'passed'],
    ['thirds that sum to 1', to(['1.11', '0.333333333333333333'], ['1.12', '0.333333333333333333'], ['1.13', '0.333333333333333334']), 'passed'],
    ['that sum to a little less', to(['1.11', '0.333333333333333333'], ['1.12', '0.666666666666666666']), 'rejected TARGET_FRACTIONS'],
    ['that sum to more', to(['1.11', '0.5'], ['1.12', '0.51']), 'rejected TARGET_FRACTIONS'],
    ['that a double would sum to 1.1', to(['1.11', '0.7'], ['1.12', '0.1'], ['1.13', '0.2']), 'passed'],
    ['at the entry', to(['1.1001', '1']), 'rejected TARGET_WRONG_SIDE'],
    ['below a long', to(['1.12', '0.5'], ['1.09', '0.5']), 'rejected TARGET_WRONG_SIDE'],
    ['above a short', gateInput({ idea: { direction: 'short', stopLoss: '1.105' } }), 'rejected TARGET_WRONG_SIDE'],
    ['of nothing', to(['1.12', '1'], ['1.13', '0']), 'rejected TARGET_INVALID'],
    ['of more than all', to(['1.12', '1.1']), 'rejected TARGET_INVALID'],
    ['NaN', to(['NaN', '1']), 'rejected TARGET_INVALID'],
    ['of a binary', gateInput({ idea: { outcome: 'yes' }, instrument: { terms: MARKET } }), 'skipped'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(takeProfit, input)).toBe(expected));
});
