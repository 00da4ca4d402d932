import { describe, expect, it } from '@jest/globals';
import { AGENT, gateInput, held, layer, MARKET, OTHER, outcomeOf, STRATEGY, strategyFacts } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput, Held } from '../gate-input.js';
import { grossExposure } from './gross-exposure.js';

const at = (value: string | null, holdings: Held[] = [], from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer({ maxGrossExposureAmount: value }, from, currency)], ...change, book: { held: holdings } });
// 10 of no at 0.40 cost 4; 10 of yes at 0.60 cost 6; together they pay 10 in any case.
const no = held({ symbol: 'KXRAIN-26', terms: MARKET, outcome: 'no', size: '10', entryPrice: '0.4', stop: null });
const yes = { idea: { symbol: 'KXRAIN-26', outcome: 'yes' as const, lotSize: '10', stopLoss: null }, instrument: { terms: MARKET }, quote: { bid: '0.59', ask: '0.6' } };

describe('maxGrossExposureAmount: the idea is worth 11,001 USD', () => {
  it.each<[string, GateInput, string]>([
    ['reached', at('11001'), 'passed'],
    ['exceeded by a little', at('11000.999999'), 'rejected EXPOSURE_GROSS'],
    ['off', at(null), 'off'],
    ['of 0: nothing is allowed', at('0'), 'rejected EXPOSURE_GROSS'],
    ['with what is held', at('22001', [held()]), 'passed'],
    ['with what is held the other way: gross does not net', at('22000', [held({ direction: 'short', stop: '1.105' })]), 'rejected EXPOSURE_GROSS'],
    ['with what is reserved', at('22000', [held({}, { kind: 'reservation' })]), 'rejected EXPOSURE_GROSS'],
    ['of the agent: what another holds does not count', at('11001', [held({}, { agentId: OTHER })], 'agent'), 'passed'],
    ['of the agent: what it proposed to another counts', at('22000', [held({}, { agentId: OTHER, proposerId: AGENT })], 'agent'), 'rejected EXPOSURE_GROSS'],
    ['of the account: what another agent holds counts', at('22000', [held({}, { agentId: OTHER })], 'account'), 'rejected EXPOSURE_GROSS'],
    ['of the strategy: what others hold does not count', at('11001', [held()], 'strategy', { strategy: strategyFacts() }), 'passed'],
    ['of the strategy: what it holds counts', at('22000', [held({}, { strategyId: STRATEGY })], 'riskCaps', { strategy: strategyFacts() }), 'rejected EXPOSURE_GROSS'],
    ['in yen', at('1650150', [], 'global', {}, 'JPY'), 'passed'],
    ['in yen, exceeded', at('1650149', [], 'global', {}, 'JPY'), 'rejected EXPOSURE_GROSS'],
    ['in a currency without a rate', at('99999999', [], 'global', {}, 'INR'), 'rejected RATE_MISSING'],
    ['in a currency without a rate, in paper', at('1', [], 'global', { mode: 'paper' }, 'INR'), 'assumed'],
    ['of 0 in a currency without a rate, in paper', at('0', [], 'global', { mode: 'paper' }, 'INR'), 'rejected RATE_MISSING'],
    ['with something held of no number, in paper', at('999999', [held({ size: 'NaN' })], 'global', { mode: 'paper' }), 'rejected NUMBER_UNREADABLE'],
    ['with something held that nobody knows', at('999999', [held({ terms: null })]), 'rejected INSTRUMENT_UNKNOWN'],
    ['of no number', at('lots'), 'rejected LIMIT_UNREADABLE'],
    ['without a price', at('999999', [], 'global', { quote: null }), 'rejected PRICE_MISSING'],
    ['of yes beside no of the same market, which net', at('4', [no], 'global', yes), 'passed'],
    ['of yes beside no that is only reserved: it may not come', at('9.99', [{ ...no, kind: 'reservation' }], 'global', yes), 'rejected EXPOSURE_GROSS'],
    ['of yes beside no that is only reserved, both paid', at('10', [{ ...no, kind: 'reservation' }], 'global', yes), 'passed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(grossExposure, input)).toBe(expected));
});
