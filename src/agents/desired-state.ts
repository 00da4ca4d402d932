import type { HaltMode, HaltOnAgent, HaltScope } from '../halts/halt-rows.js';
import { type HaltState, strictestState } from '../halts/strictest.js';
import type { AgentRow, Run, RunReason } from './agents.repository.js';

/** A halt in force that covers the agent; one of a symbol or a strategy is told and leaves the state as it is. */
export interface HaltReason {
  code: 'HALT';
  haltId: string;
  scope: HaltScope;
  mode: HaltMode;
  reason: string;
  symbol?: string;
  strategyId?: string;
  breaker?: string;
}

/** What desiredStateOf looks at. */
export type Desired = Pick<AgentRow, 'run' | 'run_reason' | 'state_version' | 'retired_at' | 'halts'>;

/** What an agent should be doing: a level, not an edge. It rides on every answer, so losing one loses nothing. */
export interface DesiredState {
  state: HaltState;
  run: Run;
  version: number;
  reasons: (RunReason | HaltReason)[];
}

export function desiredStateOf(agent: Desired): DesiredState {
  const retired = agent.retired_at === null ? [] : [{ code: 'AGENT_RETIRED' }];
  const halts = agent.halts ?? [];
  const reasons = [...retired, ...halts.map(reasonOf), ...(agent.run_reason ? [agent.run_reason] : [])];
  const state = strictestState([...halts, ...(retired.length > 0 ? [{ scope: 'agent', mode: 'halt' } as const] : [])]);
  return { state, run: agent.run, version: agent.state_version, reasons };
}

const reasonOf = ({ id, scope, scopeId, mode, reason, breaker }: HaltOnAgent): HaltReason => ({
  code: 'HALT', haltId: id, scope, mode, reason, ...(scope === 'symbol' && scopeId !== null ? { symbol: scopeId } : {}),
  ...(scope === 'strategy' && scopeId !== null ? { strategyId: scopeId } : {}), ...(breaker === null ? {} : { breaker }),
});

/** What a waiting poll ends for, when it is not what the poll began with. */
export const sameDesired = (one: Desired, other: Desired): boolean =>
  one === other || JSON.stringify(desiredStateOf(one)) === JSON.stringify(desiredStateOf(other));
