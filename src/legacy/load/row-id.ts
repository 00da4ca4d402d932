import { hash } from 'node:crypto';

/**
 * The id that a row of an old system has here: the same in every run, so that a second run, a proof and a rollback find
 * it, and references need no map. A UUID of version 8, whose bits are the maker's own.
 */
export function rowId(source: string, table: string, oldId: string): string {
  const hex = hash('sha256', `${source}\0${table}\0${oldId}`, 'hex');
  const variant = '89ab'[parseInt(hex.charAt(16), 16) & 3] ?? '8';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
