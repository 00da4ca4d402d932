import { describe, expect, it } from '@jest/globals';
import { gateInput, held, layer, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { LimitValues } from '../../../limits/limit-fields.js';
import type { GateInput } from '../gate-input.js';
import { lossHeadroom } from './loss-headroom.js';

const at = (values: Partial<LimitValues>, losses: Partial<GateInput['losses']> = {}, from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer(values, from, currency)], ...change, losses });

describe('what is left when every stop is hit: the idea risks 51 USD of 10,000', () => {
  it.each<[string, GateInput, string]>([
    ['the floor itself', at({ dailyLossLimitAmount: '51' }), 'passed'],
    ['a little less than the floor of the day', at({ dailyLossLimitAmount: '50.99' }), 'rejected LOSS_HEADROOM'],
    ['the floor by a fraction', at({ dailyLossLimitFraction: '0.0051' }), 'passed'],
    ['a little less than the floor by a fraction', at({ dailyLossLimitFraction: '0.0050' }), 'rejected LOSS_HEADROOM'],
    ['the floor of the drawdown', at({ maxDrawdownAmount: '51' }), 'passed'],
    ['a little less than the floor of the drawdown', at({ maxDrawdownAmount: '50.99' }), 'rejected LOSS_HEADROOM'],
    ['a little less than both floors', at({ dailyLossLimitAmount: '50', maxDrawdownFraction: '0.005' }), 'rejected LOSS_HEADROOM LOSS_HEADROOM'],
    ['less, on a winning day: what was won is there to lose', at({ dailyLossLimitAmount: '10' }, { equity: '10100' }), 'passed'],
    ['off', at({}), 'off'],
    ['with what is held, 50 more', at({ dailyLossLimitAmount: '101' }, {}, 'global', { book: { held: [held()] } }), 'passed'],
    ['with what is held, a little less', at({ dailyLossLimitAmount: '100.99' }, {}, 'global', { book: { held: [held()] } }), 'rejected LOSS_HEADROOM'],
    ['with what is reserved', at({ dailyLossLimitAmount: '100.99' }, {}, 'global', { book: { held: [held({}, { kind: 'reservation' })] } }), 'rejected LOSS_HEADROOM'],
    ['with a profit that floats: from there to the stop it is 150', at({ dailyLossLimitAmount: '100' }, { equity: '10100' }, 'global', { book: { held: [held({ markPrice: '1.11' })] } }), 'rejected LOSS_HEADROOM'],
    ['with something held without a stop', at({ dailyLossLimitAmount: '9000' }, {}, 'global', { book: { held: [held({ stop: null })] } }), 'rejected STOP_MISSING'],
    ['with something held without a stop, in paper', at({ dailyLossLimitAmount: '9000' }, {}, 'global', { mode: 'paper', book: { held: [held({ stop: null })] } }), 'assumed'],
    ['with less left than the floor beside it', at({ dailyLossLimitAmount: '50.99' }, {}, 'global', { mode: 'paper', book: { held: [held({ stop: null })] } }), 'rejected LOSS_HEADROOM'],
    ['of the agent: what another holds does not count', at({ dailyLossLimitAmount: '51' }, {}, 'agent', { book: { held: [held({}, { agentId: OTHER })] } }), 'passed'],
    ['of the agent, after a loss', at({ dailyLossLimitAmount: '100' }, { profitToday: { agent: '-49.01', strategy: null } }, 'agent'), 'rejected LOSS_HEADROOM'],
    ['of the agent: its drawdown is the account\'s', at({ maxDrawdownAmount: '51' }, {}, 'agent', { book: { held: [held({}, { agentId: OTHER })] } }), 'rejected LOSS_HEADROOM'],
    ['of no equity', at({ dailyLossLimitAmount: '500' }, { equity: null }), 'rejected EQUITY_UNKNOWN'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(lossHeadroom, input)).toBe(expected));
});
