import { needsApproval, off, passed, reason, type Rule } from '../finding.js';
import { switches, whose } from '../limits.js';

/** One that asks for it is enough. */
export const approval: Rule = {
  name: 'approval',
  codes: ['APPROVAL_REQUIRED'],
  check(facts) {
    const { approved } = facts.input.idea;
    const said = switches(facts, 'requireApproval');
    const asking = said.find(({ value }) => value !== false);
    const input = { approved, requireApproval: asking !== undefined };
    if (said.length === 0) return off(input);
    if (!asking || approved === true) return passed(input);
    return needsApproval(input, reason('APPROVAL_REQUIRED', `requireApproval ${whose(asking)} is true: a person has to approve.`));
  },
};
