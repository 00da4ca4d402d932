import { describe, expect, it } from '@jest/globals';
import { gateInput, held, layer, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput, Held } from '../gate-input.js';
import { openRisk } from './open-risk.js';

const at = (value: string | null, holdings: Held[] = [], from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer({ maxOpenRiskAmount: value }, from, currency)], ...change, book: { held: holdings } });

describe('maxOpenRiskAmount: the idea risks 51 USD, what is held 50', () => {
  it.each<[string, GateInput, string]>([
    ['reached', at('51'), 'passed'],
    ['exceeded by a little', at('50.999999'), 'rejected EXPOSURE_RISK'],
    ['off', at(null), 'off'],
    ['of 0: nothing is allowed', at('0'), 'rejected EXPOSURE_RISK'],
    ['with what is held', at('101', [held()]), 'passed'],
    ['with what is reserved, exceeded', at('100.99', [held({}, { kind: 'reservation' })]), 'rejected EXPOSURE_RISK'],
    ['with something held without a stop: no bound', at('999999', [held({ stop: null })]), 'rejected STOP_MISSING'],
    ['with something held without a stop, in paper', at('999999', [held({ stop: null })], 'global', { mode: 'paper' }), 'rejected STOP_MISSING'],
    ['of the agent: what another holds without a stop does not count', at('51', [held({ stop: null }, { agentId: OTHER })], 'agent'), 'passed'],
    ['in yen', at('7650', [], 'account', {}, 'JPY'), 'passed'],
    ['in yen, exceeded', at('7649', [], 'account', {}, 'JPY'), 'rejected EXPOSURE_RISK'],
    ['of no number', at('NaN'), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(openRisk, input)).toBe(expected));
});
