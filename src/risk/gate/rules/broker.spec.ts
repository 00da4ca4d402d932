import { describe, expect, it } from '@jest/globals';
import { gateInput, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { broker } from './broker.js';

describe('the broker', () => {
  it.each<[string, GateInput, string]>([
    ['connected', gateInput(), 'passed'],
    ['disconnected', gateInput({ executor: { brokerConnected: false } }), 'rejected BROKER_DISCONNECTED'],
    ['disconnected in paper', gateInput({ mode: 'paper', executor: { brokerConnected: false } }), 'rejected BROKER_DISCONNECTED'],
    ['that allows no trading', gateInput({ executor: { tradeAllowed: false } }), 'rejected BROKER_DISCONNECTED'],
    ['of which nothing is said', gateInput({ executor: { brokerConnected: null } }), 'rejected BROKER_DISCONNECTED'],
    ['of which it is not said whether it allows trading', gateInput({ executor: { tradeAllowed: null } }), 'rejected BROKER_DISCONNECTED'],
    ['of which nothing is said in paper', gateInput({ mode: 'paper', executor: { brokerConnected: null, tradeAllowed: null } }), 'assumed BROKER_DISCONNECTED'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(broker, input)).toBe(expected));
});
