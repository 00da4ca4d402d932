import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';

/** What a request said, with null and absent fields left out, since both mean "not said". */
export type Facts = Record<string, unknown>;

export const factsOf = (fields: Record<string, unknown>): Facts =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

export const hashOf = (facts: Facts): string => createHash('sha256').update(canonicalJson(facts)).digest('hex');

/** Names of the fields in which two requests differ, sorted. */
export function differingFields(first: Facts, second: Facts): string[] {
  const names = [...new Set([...Object.keys(first), ...Object.keys(second)])].sort();
  return names.filter((name) => canonicalJson(first[name] ?? null) !== canonicalJson(second[name] ?? null));
}
