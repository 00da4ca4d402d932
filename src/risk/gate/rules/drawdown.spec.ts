import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { Layer } from '../../../limits/effective-limits.js';
import type { LimitValues } from '../../../limits/limit-fields.js';
import type { GateInput } from '../gate-input.js';
import { drawdown } from './drawdown.js';

const at = (values: Partial<LimitValues>, losses: Partial<GateInput['losses']> = {}, from: Layer = 'global', change: Parameters<typeof gateInput>[0] = {}, currency = 'USD') =>
  gateInput({ limits: [layer(values, from, currency)], ...change, losses });

describe('the drawdown, from 10,000 USD', () => {
  it.each<[string, GateInput, string]>([
    ['a little above the limit', at({ maxDrawdownAmount: '1500' }, { equity: '8500.01' }), 'passed'],
    ['at the limit', at({ maxDrawdownAmount: '1500' }, { equity: '8500' }), 'rejected LOSS_DRAWDOWN'],
    ['a little above the fraction', at({ maxDrawdownFraction: '0.15' }, { equity: '8500.01' }), 'passed'],
    ['at the fraction', at({ maxDrawdownFraction: '0.15' }, { equity: '8500' }), 'rejected LOSS_DRAWDOWN'],
    ['at the limit, whether or not it halts', at({ maxDrawdownFraction: '0.15', haltOnDrawdown: false }, { equity: '8500' }), 'rejected LOSS_DRAWDOWN'],
    ['off', at({ maxDrawdownAmount: null }, { equity: '1' }), 'off'],
    ['where none is allowed', at({ maxDrawdownAmount: '0' }, { equity: '11000' }), 'rejected LOSS_DRAWDOWN'],
    ['of an agent: the account counts', at({ maxDrawdownAmount: '100' }, { equity: '9900', profitToday: { agent: '0', strategy: '0' } }, 'agent'), 'rejected LOSS_DRAWDOWN'],
    ['above a floor that is locked', at({ maxDrawdownAmount: '1500' }, { drawdownReference: '13000', drawdownLockedAt: '10000', equity: '10000.01' }), 'passed'],
    ['at a floor that is locked', at({ maxDrawdownAmount: '1500' }, { drawdownReference: '13000', drawdownLockedAt: '10000', equity: '10000' }), 'rejected LOSS_DRAWDOWN'],
    ['below where it will be locked', at({ maxDrawdownAmount: '1500' }, { drawdownReference: '11000', drawdownLockedAt: '10000', equity: '9500' }), 'rejected LOSS_DRAWDOWN'],
    ['from nothing known', at({ maxDrawdownAmount: '1500' }, { drawdownReference: null }), 'rejected EQUITY_UNKNOWN'],
    ['from nothing known in paper', at({ maxDrawdownAmount: '1500' }, { drawdownReference: null }, 'global', { mode: 'paper' }), 'assumed'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(drawdown, input)).toBe(expected));
});
