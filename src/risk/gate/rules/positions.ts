import { readable } from '../../../instruments/figures.js';
import { passed, reason, rejected, type Rule, unknown } from '../finding.js';

/** How old the last complete report of positions may be. */
const SECONDS_MAX = '60';

export const positions: Rule = {
  name: 'positions',
  codes: ['POSITIONS_STALE'],
  check(facts) {
    const { positionsSeconds } = facts.input.executor;
    const input = { positionsSeconds, limit: SECONDS_MAX };
    if (positionsSeconds === null) return unknown(facts, input, reason('POSITIONS_STALE', 'The executor has sent no complete report of positions since it started.', null, SECONDS_MAX));
    const age = readable(positionsSeconds);
    if (age?.lte(SECONDS_MAX)) return passed(input);
    return rejected(input, reason('POSITIONS_STALE', `The last complete report of positions is ${positionsSeconds.slice(0, 40)} s old; at most ${SECONDS_MAX} s count.`, positionsSeconds, SECONDS_MAX));
  },
};
