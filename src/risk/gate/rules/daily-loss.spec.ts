import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { LimitValues } from '../../../limits/limit-fields.js';
import type { GateInput } from '../gate-input.js';
import { dailyLoss } from './daily-loss.js';

const at = (values: Partial<LimitValues>, losses: Partial<GateInput['losses']> = {}, from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer(values, from, currency)], ...change, losses });

describe('the daily loss, from 10,000 USD', () => {
  it.each<[string, GateInput, string]>([
    ['a little above the limit', at({ dailyLossLimitAmount: '500' }, { equity: '9500.01' }), 'passed'],
    ['at the limit', at({ dailyLossLimitAmount: '500' }, { equity: '9500' }), 'rejected LOSS_DAILY'],
    ['a little above the fraction', at({ dailyLossLimitFraction: '0.05' }, { equity: '9500.01' }), 'passed'],
    ['at the fraction', at({ dailyLossLimitFraction: '0.05' }, { equity: '9500' }), 'rejected LOSS_DAILY'],
    ['at the tighter of both', at({ dailyLossLimitAmount: '9000', dailyLossLimitFraction: '0.05' }, { equity: '9500' }), 'rejected LOSS_DAILY'],
    ['below both', at({ dailyLossLimitAmount: '400', dailyLossLimitFraction: '0.05' }, { equity: '9000' }), 'rejected LOSS_DAILY LOSS_DAILY'],
    ['off', at({ dailyLossLimitAmount: null, dailyLossLimitFraction: null }, { equity: '1' }), 'off'],
    ['where none is allowed, on a winning day', at({ dailyLossLimitAmount: '0' }, { equity: '11000' }), 'rejected LOSS_DAILY'],
    ['where no fraction is allowed, on a winning day', at({ dailyLossLimitFraction: '0' }, { equity: '11000' }), 'rejected LOSS_DAILY'],
    ['in yen, a little above', at({ dailyLossLimitAmount: '75000' }, { equity: '9500.01' }, 'global', {}, 'JPY'), 'passed'],
    ['in yen, at the limit', at({ dailyLossLimitAmount: '75000' }, { equity: '9500' }, 'global', {}, 'JPY'), 'rejected LOSS_DAILY'],
    ['in a currency without a rate', at({ dailyLossLimitAmount: '75000' }, {}, 'global', {}, 'INR'), 'rejected RATE_MISSING'],
    ['of the agent, whose trades lost less than its limit', at({ dailyLossLimitAmount: '100' }, { equity: '5000', profitToday: { agent: '-99.99', strategy: null } }, 'agent'), 'passed'],
    ['of the agent, at its limit', at({ dailyLossLimitAmount: '100' }, { profitToday: { agent: '-100', strategy: null } }, 'agent'), 'rejected LOSS_DAILY'],
    ['of the strategy, at its fraction of the account', at({ dailyLossLimitFraction: '0.01' }, { profitToday: { agent: null, strategy: '-100' } }, 'riskCaps'), 'rejected LOSS_DAILY'],
    ['of the agent, not known', at({ dailyLossLimitAmount: '100' }, { profitToday: { agent: null, strategy: null } }, 'agent'), 'rejected PROFIT_UNKNOWN'],
    ['of the agent, not known in paper', at({ dailyLossLimitAmount: '100' }, { profitToday: { agent: null, strategy: null } }, 'agent', { mode: 'paper' }), 'assumed'],
    ['not known', at({ dailyLossLimitAmount: '500' }, { equity: null }), 'rejected EQUITY_UNKNOWN'],
    ['from nothing known', at({ dailyLossLimitAmount: '500' }, { dayBaseline: null }), 'rejected EQUITY_UNKNOWN'],
    ['not known in paper', at({ dailyLossLimitAmount: '500' }, { equity: null }, 'global', { mode: 'paper' }), 'assumed'],
    ['not known in paper, where none is allowed', at({ dailyLossLimitAmount: '0' }, { equity: null }, 'global', { mode: 'paper' }), 'rejected EQUITY_UNKNOWN'],
    ['of an equity that was made up, in live', at({ dailyLossLimitAmount: '500' }, { equityAssumed: true }), 'rejected EQUITY_UNKNOWN'],
    ['of an equity that was made up, in paper', at({ dailyLossLimitAmount: '500' }, { equityAssumed: true }, 'global', { mode: 'paper' }), 'assumed'],
    ['of an equity of no number, in paper', at({ dailyLossLimitAmount: '500' }, { equity: 'NaN' }, 'global', { mode: 'paper' }), 'rejected EQUITY_UNKNOWN'],
    ['of a fraction of nothing', at({ dailyLossLimitFraction: '0.05' }, { dayBaseline: '0' }), 'rejected EQUITY_UNKNOWN'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(dailyLoss, input)).toBe(expected));
});
