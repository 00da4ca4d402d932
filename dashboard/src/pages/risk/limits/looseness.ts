import type { Change } from '../../../shared/versioned/differences.js';
import { LIMIT_NAMES, type LimitName, type LimitValue, MEANINGS } from './limit-meanings.js';

/** Below 0 when `one` is the smaller of two plain decimals; exact, however many digits they have. NaN when one is none. */
export function compared(one: string, other: string): number {
  const parts = [one, other].map((text) => /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text.trim()));
  if (!parts[0] || !parts[1]) return NaN;
  const places = Math.max(...parts.map((part) => part?.[3]?.length ?? 0));
  const [a, b] = parts.map((part) => BigInt(`${part?.[1] === '-' ? '-' : ''}${part?.[2] ?? ''}${(part?.[3] ?? '').padEnd(places, '0')}`)) as [bigint, bigint];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a change lets through, as the server reckons it: null limits nothing. What is no number yet is neither. */
export function effectOf(name: LimitName, before: LimitValue, after: LimitValue): 'tighter' | 'looser' | null {
  if (before === after) return null;
  if (before === null || after === null) return after === null ? 'looser' : 'tighter';
  const { tighter } = MEANINGS[name];
  if (tighter === 'true' || tighter === 'false') return String(after) === tighter ? 'tighter' : 'looser';
  const order = compared(String(after), String(before));
  if (Number.isNaN(order) || order === 0) return null;
  return (order < 0) === (tighter === 'lower') ? 'tighter' : 'looser';
}

export const isLimit = (field: string): field is LimitName => (LIMIT_NAMES as readonly string[]).includes(field);

export const effectOfChange = ({ field, before, after }: Change): 'tighter' | 'looser' | null =>
  (isLimit(field) ? effectOf(field, (before ?? null) as LimitValue, (after ?? null) as LimitValue) : null);
