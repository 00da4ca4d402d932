import { halted, passed, reason, type Rule } from '../finding.js';

/** Nobody's switch: the system holds openings while too much of it fails, and ends that by itself. */
export const suspension: Rule = {
  name: 'suspension',
  codes: ['SYSTEM_SUSPENDED'],
  check({ input: { suspension: now } }) {
    if (now === null) return passed({ suspended: false });
    return halted({ suspended: true, cause: now.cause, since: now.since }, reason('SYSTEM_SUSPENDED', `Openings are held since ${now.since}, until the system is well again: ${now.reason}`, now.cause));
  },
};
