import { describe, expect, it } from '@jest/globals';
import { gateInput, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { ownership } from './ownership.js';

describe('who owns the instrument', () => {
  it.each<[string, GateInput, string]>([
    ['another, on a hedging account', gateInput({ book: { instrumentOwner: OTHER } }), 'skipped'],
    ['nobody else, on a netting account', gateInput({ account: { marginMode: 'netting' } }), 'passed'],
    ['another, on a netting account', gateInput({ account: { marginMode: 'netting' }, book: { instrumentOwner: OTHER } }), 'rejected INSTRUMENT_OWNED'],
    ['another, at an exchange, in paper', gateInput({ mode: 'paper', account: { marginMode: 'exchange' }, book: { instrumentOwner: OTHER } }), 'rejected INSTRUMENT_OWNED'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(ownership, input)).toBe(expected));
});
