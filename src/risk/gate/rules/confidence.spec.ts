import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { confidence } from './confidence.js';

const of = (confidence: string | null, minConfidenceThreshold: string | null = '0.7', approved = false) => gateInput({ idea: { confidence, approved }, limits: [layer({ minConfidenceThreshold })] });

describe('the confidence', () => {
  it.each<[string, GateInput, string]>([
    ['at the threshold', of('0.7'), 'passed'],
    ['a little below', of('0.699999999999999999'), 'needs_approval CONFIDENCE_LOW'],
    ['a little below, approved', of('0.6', '0.7', true), 'passed'],
    ['below that of the strategy', gateInput({ idea: { confidence: '0.8' }, limits: [layer({ minConfidenceThreshold: '0.7' }), layer({ minConfidenceThreshold: '0.9' }, 'riskCaps')] }), 'needs_approval CONFIDENCE_LOW'],
    ['missing', of(null), 'needs_approval CONFIDENCE_MISSING'],
    ['missing, with the threshold off', of(null, null), 'off'],
    ['missing, with a threshold of 0', of(null, '0'), 'passed'],
    ['NaN', of('NaN'), 'rejected CONFIDENCE_INVALID'],
    ['NaN, approved and with the threshold off', of('NaN', null, true), 'rejected CONFIDENCE_INVALID'],
    ['above 1', of('70'), 'rejected CONFIDENCE_INVALID'],
    ['held against no number', of('0.8', 'high'), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(confidence, input)).toBe(expected));
});
