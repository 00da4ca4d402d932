import { describe, expect, it } from '@jest/globals';
import { EURUSD, gateInput, MARKET, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { stop } from './stop.js';

const at = (stopLoss: string | null, stopLevel: string | null = null) => gateInput({ idea: { stopLoss }, instrument: { terms: { ...EURUSD, stopLevel } } });
const short = (stopLoss: string) => gateInput({ idea: { direction: 'short', stopLoss } });

describe('the stop', () => {
  it.each<[string, GateInput, string]>([
    ['three spreads below the entry', at('1.0998'), 'passed'],
    ['a little closer', at('1.09981'), 'rejected STOP_TOO_CLOSE'],
    ['as close as the broker takes it', at('1.0981', '0.002'), 'passed'],
    ['a little closer than the broker takes it', at('1.09811', '0.002'), 'rejected STOP_TOO_CLOSE'],
    ['at a broker whose level is no number', at('1.09', 'NaN'), 'rejected NUMBER_UNREADABLE'],
    ['missing', at(null), 'rejected STOP_MISSING'],
    ['missing in paper', gateInput({ mode: 'paper', idea: { stopLoss: null } }), 'rejected STOP_MISSING'],
    ['at the entry', at('1.1001'), 'rejected STOP_WRONG_SIDE'],
    ['above a long', at('1.11'), 'rejected STOP_WRONG_SIDE'],
    ['below a short', short('1.09'), 'rejected STOP_WRONG_SIDE'],
    ['three spreads above a short, which takes the bid', short('1.1003'), 'passed'],
    ['a little closer to it', short('1.10029'), 'rejected STOP_TOO_CLOSE'],
    ['below the limit of a long that fills at once, and above the market', gateInput({ idea: { entryPrice: '1.2', stopLoss: '1.15' } }), 'rejected STOP_WRONG_SIDE'],
    ['above the limit of a short that fills at once, and below the market', gateInput({ idea: { direction: 'short', entryPrice: '1', stopLoss: '1.05' } }), 'rejected STOP_WRONG_SIDE'],
    ['too close to where such a limit fills', gateInput({ idea: { entryPrice: '1.2', stopLoss: '1.09981' } }), 'rejected STOP_TOO_CLOSE'],
    ['below a limit that rests under the market', gateInput({ idea: { entryPrice: '1.05', stopLoss: '1.04' } }), 'passed'],
    ['NaN', at('NaN'), 'rejected STOP_INVALID'],
    ['0', at('0'), 'rejected STOP_INVALID'],
    ['below a range that the quote has not reached', gateInput({ idea: { entryRange: { low: '1.11', high: '1.12' }, stopLoss: '1.105' } }), 'passed'],
    ['without a quote in paper: nobody knows the spread', gateInput({ mode: 'paper', quote: null, idea: { entryPrice: '1.1' } }), 'assumed'],
    ['of a binary: none', gateInput({ idea: { outcome: 'yes', stopLoss: null }, instrument: { terms: MARKET }, quote: { bid: '0.6', ask: '0.61' } }), 'skipped'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(stop, input)).toBe(expected));
});
