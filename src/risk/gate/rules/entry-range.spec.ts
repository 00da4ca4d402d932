import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { entryRange } from './entry-range.js';

const at = (low: string, high: string, direction: 'long' | 'short' = 'long') => gateInput({ idea: { direction, entryRange: { low, high } } });

describe('the entry range: the ask is 1.1001', () => {
  it.each<[string, GateInput, string]>([
    ['none', gateInput(), 'skipped'],
    ['that begins there', at('1.1001', '1.2'), 'passed'],
    ['that ends there', at('1', '1.1001'), 'passed'],
    ['that begins a little above', at('1.10011', '1.2'), 'waiting PRICE_OUTSIDE_RANGE'],
    ['that ends a little below', at('1', '1.10009'), 'waiting PRICE_OUTSIDE_RANGE'],
    ['of a short: the bid counts', at('1.1', '1.10009', 'short'), 'passed'],
    ['without a quote, in paper', gateInput({ mode: 'paper', quote: null, idea: { entryPrice: '1.1', entryRange: { low: '1', high: '1.2' } } }), 'assumed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(entryRange, input)).toBe(expected));
});
