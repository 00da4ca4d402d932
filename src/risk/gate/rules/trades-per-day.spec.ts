import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput } from '../gate-input.js';
import { tradesPerDay } from './trades-per-day.js';

const at = (maxTradesPerDay: number | null, opened: Partial<GateInput['book']['openedToday']>, from: Layer = 'global') =>
  gateInput({ limits: [layer({ maxTradesPerDay }, from)], book: { openedToday: { account: 0, agent: 0, strategy: 0, ...opened } } });

describe('maxTradesPerDay', () => {
  it.each<[string, GateInput, string]>([
    ['reached by this one', at(5, { account: 4 }), 'passed'],
    ['reached before', at(5, { account: 5 }), 'rejected TRADES_PER_DAY'],
    ['of the agent: those of others do not count', at(5, { account: 9, agent: 4 }, 'agent'), 'passed'],
    ['of the agent, reached before', at(5, { account: 9, agent: 5 }, 'agent'), 'rejected TRADES_PER_DAY'],
    ['of the strategy, reached before', at(5, { account: 9, strategy: 5 }, 'riskCaps'), 'rejected TRADES_PER_DAY'],
    ['off', at(null, { account: 999 }), 'off'],
    ['of 0: nothing is allowed', at(0, {}), 'rejected TRADES_PER_DAY'],
    ['held against no number', at(5, { account: NaN }), 'rejected COUNT_UNKNOWN'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(tradesPerDay, input)).toBe(expected));
});
