import { describe, expect, it } from '@jest/globals';
import { EURUSD, gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { size } from './size.js';

const of = (lotSize: string) => gateInput({ idea: { lotSize } });

describe('the size', () => {
  it.each<[string, GateInput, string]>([
    ['the smallest', of('0.01'), 'passed'],
    ['below the smallest', of('0.009'), 'rejected SIZE_BELOW_MINIMUM SIZE_OFF_STEP'],
    ['the largest', of('100'), 'passed'],
    ['above the largest', of('100.01'), 'rejected SIZE_ABOVE_MAXIMUM'],
    ['between steps', of('0.015'), 'rejected SIZE_OFF_STEP'],
    ['on a step that a double would miss', of('0.29'), 'passed'],
    ['nothing', of('0'), 'rejected SIZE_INVALID'],
    ['below nothing', of('-1'), 'rejected SIZE_INVALID'],
    ['NaN', of('NaN'), 'rejected SIZE_INVALID'],
    ['endless', of('Infinity'), 'rejected SIZE_INVALID'],
    ['an exponent', of('1e2'), 'rejected SIZE_INVALID'],
    ['of an instrument with a step of no number', gateInput({ instrument: { terms: { ...EURUSD, sizeStep: '0' } } }), 'rejected NUMBER_UNREADABLE'],
    ['of an instrument without a largest', gateInput({ idea: { lotSize: '100000' }, instrument: { terms: { ...EURUSD, maxSize: null } } }), 'passed'],
    ['of what nobody knows, in paper', gateInput({ mode: 'paper', instrument: { terms: null } }), 'assumed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(size, input)).toBe(expected));
});
