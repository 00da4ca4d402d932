import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { approval } from './approval.js';

describe('requireApproval', () => {
  it.each<[string, GateInput, string]>([
    ['false', gateInput({ limits: [layer({ requireApproval: false })] }), 'passed'],
    ['true', gateInput({ limits: [layer({ requireApproval: true })] }), 'needs_approval APPROVAL_REQUIRED'],
    ['true, approved', gateInput({ idea: { approved: true }, limits: [layer({ requireApproval: true })] }), 'passed'],
    ['true for this agent', gateInput({ limits: [layer({ requireApproval: false }), layer({ requireApproval: true }, 'agent')] }), 'needs_approval APPROVAL_REQUIRED'],
    ['that nobody has set', gateInput({ limits: [] }), 'off'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(approval, input)).toBe(expected));
});
