import { describe, expect, it } from '@jest/globals';
import { gateInput, NOW, outcomeOf } from '../../../../test/support/gate-input.js';
import { suspension } from './suspension.js';

describe('the rule of suspensions', () => {
  it.each<[string, ReturnType<typeof gateInput>, string]>([
    ['none', gateInput(), 'passed'],
    ['since too much fails', gateInput({ suspension: { cause: 'schedules', reason: 'trades.watch is late', since: NOW } }), 'halted_by_risk SYSTEM_SUSPENDED'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(suspension, input)).toBe(expected));
});
