import type { Shape, ShapeTable } from '../shapes/shape.js';

const FILE = /^([^#]+\.(?:json|jsonl|csv|example))(#\d+)?$/;
const ROWID = /^#\d+$/;

/** Of rows with one place one table is made: a file of a folder; in SQLite, rows with a rowid or with a key of their own. */
export const placeOf = (medium: Shape['medium'], oldId: string): string => (medium === 'folder' ? (FILE.exec(oldId)?.[1] ?? '') : ROWID.test(oldId) ? 'rowid' : '');

/**
 * A table that was imported although no shape knows it. Of SQLite: its columns without types, rows without a key by their
 * rowid. Of a folder: the file that the old id of its rows names, `a/b.csv#3`; where it names none, a list of its own.
 */
export function unknownTable(medium: Shape['medium'], name: string, oldId: string, columns: readonly string[]): ShapeTable {
  const table = { part: '', columns: columns.map((each) => ({ name: each, declared: '' })), constraints: [], indexes: [], ours: null, events: [], newId: 'number' as const };
  if (medium === 'sqlite') return { ...table, name: name.replace(/^.*\//, ''), key: ROWID.test(oldId) ? ['rowid'] : [] };
  const [, path = `data/imported/${name.replace(/[^\w.-]+/g, '_')}.json`, place] = FILE.exec(oldId) ?? [];
  return { ...table, name, key: [], files: { path, form: path.endsWith('.csv') ? 'csv' : place === undefined && FILE.test(oldId) ? 'json' : 'json-list' } };
}
