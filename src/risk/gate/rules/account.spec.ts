import { describe, expect, it } from '@jest/globals';
import { gateInput, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { account } from './account.js';

describe('account and mode', () => {
  it.each<[string, GateInput, string]>([
    ['that match', gateInput(), 'passed'],
    ['of a terminal that shows another login', gateInput({ executor: { accountMismatch: ['loginHash'] } }), 'rejected ACCOUNT_MISMATCH'],
    ['that differ in paper', gateInput({ mode: 'paper', executor: { mode: 'paper', accountMismatch: ['mode'] } }), 'rejected ACCOUNT_MISMATCH'],
    ['of a live agent on a demo account', gateInput({ account: { kind: 'demo' } }), 'rejected ACCOUNT_MISMATCH'],
    ['of a paper agent that belongs to a live account', gateInput({ mode: 'paper', executor: { mode: 'paper' } }), 'passed'],
    ['of an executor elsewhere', gateInput({ executor: { accountId: OTHER } }), 'rejected ACCOUNT_OTHER'],
    ['of an executor in another mode', gateInput({ executor: { mode: 'paper' } }), 'rejected MODE_MISMATCH'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(account, input)).toBe(expected));
});
