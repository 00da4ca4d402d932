import type { Cell } from '../../source/cell.js';

/** Nothing is taken for paper that does not say so: what could be at a broker counts as live. Null: a word that nobody knows. */
export function modeOf(order: Readonly<Record<string, Cell>>): 'paper' | 'live' | null {
  const simulated = order['simulated'];
  if (simulated === 1n || simulated === true || simulated === 1 || simulated === '1' || (typeof simulated === 'string' && /^(true|t|yes|y)$/i.test(simulated))) return 'paper';
  const target = order['execution_target'];
  // Older revisions have no such column: what was not simulated went to the broker.
  if (target === undefined || target === null) return 'live';
  const word = typeof target === 'string' ? target.trim().toUpperCase() : '';
  return word === 'PAPER' ? 'paper' : word === 'LIVE' ? 'live' : null;
}
