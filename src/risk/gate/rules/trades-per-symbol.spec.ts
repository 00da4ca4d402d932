import { describe, expect, it } from '@jest/globals';
import { gateInput, held, layer, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { GateInput, Held } from '../gate-input.js';
import { tradesPerSymbol } from './trades-per-symbol.js';

const at = (value: number | null, holdings: Held[] = [], from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}) =>
  gateInput({ limits: [layer({ maxTradesPerSymbol: value }, from)], ...change, book: { held: holdings } });

describe('maxTradesPerSymbol', () => {
  it.each<[string, GateInput, string]>([
    ['reached by this one', at(2, [held()]), 'passed'],
    ['reached before', at(1, [held()]), 'rejected TRADES_PER_SYMBOL'],
    ['reached by one the other way', at(1, [held({ direction: 'short' })]), 'rejected TRADES_PER_SYMBOL'],
    ['of another symbol', at(1, [held({ symbol: 'GBPUSD' })]), 'passed'],
    ['of the same symbol at an exchange', at(1, [held({ exchange: 'NSE' })]), 'passed'],
    ['of the agent: what another holds does not count', at(1, [held({}, { agentId: OTHER })], 'agent'), 'passed'],
    ['off', at(null, [held()]), 'off'],
    ['of 0: nothing is allowed', at(0), 'rejected TRADES_PER_SYMBOL'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(tradesPerSymbol, input)).toBe(expected));
});
