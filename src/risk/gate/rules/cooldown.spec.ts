import { describe, expect, it } from '@jest/globals';
import { ago, gateInput, layer, NOW, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { cooldown } from './cooldown.js';

const at = (cooldownSeconds: number | null, lastLossAt: string | null) => gateInput({ limits: [layer({ cooldownSeconds })], book: { lastLossAt } });

describe('the cooldown', () => {
  it.each<[string, GateInput, string]>([
    ['over', at(60, ago(60)), 'passed'],
    ['a millisecond before', at(60, ago(59.999)), 'rejected COOLDOWN_RUNNING'],
    ['after no loss', at(60, null), 'passed'],
    ['off', at(null, NOW), 'off'],
    ['of 0: it asks for nothing', at(0, NOW), 'passed'],
    ['after a loss in the future', at(60, ago(-1)), 'rejected COOLDOWN_RUNNING'],
    ['after a loss at no time', at(60, 'today'), 'rejected TIME_UNREADABLE'],
    ['longer for the agent', gateInput({ limits: [layer({ cooldownSeconds: 10 }), layer({ cooldownSeconds: 60 }, 'agent')], book: { lastLossAt: ago(30) } }), 'rejected COOLDOWN_RUNNING'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(cooldown, input)).toBe(expected));
});
