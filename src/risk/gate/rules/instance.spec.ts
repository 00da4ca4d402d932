import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { instance } from './instance.js';

describe('the instance', () => {
  it.each<[string, GateInput, string]>([
    ['named', gateInput(), 'passed'],
    ['not named in live', gateInput({ executor: { instanceId: null } }), 'rejected INSTANCE_MISSING'],
    ['not named in paper', gateInput({ mode: 'paper', executor: { instanceId: null } }), 'assumed INSTANCE_MISSING'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(instance, input)).toBe(expected));
});
