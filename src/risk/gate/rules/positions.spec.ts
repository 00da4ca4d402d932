import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { positions } from './positions.js';

describe('the last report of positions', () => {
  it.each<[string, GateInput, string]>([
    ['60 s ago', gateInput({ executor: { positionsSeconds: '60' } }), 'passed'],
    ['60.001 s ago', gateInput({ executor: { positionsSeconds: '60.001' } }), 'rejected POSITIONS_STALE'],
    ['60.001 s ago in paper', gateInput({ mode: 'paper', executor: { positionsSeconds: '60.001' } }), 'rejected POSITIONS_STALE'],
    ['never', gateInput({ executor: { positionsSeconds: null } }), 'rejected POSITIONS_STALE'],
    ['never in paper', gateInput({ mode: 'paper', executor: { positionsSeconds: null } }), 'assumed POSITIONS_STALE'],
    ['of no known age', gateInput({ mode: 'paper', executor: { positionsSeconds: 'NaN' } }), 'rejected POSITIONS_STALE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(positions, input)).toBe(expected));
});
