import type { AgentCaller, Scope } from '../common/principal.js';
import { forbidden, type Problem } from '../common/problem.js';
import type { ElementName } from './sync.schemas.js';

/** What a sync carries beside its state. */
export type SyncPart = ElementName | 'acks' | 'lease';
/** Why nothing of this part is taken; null: each of its elements may be. */
export type Barred = (part: SyncPart) => Problem | null;

const SCOPES: Record<SyncPart, Scope> = {
  trades: 'records', transitions: 'records', fills: 'records', marks: 'records', positions: 'records', quotes: 'records', ideas: 'ideas', acks: 'commands', lease: 'commands',
};

/** The parts that a key with these scopes may not send. */
export const lacking = ({ scopes }: AgentCaller): SyncPart[] => (Object.keys(SCOPES) as SyncPart[]).filter((part) => !scopes.includes(SCOPES[part]));

/** A sync itself needs no scope, so that every agent is heard; how commands ended is held up by no limit. */
export function barsOf(caller: AgentCaller, overLimit: Problem | null): Barred {
  const without = lacking(caller);
  return (part) => (without.includes(part) ? forbidden('SCOPE_MISSING', `This key lacks the scope ${SCOPES[part]}.`) : part === 'acks' ? null : overLimit);
}
