import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, MARKET, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { price } from './price.js';

const aged = (ageSeconds: string, maxPriceAgeSeconds: number | null = 10, mode: GateInput['mode'] = 'live') => gateInput({ mode, quote: { ageSeconds }, limits: [layer({ maxPriceAgeSeconds })] });
const off = (maxPriceDeviation: string | null, entryPrice: string) => gateInput({ idea: { entryPrice }, limits: [layer({ maxPriceDeviation })] });
const binary = (bid: string, ask: string, outcome: 'yes' | 'no') => gateInput({ idea: { symbol: 'KXRAIN-26', outcome }, instrument: { terms: MARKET }, quote: { bid, ask } });

describe('the price', () => {
  it.each<[string, GateInput, string]>([
    ['at the market', gateInput(), 'passed'],
    ['without a quote in live, even with an entry price', gateInput({ quote: null, idea: { entryPrice: '1.1' } }), 'rejected QUOTE_MISSING'],
    ['without a quote in paper', gateInput({ mode: 'paper', quote: null, idea: { entryPrice: '1.1' } }), 'assumed'],
    ['without any price in paper', gateInput({ mode: 'paper', quote: null }), 'rejected PRICE_MISSING'],
    ['NaN', gateInput({ idea: { entryPrice: 'NaN' } }), 'rejected PRICE_INVALID'],
    ['0', gateInput({ idea: { entryPrice: '0' } }), 'rejected PRICE_INVALID'],
    ['beside a quote that is crossed', gateInput({ quote: { bid: '1.2' } }), 'rejected QUOTE_INVALID'],
    ['beside a quote of nothing', gateInput({ quote: { bid: '0' } }), 'rejected QUOTE_INVALID'],
    ['beside a quote of no number', gateInput({ mode: 'paper', quote: { ask: 'NaN' } }), 'rejected QUOTE_INVALID'],
    ['at a quote exactly as old as allowed', aged('10'), 'passed'],
    ['at a quote a millisecond older', aged('10.001'), 'rejected QUOTE_STALE'],
    ['at a quote a millisecond older, in paper', aged('10.001', 10, 'paper'), 'rejected QUOTE_STALE'],
    ['at an old quote, with the limit off', aged('86400', null), 'passed'],
    ['at a quote of any age, with a limit of 0', aged('0.001', 0), 'rejected QUOTE_STALE'],
    ['at a quote of no known age, with the limit off', aged('NaN', null), 'rejected QUOTE_STALE'],
    ['as far from the ask as it may be: 1.1001 and 1 %', off('0.01', '1.111101'), 'passed'],
    ['a little further', off('0.01', '1.111102'), 'rejected PRICE_DEVIATION'],
    ['as far below', off('0.01', '1.089098'), 'rejected PRICE_DEVIATION'],
    ['ten times the quote, with the limit off', off(null, '11'), 'passed'],
    ['the ask itself, where nothing else is allowed', off('0', '1.1001'), 'passed'],
    ['next to it', off('0', '1.1002'), 'rejected PRICE_DEVIATION'],
    ['far off while the quote has not come into the range', gateInput({ limits: [layer({ maxPriceDeviation: '0.01' })], idea: { entryPrice: '1', entryRange: { low: '0.9', high: '1' } } }), 'passed'],
    ['outside its own range', gateInput({ idea: { entryPrice: '1.2', entryRange: { low: '1', high: '1.1' } } }), 'rejected PRICE_RANGE_INVALID'],
    ['of a range the wrong way round', gateInput({ idea: { entryRange: { low: '1.1', high: '1' } } }), 'rejected PRICE_RANGE_INVALID'],
    ['of a range of no numbers', gateInput({ idea: { entryRange: { low: 'NaN', high: '1' } } }), 'rejected PRICE_RANGE_INVALID'],
    ['of a binary', binary('0.60', '0.61', 'yes'), 'passed'],
    ['of a binary that costs all it can pay', binary('0.99', '1', 'yes'), 'rejected PRICE_INVALID'],
    ['of no, where yes is worth nothing any more', binary('0', '0.01', 'no'), 'rejected PRICE_INVALID'],
    ['of a binary above 1', binary('60', '61', 'yes'), 'rejected QUOTE_INVALID'],
    ['held against a limit of no number', gateInput({ limits: [layer({ maxPriceAgeSeconds: NaN })] }), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(price, input)).toBe(expected));
});
