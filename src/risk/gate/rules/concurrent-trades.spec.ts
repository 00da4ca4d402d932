import { describe, expect, it } from '@jest/globals';
import { AGENT, gateInput, held, layer, OTHER, outcomeOf, STRATEGY, strategyFacts } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput, Held } from '../gate-input.js';
import { concurrentTrades } from './concurrent-trades.js';

const at = (value: number | null, holdings: Held[] = [], from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}) =>
  gateInput({ limits: [layer({ maxConcurrentTrades: value }, from)], ...change, book: { held: holdings } });

describe('maxConcurrentTrades', () => {
  it.each<[string, GateInput, string]>([
    ['reached by this one', at(2, [held()]), 'passed'],
    ['reached before', at(1, [held()]), 'rejected TRADES_CONCURRENT'],
    ['reached by a reservation', at(1, [held({}, { kind: 'reservation' })]), 'rejected TRADES_CONCURRENT'],
    ['reached by what was adopted', at(1, [held({}, { agentId: null, external: true })]), 'rejected TRADES_CONCURRENT'],
    ['of the agent: what another holds does not count', at(1, [held({}, { agentId: OTHER })], 'agent'), 'passed'],
    ['of the agent: what it proposed to another counts', at(1, [held({}, { agentId: OTHER, proposerId: AGENT })], 'agent'), 'rejected TRADES_CONCURRENT'],
    ['of the agent: what another proposed to it does not', at(1, [held({}, { proposerId: OTHER })], 'agent'), 'passed'],
    ['of the strategy', at(1, [held({}, { strategyId: STRATEGY })], 'strategy', { strategy: strategyFacts() }), 'rejected TRADES_CONCURRENT'],
    ['off', at(null, [held()]), 'off'],
    ['of 0: nothing is allowed', at(0), 'rejected TRADES_CONCURRENT'],
    ['of no number', at(NaN), 'rejected LIMIT_UNREADABLE'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(concurrentTrades, input)).toBe(expected));
});
