import { describe, expect, it } from '@jest/globals';
import { gateInput, layer, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { trading } from './trading.js';

describe('aiTradingEnabled', () => {
  it.each<[string, GateInput, string]>([
    ['true', gateInput({ limits: [layer({ aiTradingEnabled: true })] }), 'passed'],
    ['false', gateInput({ limits: [layer({ aiTradingEnabled: false })] }), 'halted_by_risk TRADING_DISABLED'],
    ['false of one account', gateInput({ limits: [layer({ aiTradingEnabled: true }), layer({ aiTradingEnabled: false }, 'account')] }), 'halted_by_risk TRADING_DISABLED'],
    ['left to those above', gateInput({ limits: [layer({ aiTradingEnabled: true }), layer({ aiTradingEnabled: null }, 'agent')] }), 'passed'],
    ['that nobody has set', gateInput({ limits: [] }), 'halted_by_risk TRADING_DISABLED'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(trading, input)).toBe(expected));
});
