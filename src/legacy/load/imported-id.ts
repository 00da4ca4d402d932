import { hash } from 'node:crypto';

/**
 * The id that a row of an old system has here: the same in every run, so that a second run, a proof and a rollback find
 * it, and references need no map. A UUID of version 8, whose bits are the maker's own.
 */
export function importedId(source: string, table: string, oldId: string): string {
  const named = `${source}\0${table}\0${oldId}`;
  if (named === last.named) return last.id;
  last = { named, id: idOf(named) };
  return last.id;
}

/** Mapping, completing and comparing a row ask for the same one after another. */
let last = { named: '', id: '' };

function idOf(named: string): string {
  const hex = hash('sha256', named, 'hex');
  const variant = '89ab'[parseInt(hex.charAt(16), 16) & 3] ?? '8';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
