import { describe, expect, it } from '@jest/globals';
import { ago, gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { value } from './value.js';

describe('what an idea is worth and risks', () => {
  it.each<[string, GateInput, string]>([
    ['known', gateInput(), 'passed'],
    ['without a rate in live', gateInput({ account: { currency: 'EUR' }, rates: [] }), 'rejected RATE_MISSING RATE_MISSING'],
    ['at a rate an hour old in live', gateInput({ account: { currency: 'EUR' }, rates: [{ from: 'EUR', to: 'USD', rate: '1.1', asOf: ago(3600) }] }), 'rejected RATE_STALE RATE_STALE'],
    ['at a rate a second younger', gateInput({ account: { currency: 'EUR' }, rates: [{ from: 'EUR', to: 'USD', rate: '1.1', asOf: ago(3599) }] }), 'passed'],
    ['at a rate an hour old in paper', gateInput({ mode: 'paper', account: { currency: 'EUR' }, rates: [{ from: 'EUR', to: 'USD', rate: '1.1', asOf: ago(3600) }] }), 'passed'],
    ['at its own price in paper', gateInput({ mode: 'paper', account: { currency: 'EUR' }, rates: [] }), 'passed'],
    ['without any rate in paper', gateInput({ mode: 'paper', account: { currency: 'CHF' }, rates: [] }), 'assumed'],
    ['without a price', gateInput({ quote: null }), 'rejected PRICE_MISSING'],
    ['of a size of no number in paper', gateInput({ mode: 'paper', idea: { lotSize: 'NaN' } }), 'rejected NUMBER_UNREADABLE NUMBER_UNREADABLE'],
    ['of unknown terms in paper', gateInput({ mode: 'paper', instrument: { terms: null } }), 'assumed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(value, input)).toBe(expected));
});
