import type { AgentRow, Run, RunReason } from './agents.repository.js';

/** What an agent should be doing: a level, not an edge. It rides on every answer, so losing one loses nothing. */
export interface DesiredState {
  state: 'active' | 'reducing' | 'halted' | 'flatten';
  run: Run;
  version: number;
  reasons: RunReason[];
}

export function desiredStateOf(agent: Pick<AgentRow, 'run' | 'run_reason' | 'state_version' | 'retired_at'>): DesiredState {
  const retired = agent.retired_at === null ? [] : [{ code: 'AGENT_RETIRED' }];
  const reasons = [...retired, ...(agent.run_reason ? [agent.run_reason] : [])];
  return { state: retired.length > 0 ? 'halted' : 'active', run: agent.run, version: agent.state_version, reasons };
}
