import type { AlertFields } from './alert-fields.js';
import type { DeclaredMapping, MappedField } from './declared-mapping.js';
import { member, textOf, type Payload, type Said } from './said.js';

export function declaredFields(payload: Payload, { fields, actions }: DeclaredMapping): Partial<AlertFields> {
  const found: Partial<Record<MappedField, Said>> = {};
  for (const [name, place] of Object.entries(fields) as [MappedField, string | { const: string } | undefined][]) {
    if (place !== undefined && name !== 'secret') found[name] = typeof place === 'string' ? textOf(at(payload, place)) : place.const;
  }
  const { action, limitPrice } = found;
  return { ...found, action: typeof action === 'string' ? meaning(action, actions) : action ?? null, defaultOrderType: limitPrice ? 'limit' : 'market' };
}

/** A name with points in it goes before a path. */
function at(payload: Payload, path: string): unknown {
  return Object.hasOwn(payload, path) ? payload[path] : path.split('.').reduce<unknown>((value, name) => member(value, name), payload);
}

/** Behind a colon: a word without a meaning, for the sentence about it. */
export const UNKNOWN_WORD = 'unknown:';

function meaning(word: string, actions: DeclaredMapping['actions']): string {
  const [, found] = Object.entries(actions).find(([theirs]) => theirs.toLowerCase() === word.toLowerCase()) ?? [];
  return found ?? (word.includes('{{') ? word : UNKNOWN_WORD + word);
}
