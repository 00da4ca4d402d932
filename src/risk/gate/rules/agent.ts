import { halted, passed, reason, type Rule } from '../finding.js';
import type { GateInput } from '../gate-input.js';
import type { Reason } from '../verdict.js';

/**
 * An agent that never said what it does stands as stopped; one that says so gives its trading lease back, so outside live the
 * lease tells the two apart.
 */
const isWell = ({ status }: GateInput['executor'], mode: GateInput['mode']): boolean => status === 'running' || (status === 'stopped' && mode !== 'live');

/** What it is told to do and what it says that it does: a command to one that does not run would only expire. */
export const agent: Rule = {
  name: 'agent',
  codes: ['AGENT_RETIRED', 'AGENT_NOT_RUNNING'],
  check({ input: { executor, proposer, mode } }) {
    const reasons: Reason[] = [];
    if (executor.retired) reasons.push(reason('AGENT_RETIRED', 'The executor is retired.'));
    if (proposer?.retired) reasons.push(reason('AGENT_RETIRED', 'The proposer is retired.'));
    if (executor.run !== 'running') reasons.push(reason('AGENT_NOT_RUNNING', `The executor is told to be ${executor.run}.`, executor.run, 'running'));
    else if (!isWell(executor, mode)) reasons.push(reason('AGENT_NOT_RUNNING', `The executor says that it is ${executor.status}.`, executor.status, 'running'));
    const input = { executor: executor.id, proposer: proposer?.id ?? executor.id, run: executor.run, status: executor.status };
    return reasons.length > 0 ? halted(input, ...reasons) : passed(input);
  },
};
