import { describe, expect, it } from '@jest/globals';
import { gateInput, OTHER, outcomeOf } from '../../../../test/support/gate-input.js';
import type { GateInput } from '../gate-input.js';
import { agent } from './agent.js';

describe('the agent', () => {
  it.each<[string, GateInput, string]>([
    ['that runs', gateInput(), 'passed'],
    ['retired', gateInput({ executor: { retired: true } }), 'halted_by_risk AGENT_RETIRED'],
    ['whose proposer is retired', gateInput({ proposer: { id: OTHER, retired: true, symbols: [] } }), 'halted_by_risk AGENT_RETIRED'],
    ['that is told to pause', gateInput({ executor: { run: 'paused' } }), 'halted_by_risk AGENT_NOT_RUNNING'],
    ['that is told to stop', gateInput({ executor: { run: 'stopped' } }), 'halted_by_risk AGENT_NOT_RUNNING'],
    ['that says it has an error', gateInput({ executor: { status: 'error' } }), 'halted_by_risk AGENT_NOT_RUNNING'],
    ['that never said what it does', gateInput({ executor: { status: 'stopped' }, mode: 'paper' }), 'passed'],
    ['that never said what it does, in live', gateInput({ executor: { status: 'stopped' }, mode: 'live' }), 'halted_by_risk AGENT_NOT_RUNNING'],
    ['that is still starting', gateInput({ executor: { status: 'starting' } }), 'halted_by_risk AGENT_NOT_RUNNING'],
  ])('%s', (_what, input, expected) => expect(outcomeOf(agent, input)).toBe(expected));
});
