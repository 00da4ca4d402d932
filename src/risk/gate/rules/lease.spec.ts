import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { lease } from './lease.js';

describe('the trading lease', () => {
  it.each<[string, GateInput, string]>([
    ['held', gateInput(), 'passed'],
    ['lapsed', gateInput({ executor: { holdsTradingLease: false } }), 'halted_by_risk LEASE_MISSING'],
    ['lapsed in paper', gateInput({ mode: 'paper', executor: { holdsTradingLease: false } }), 'halted_by_risk LEASE_MISSING'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(lease, input)).toBe(expected));
});
