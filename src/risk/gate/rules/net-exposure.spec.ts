import { describe, expect, it } from '@jest/globals';
import { gateInput, held, layer, OTHER, outcomeOf, SHARE } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput, Held } from '../gate-input.js';
import { netExposure } from './net-exposure.js';

const at = (value: string | null, holdings: Held[] = [], from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer({ maxNetCurrencyExposureAmount: value }, from, currency)], ...change, book: { held: holdings } });
const share = { idea: { symbol: 'AAPL', lotSize: '10', stopLoss: '90' }, instrument: { terms: SHARE }, quote: { bid: '99.99', ask: '100' } };

describe('maxNetCurrencyExposureAmount: the idea is long 11,000 USD of euros and short 11,001 of dollars', () => {
  it.each<[string, GateInput, string]>([
    ['reached', at('11001'), 'passed'],
    ['exceeded by a little', at('11000.999999'), 'rejected EXPOSURE_NET'],
    ['exceeded by both legs', at('10000'), 'rejected EXPOSURE_NET EXPOSURE_NET'],
    ['off', at(null), 'off'],
    ['of 0', at('0'), 'rejected EXPOSURE_NET EXPOSURE_NET'],
    ['with as much held the same way', at('22001', [held()]), 'passed'],
    ['with as much held the same way, exceeded', at('22000.99', [held()]), 'rejected EXPOSURE_NET'],
    ['exceeded before, and made smaller', at('5000', [held({ direction: 'short', size: '1', stop: '1.105' })]), 'passed'],
    ['exceeded before, and turned around to more', at('5000', [held({ direction: 'short', size: '0.04', stop: '1.105' })]), 'rejected EXPOSURE_NET EXPOSURE_NET'],
    ['with as much reserved the other way: that may not come, so it takes nothing away', at('11000', [held({ direction: 'short', stop: '1.105' }, { kind: 'reservation' })]), 'rejected EXPOSURE_NET'],
    ['of shares by what they stand for', at('1999', [held({ symbol: 'AAPL', terms: SHARE, size: '10', entryPrice: '100', stop: '90' })], 'global', share), 'rejected EXPOSURE_NET'],
    ['of shares, reached', at('2000', [held({ symbol: 'AAPL', terms: SHARE, size: '10', entryPrice: '100', stop: '90' })], 'global', share), 'passed'],
    ['of the agent: what another holds does not count', at('11001', [held({}, { agentId: OTHER })], 'agent'), 'passed'],
    ['without a rate', at('99999', [], 'global', { rates: [] }), 'rejected RATE_MISSING'],
    ['without a rate in paper: the idea has a price', at('11001.1', [], 'global', { mode: 'paper', rates: [] }), 'passed'],
    ['without a rate in paper, exceeded all the same', at('100', [], 'global', { mode: 'paper', rates: [] }), 'rejected EXPOSURE_NET EXPOSURE_NET'],
    ['of no number', at('NaN'), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(netExposure, input)).toBe(expected));
});
