import { conflict, type Problem } from '../common/problem.js';
import type { HaltRow } from './halt-rows.js';

/** `everything`, `EURUSD`, `account 0193…` and the like. */
export const scopeText = ({ scope_type: type, scope_id: id }: Pick<HaltRow, 'scope_type' | 'scope_id'>): string =>
  type === 'global' ? 'everything' : type === 'symbol' ? String(id) : `${type} ${id}`;

/** What whoever wants to open is told: which halt, since when, who and why. */
export function halted(halt: HaltRow): Problem {
  const who = halt.breaker === null ? halt.imposed_by : `the circuit breaker ${halt.breaker}`;
  return conflict('HALTED', `Nothing opens: ${who} has halted ${scopeText(halt)} (${halt.mode}) since ${new Date(halt.imposed_at).toISOString()}: ${halt.reason} [halt ${halt.id}]`);
}
