import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { LimitValues } from '../../../limits/limit-fields.js';
import type { GateInput } from '../gate-input.js';
import { dailyTarget } from './daily-target.js';

const at = (values: Partial<LimitValues>, losses: Partial<GateInput['losses']> = {}, from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer(values, from, currency)], ...change, losses });

describe('the daily target, from 10,000 USD', () => {
  it.each<[string, GateInput, string]>([
    ['a little below', at({ dailyProfitTarget: '200' }, { equity: '10199.99' }), 'passed'],
    ['reached', at({ dailyProfitTarget: '200' }, { equity: '10200' }), 'rejected TARGET_REACHED'],
    ['reached, and told to go on', at({ dailyProfitTarget: '200', stopAfterTarget: false }, { equity: '10200' }), 'off'],
    ['reached, told to go on, and to stop for this agent', gateInput({ limits: [layer({ dailyProfitTarget: '200', stopAfterTarget: false }), layer({ stopAfterTarget: true }, 'agent')], losses: { equity: '10200' } }), 'rejected TARGET_REACHED'],
    ['off', at({ dailyProfitTarget: null }, { equity: '99999' }), 'off'],
    ['of 0: nothing is allowed', at({ dailyProfitTarget: '0' }, { equity: '9000' }), 'rejected TARGET_REACHED'],
    ['of the agent, reached by its own trades', at({ dailyProfitTarget: '50' }, { profitToday: { agent: '50', strategy: null } }, 'agent'), 'rejected TARGET_REACHED'],
    ['of the agent, not reached by its own', at({ dailyProfitTarget: '50' }, { equity: '20000', profitToday: { agent: '49.99', strategy: null } }, 'agent'), 'passed'],
    ['in yen', at({ dailyProfitTarget: '30000' }, { equity: '10200' }, 'global', {}, 'JPY'), 'rejected TARGET_REACHED'],
    ['of no equity', at({ dailyProfitTarget: '200' }, { equity: null }), 'rejected EQUITY_UNKNOWN'],
    ['of no equity in paper', at({ dailyProfitTarget: '200' }, { equity: null }, 'global', { mode: 'paper' }), 'assumed'],
    ['of an agent of which nothing is known', at({ dailyProfitTarget: '50' }, { profitToday: { agent: null, strategy: null } }, 'agent'), 'rejected PROFIT_UNKNOWN'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(dailyTarget, input)).toBe(expected));
});
