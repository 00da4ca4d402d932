import { describe, expect, it } from '@jest/globals';
import { gateInput, MARKET, outcomeOf, SHARE } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { instrument } from './instrument.js';

describe('the instrument', () => {
  it.each<[string, GateInput, string]>([
    ['known', gateInput(), 'passed'],
    ['unknown in live', gateInput({ instrument: { terms: null } }), 'rejected INSTRUMENT_UNKNOWN'],
    ['unknown in simulation', gateInput({ mode: 'simulation', instrument: { terms: null } }), 'assumed'],
    ['under a product that the account does not know', gateInput({ idea: { product: 'MIS' }, instrument: { productUnknown: true } }), 'rejected PRODUCT_UNKNOWN'],
    ['under a product that nobody knows, in paper', gateInput({ mode: 'paper', idea: { product: 'NRML' } }), 'rejected PRODUCT_UNKNOWN'],
    ['CNC bought', gateInput({ idea: { product: 'CNC' }, instrument: { terms: SHARE } }), 'passed'],
    ['CNC sold short', gateInput({ idea: { product: 'CNC', direction: 'short' }, instrument: { terms: SHARE } }), 'rejected PRODUCT_CNC_SHORT'],
    ['MIS sold short', gateInput({ idea: { product: 'MIS', direction: 'short' }, instrument: { terms: SHARE } }), 'passed'],
    ['a binary without an outcome', gateInput({ instrument: { terms: MARKET } }), 'rejected OUTCOME_MISSING'],
    ['a binary with one', gateInput({ idea: { outcome: 'no' }, instrument: { terms: MARKET } }), 'passed'],
    ['a pair with an outcome', gateInput({ idea: { outcome: 'yes' } }), 'rejected OUTCOME_UNEXPECTED'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(instrument, input)).toBe(expected));
});
