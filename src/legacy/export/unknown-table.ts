import type { Shape, ShapeTable } from '../shapes/shape.js';

/**
 * A table that was imported although no shape knows it. Of SQLite: its columns without types, rows without a key by their
 * rowid. Of a folder: the file that the old id of its rows names, `a/b.csv#3`. Null where nothing says where its rows were.
 */
export function unknownTable(medium: Shape['medium'], name: string, oldId: string, columns: readonly string[]): ShapeTable | null {
  const table = { part: '', columns: columns.map((each) => ({ name: each, declared: '' })), constraints: [], indexes: [], ours: null, events: [], newId: 'number' as const };
  if (medium === 'sqlite') return { ...table, name: name.replace(/^.*\//, ''), key: /^#\d+$/.test(oldId) ? ['rowid'] : [] };
  const [, path = '', place] = /^([^#]+\.(?:json|jsonl|csv))(#\d+)?$/.exec(oldId) ?? [];
  if (path === '') return null;
  return { ...table, name, key: [], files: { path, form: path.endsWith('.csv') ? 'csv' : place === undefined ? 'json' : 'json-list' } };
}
