import { isSame } from '../../shared/versioned/differences.js';

/** What differs of these fields, as a PATCH takes it: what was emptied is taken away by null, what stays is left out. */
export const patchOf = (before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries([...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => !isSame(before[name], after[name])).map((name) => [name, after[name] ?? null]));
