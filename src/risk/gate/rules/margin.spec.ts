import { describe, expect, it } from '@jest/globals';
import { gateInput, held, MARKET, outcomeOf, SHARE } from '../../../../test/support/gate-input.js';
import type { GateInput, Held } from '../gate-input.js';
import { margin } from './margin.js';

// 10 at 0.60.
const yes = (marginFree: string, holdings: Held[] = []) => gateInput({
  idea: { symbol: 'KXRAIN-26', outcome: 'yes', lotSize: '10', stopLoss: null }, instrument: { terms: MARKET }, quote: { bid: '0.59', ask: '0.6' }, executor: { marginFree }, book: { held: holdings },
});

describe('the free margin', () => {
  it.each<[string, GateInput, string]>([
    ['some', gateInput({ executor: { marginFree: '0.01' } }), 'passed'],
    ['none', gateInput({ executor: { marginFree: '0' } }), 'rejected MARGIN_SHORT'],
    ['less than none', gateInput({ executor: { marginFree: '-1' } }), 'rejected MARGIN_SHORT'],
    ['unknown', gateInput({ executor: { marginFree: null } }), 'rejected MARGIN_UNKNOWN'],
    ['unknown in paper', gateInput({ mode: 'paper', executor: { marginFree: null } }), 'assumed MARGIN_UNKNOWN'],
    ['no number, in paper', gateInput({ mode: 'paper', executor: { marginFree: 'NaN' } }), 'rejected MARGIN_UNKNOWN'],
    ['as much as a binary costs', yes('6'), 'passed'],
    ['a little less', yes('5.99'), 'rejected MARGIN_SHORT'],
    ['as much, but reserved for another', yes('6', [held({ symbol: 'KXSNOW-26', terms: MARKET, outcome: 'no', size: '1', entryPrice: '0.5', stop: null }, { kind: 'reservation' })]), 'rejected MARGIN_SHORT'],
    ['as much, with another paid already', yes('6', [held({ symbol: 'KXSNOW-26', terms: MARKET, outcome: 'no', size: '1', entryPrice: '0.5', stop: null })]), 'passed'],
    ['less than a share to be delivered costs', gateInput({ idea: { symbol: 'AAPL', product: 'CNC', lotSize: '10', stopLoss: '90' }, instrument: { terms: SHARE }, quote: { bid: '99.9', ask: '100' }, executor: { marginFree: '999' } }), 'rejected MARGIN_SHORT'],
    ['as much as a share to be delivered costs, and another one is reserved', gateInput({
      idea: { symbol: 'AAPL', product: 'CNC', lotSize: '10', stopLoss: '90' }, instrument: { terms: SHARE }, quote: { bid: '99.9', ask: '100' }, executor: { marginFree: '1000' },
      book: { held: [held({ symbol: 'MSFT', terms: SHARE, size: '1', entryPrice: '50' }, { kind: 'reservation', product: 'CNC' })] },
    }), 'rejected MARGIN_SHORT'],
    ['less than a share on margin is worth', gateInput({ idea: { symbol: 'AAPL', lotSize: '10', stopLoss: '90' }, instrument: { terms: SHARE }, quote: { bid: '99.9', ask: '100' }, executor: { marginFree: '999' } }), 'passed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(margin, input)).toBe(expected));
});
