import { passed, reason, type Rule, unknown } from '../finding.js';

export const instance: Rule = {
  name: 'instance',
  codes: ['INSTANCE_MISSING'],
  check(facts) {
    const { instanceId } = facts.input.executor;
    if (instanceId !== null && instanceId !== '') return passed({ instanceId });
    return unknown(facts, { instanceId }, reason('INSTANCE_MISSING', 'No instance of the executor is named, so two copies of it could both open.'));
  },
};
