import { Exact } from '../common/decimal.js';
import type { CommandClass } from './command-types.js';

/** Settings whose growth risks more, and settings whose fall does. Every other change could do anything. */
const GROWTH_RISKS = /size|lot|risk|exposure|leverage|^max/i;
const FALL_RISKS = /threshold|confidence|^min|interval|cooldown/i;

/**
 * A change of settings is neutral when each changed value is a number that moves to the careful side, and opens
 * otherwise: what we cannot judge we do not call harmless.
 */
export function classOfConfigChange(current: Record<string, unknown>, change: Record<string, unknown>): CommandClass {
  const careful = Object.entries(change).every(([key, value]) => {
    const before = current[key];
    if (JSON.stringify(before) === JSON.stringify(value)) return true;
    if (typeof before !== 'number' || typeof value !== 'number') return false;
    if (FALL_RISKS.test(key)) return value >= before;
    return GROWTH_RISKS.test(key) && value <= before;
  });
  return careful ? 'neutral' : 'opens';
}

/** A new stop reduces only when it is no further from the market than the old one; a first stop always does. */
export function classOfStopMove(direction: 'long' | 'short', current: string | null, wanted: string | undefined): CommandClass {
  if (wanted === undefined || current === null) return 'reduces';
  const looser = direction === 'long' ? new Exact(wanted).lt(current) : new Exact(wanted).gt(current);
  return looser ? 'opens' : 'reduces';
}
