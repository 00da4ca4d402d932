import type { HaltMode, HaltOnAgent, HaltScope } from './halt-rows.js';

export type HaltState = 'active' | 'reducing' | 'halted' | 'flatten';

/** From the mildest. */
const STATES: Record<HaltMode, HaltState> = { reduce: 'reducing', halt: 'halted', flatten: 'flatten' };
const ORDER: readonly HaltState[] = ['active', ...Object.values(STATES)];

/** A halt of a symbol or a strategy leaves the rest of what its agents do alone. */
const holdsAgent = (scope: HaltScope): boolean => scope === 'global' || scope === 'account' || scope === 'agent';

/** What an agent should be in, of the halts in force that cover it: the strictest counts. As `halt_state` in the database. */
export function strictestState(halts: readonly Pick<HaltOnAgent, 'scope' | 'mode'>[]): HaltState {
  const states = halts.filter(({ scope }) => holdsAgent(scope)).map(({ mode }) => STATES[mode]);
  return ORDER.findLast((state) => states.includes(state)) ?? 'active';
}
