import { halted, passed, reason, type Rule } from '../finding.js';
import type { HaltFacts } from '../gate-input.js';
import type { ReasonCode } from '../reason-codes.js';

const CODES: Record<HaltFacts['scope'], ReasonCode> = { global: 'HALT_GLOBAL', account: 'HALT_ACCOUNT', agent: 'HALT_AGENT', strategy: 'HALT_STRATEGY', symbol: 'HALT_SYMBOL' };
const SCOPES: Record<HaltFacts['scope'], string> = { global: 'Everything', account: 'The account', agent: 'The agent', strategy: 'The strategy', symbol: 'The symbol' };
const STATES: Record<HaltFacts['mode'], string> = { reduce: 'only reducing', halt: 'halted', flatten: 'being closed' };

/** Of whatever mode: none of the three opens. */
export const halt: Rule = {
  name: 'halt',
  codes: ['HALT_BREAKER', ...Object.values(CODES)],
  check({ input: { halts } }) {
    const input = { halts: halts.length, ids: halts.map(({ id }) => id).join(' ') };
    if (halts.length === 0) return passed(input);
    return halted(input, ...halts.map(({ scope, mode, breaker, reason: why }) =>
      breaker === null
        ? reason(CODES[scope], `${SCOPES[scope]} is ${STATES[mode]}: ${why}`)
        : reason('HALT_BREAKER', `${SCOPES[scope]} is ${STATES[mode]} by the circuit breaker ${breaker}: ${why}`, breaker)));
  },
};
