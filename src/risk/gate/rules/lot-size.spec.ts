import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { lotSize } from './lot-size.js';

const at = (maxLotSize: string | null, testing: [string, string][] = [], lotSize = '0.1') =>
  gateInput({ idea: { lotSize }, limits: [layer({ maxLotSize })], testing: testing.map(([breaker, sizeFraction]) => ({ breaker, sizeFraction })) });

describe('maxLotSize', () => {
  it.each<[string, GateInput, string]>([
    ['reached', at('0.1'), 'passed'],
    ['exceeded', at('0.099'), 'rejected SIZE_LIMIT'],
    ['of an agent that may less', gateInput({ limits: [layer({ maxLotSize: '1' }), layer({ maxLotSize: '0.05' }, 'agent')] }), 'rejected SIZE_LIMIT'],
    ['off', at(null), 'off'],
    ['of 0: nothing is allowed', at('0'), 'rejected SIZE_LIMIT'],
    ['of no number', at('NaN'), 'rejected LIMIT_UNREADABLE'],
    ['reached in part, while a breaker tests', at('0.4', [['streak', '0.25']]), 'passed'],
    ['exceeded in part', at('0.39', [['streak', '0.25']]), 'rejected SIZE_TESTING'],
    ['of the strictest of two that test', at('0.4', [['streak', '0.5'], ['losses', '0.2']]), 'rejected SIZE_TESTING'],
    ['off while a breaker tests: the smallest size goes through', at(null, [['streak', '0.5']], '0.01'), 'passed'],
    ['off while a breaker tests: a larger does not', at(null, [['streak', '0.5']], '0.02'), 'rejected SIZE_TESTING'],
    ['times no number', at('1', [['streak', 'NaN']]), 'rejected NUMBER_UNREADABLE'],
    ['times more than 1', at('1', [['streak', '2']]), 'rejected NUMBER_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(lotSize, input)).toBe(expected));
});
