import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { halt } from './halt.js';

const of = (scope: GateInput['halts'][number]['scope'], more: Partial<GateInput['halts'][number]> = {}) => ({ id: 'h', scope, mode: 'halt' as const, reason: 'fire', breaker: null, ...more });

describe('the rule of halts', () => {
  it.each<[string, GateInput, string]>([
    ['none', gateInput(), 'passed'],
    ['of everybody', gateInput({ halts: [of('global')] }), 'halted_by_risk HALT_GLOBAL'],
    ['of the account', gateInput({ halts: [of('account')] }), 'halted_by_risk HALT_ACCOUNT'],
    ['of the agent', gateInput({ halts: [of('agent')] }), 'halted_by_risk HALT_AGENT'],
    ['of the strategy', gateInput({ halts: [of('strategy')] }), 'halted_by_risk HALT_STRATEGY'],
    ['of the symbol', gateInput({ halts: [of('symbol')] }), 'halted_by_risk HALT_SYMBOL'],
    ['that only lets reduce', gateInput({ halts: [of('global', { mode: 'reduce' })] }), 'halted_by_risk HALT_GLOBAL'],
    ['by a circuit breaker', gateInput({ halts: [of('account', { breaker: 'daily_loss' })] }), 'halted_by_risk HALT_BREAKER'],
    ['two: both are said', gateInput({ halts: [of('symbol'), of('account')] }), 'halted_by_risk HALT_SYMBOL HALT_ACCOUNT'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(halt, input)).toBe(expected));
});
