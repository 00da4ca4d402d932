import type { Caller } from '../common/http/caller.js';
import type { AgentCaller, Requester } from '../common/principal.js';
import { forbidden } from '../common/problem.js';

const notYours = () => forbidden('NOT_YOUR_AGENT', 'An agent key acts for its own agent only.');

/** The agent that speaks, on routes that only agents may call. */
export function agentOf({ principal }: Caller): AgentCaller {
  if (principal.kind !== 'agent') throw forbidden('ONLY_AGENTS', 'Only agents call this.');
  return principal;
}

/** Who asks, on routes: no source of alerts and no chat ever does. */
export function requesterOf({ principal }: Caller): Requester {
  if (principal.kind === 'source') throw forbidden('ONLY_REQUESTS', 'A source of alerts asks for nothing.');
  if (principal.kind === 'chat') throw forbidden('ONLY_REQUESTS', 'A chat asks for nothing.');
  return principal;
}

/** For a single row: people see every agent's, a key its own agent's only. @throws {Problem} 403 NOT_YOUR_AGENT */
export function mustOwn({ principal }: Caller, agentId: string): void {
  if (principal.kind === 'agent' && principal.agentId !== agentId) throw notYours();
}

/**
 * For a list: the agent whose rows are shown. Null: all agents', which only people see.
 * @throws {Problem} 403 NOT_YOUR_AGENT when a key asks for another agent by name
 */
export function agentShown(caller: Caller, asked: string | undefined): string | null {
  if (asked !== undefined) mustOwn(caller, asked);
  return caller.principal.kind === 'agent' ? caller.principal.agentId : (asked ?? null);
}
