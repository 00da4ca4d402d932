import { describe, expect, it } from '@jest/globals';
import { ago, gateInput, layer, NOW, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { duplicate } from './duplicate.js';

const at = (duplicateIntentSeconds: number | null, when: string | null) => gateInput({ limits: [layer({ duplicateIntentSeconds })], book: { lastIntent: when === null ? null : { at: when, ideaId: null } } });

describe('the same intent again', () => {
  it.each<[string, GateInput, string]>([
    ['after its time', at(60, ago(60)), 'passed'],
    ['a millisecond before', at(60, ago(59.999)), 'rejected INTENT_DUPLICATE'],
    ['the first', at(60, null), 'passed'],
    ['off', at(null, NOW), 'off'],
    ['after 0 s: it asks for nothing', at(0, NOW), 'passed'],
    ['at no time', at(60, 'today'), 'rejected TIME_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(duplicate, input)).toBe(expected));
});
