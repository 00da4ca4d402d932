import { halted, passed, reason, type Rule } from '../finding.js';

export const lease: Rule = {
  name: 'lease',
  codes: ['LEASE_MISSING'],
  check({ input: { executor } }) {
    const input = { holdsTradingLease: executor.holdsTradingLease };
    if (executor.holdsTradingLease === true) return passed(input);
    return halted(input, reason('LEASE_MISSING', 'The executor does not hold the trading lease: it has not been heard of for 60 s, or was never.'));
  },
};
