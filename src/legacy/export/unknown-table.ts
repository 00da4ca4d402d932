import { own } from '../../common/own.js';
import type { TableForm } from '../shapes/old-store.js';
import { quoted, type Shape, type ShapeTable } from '../shapes/shape.js';
import { plainName } from '../source/plain-name.js';
import type { KeptForm } from './export.repository.js';

const FILE = /^([^#]+\.(?:json|jsonl|ndjson|csv|example))(#\d+)?$/i;
const ROWID = /^#\d+$/;

const NOTHING_TOLD = { names: [], declared: {}, primary: [] };

/** Of rows with one place one table is made: a file of a folder; in SQLite, rows with a rowid or with a key of their own. */
export const placeOf = (medium: Shape['medium'], oldId: string, name: string): string =>
  (medium === 'folder' ? (FILE.exec(oldId)?.[1] ?? (name === oldId && isInside(name) ? name : '')) : ROWID.test(oldId) ? 'rowid' : '');

/** The form that a known table had where its rows came from. All its columns, where some of its rows are ours alone. */
export function formOf(table: ShapeTable, { names, nullable, declared, bare, spelled }: KeptForm): TableForm {
  return {
    ...(names.length > 0 && !bare ? { only: new Set(names) } : {}), further: names.filter((each) => !table.columns.some(({ name }) => name === each)), nullable: new Set(nullable),
    // Of a CSV no column has a type; of a database some may have none, and then take what they are given.
    declared: Object.values(declared).some((type) => type !== '') ? declared : {},
    order: Object.keys(declared),
    spelled: { table: spelled.table !== null && plainName(spelled.table) === table.name ? spelled.table : table.name, columns: spelled.columns },
  };
}

/**
 * A table that was imported although no shape knows it. Of SQLite: its columns and key as they were declared, rows without a
 * key by their rowid. Of a folder: the file that the old id of its rows names, `a/b.csv#3`; where it names none, a list of its own.
 */
export function unknownTable(medium: Shape['medium'], name: string, oldId: string, { names, declared, primary }: Pick<KeptForm, 'names' | 'declared' | 'primary'> = NOTHING_TOLD): ShapeTable {
  // A table without rows has its columns all the same: SQLite makes none without any.
  const columns = medium === 'sqlite' ? [...new Set([...Object.keys(declared), ...names])] : names;
  const constraints = medium === 'sqlite' && primary.length > 0 ? [`PRIMARY KEY (${primary.map(quoted).join(', ')})`] : [];
  const table = { part: '', columns: columns.map((each) => ({ name: each, declared: medium === 'sqlite' ? (own(declared, each) ?? '') : '' })), constraints, indexes: [], ours: null, events: [], newId: 'number' as const };
  if (medium === 'sqlite') return { ...table, name: name.replace(/^.*\//, ''), key: ROWID.test(oldId) ? ['rowid'] : [] };
  // What is neither CSV nor JSON is one row, and comes back as the file that it was.
  if (oldId !== '' && placeOf('folder', oldId, name) === name && !FILE.test(name)) return { ...table, name, key: [], files: { path: name, form: 'whole' } };
  const [, path = `data/imported/${name.replace(/[^\w.-]+/g, '_')}.json`, place] = FILE.exec(oldId) ?? [];
  return { ...table, name, key: [], files: { path, form: /\.csv$/i.test(path) ? 'csv' : /\.(?:jsonl|ndjson)$/i.test(path) ? 'json-lines' : place === undefined && FILE.test(oldId) ? 'json' : 'json-list' } };
}

/** A path below the folder, of no hidden file. */
const isInside = (path: string): boolean => path.split('/').every((part) => part !== '' && !part.startsWith('.')) && !/[{}\0]/.test(path);
