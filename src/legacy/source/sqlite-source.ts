import { closeSync, existsSync, openSync, readSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Source } from './cell.js';
import { fileDigest } from './digest.js';
import { type FileState, fileState, refuseChanged, refuseInUse } from './in-use.js';
import { SourceError } from './source-error.js';
import { quotedName, type SqliteFile, sqliteFault, SqliteTable, type TableShape } from './sqlite-table.js';
import { temporaryFolder } from './temporary.js';

const sqlite = process.getBuiltinModule('node:sqlite');

const MAGIC = 'SQLite format 3\0';

export interface SqliteOptions {
  /** In use: a copy is made by SQLite itself, at one instant, and read. */
  hot: boolean;
  /** Before the names of its tables: the file's path in its folder. */
  within?: string;
}

/**
 * One file of SQLite. Nothing is written beside it and no lock is taken: it is opened as one that does not change, and
 * whether it did is seen at the end (`unchanged`).
 * @throws {SourceError}
 */
export async function openSqlite(path: string, options: SqliteOptions): Promise<Source> {
  refuseOthers(path);
  if (!options.hot) {
    await refuseInUse(path);
    const state = await fileState(path);
    return opened(path, path, state.sha256, options, state, () => undefined);
  }
  const folder = temporaryFolder('source');
  const removed = () => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, 'copy.db');
    await copied(path, copy, fileOf(path, options));
    return opened(copy, path, await fileDigest(copy), options, null, removed);
  } catch (error) {
    removed();
    if (!(error instanceof SourceError) || error.code !== 'SOURCE_UNREADABLE') throw error;
    // In WAL mode, where SQLite may not write its -shm beside it: nobody else can be writing there either.
    await refuseInUse(path).catch(() => { throw error; });
    return openSqlite(path, { ...options, hot: false });
  }
}

export const isSqlite = (path: string): boolean => firstBytes(path) === MAGIC;

function refuseOthers(path: string): void {
  const found = firstBytes(path);
  if (found === '') throw new SourceError('SOURCE_EMPTY', `${basename(path)} is empty: it holds no table. Is it the right file?`);
  if (found !== MAGIC) throw new SourceError('SOURCE_NOT_A_DATABASE', `${basename(path)} is no SQLite database, or an encrypted one${/\.(?:csv|tsv|jsonl?|ndjson)$/i.test(path) ? '. Of CSV and JSON name the folder' : ''}`);
}

const SAYS: Record<string, string> = { ENOENT: 'is not there', EACCES: 'may not be read by this user', EPERM: 'may not be read by this user', EISDIR: 'is a folder' };

export function unreadable(path: string, error: unknown): SourceError {
  const { code = '', message } = error as { code?: string; message: string };
  return new SourceError(code === 'ENOENT' ? 'SOURCE_NOT_FOUND' : 'SOURCE_UNREADABLE', `${path} ${SAYS[code] ?? `cannot be read: ${message}`}`);
}

function firstBytes(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.alloc(MAGIC.length);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0));
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const fileOf = (path: string, { within }: SqliteOptions): SqliteFile => ({ name: within ?? basename(path), isInFolder: within !== undefined });

async function copied(path: string, to: string, file: SqliteFile): Promise<void> {
  try {
    if (isLeft(path)) await copiedTogether(path, to);
    else await backedUp(path, to);
    using copy = new sqlite.DatabaseSync(to);
    // A copy of a database in WAL mode is in WAL mode, and opened as unchanging it must need no other file.
    copy.exec('pragma journal_mode = delete');
  } catch (error) {
    throw sqliteFault(error, file, null);
  }
}

/** The database's own copying: what a writer commits meanwhile is in it whole, or not at all. */
async function backedUp(path: string, to: string): Promise<void> {
  try {
    using from = new sqlite.DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    await sqlite.backup(from, to, { rate: 1_000_000 });
  } catch (error) {
    if (((error as { errcode?: number }).errcode ?? 0) % 256 !== READONLY || !existsSync(`${path}-journal`)) throw error;
    // A change that was cut off: who reads alone may not take it back, and nobody holds the file.
    await copiedTogether(path, to);
  }
}

const READONLY = 8;
const IN_WAL_MODE = 2;

/** In WAL mode whoever has it open has a -shm beside it; where there is none, SQLite would leave one there for having read it. */
function isLeft(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const byte = Buffer.alloc(1);
    return readSync(file, byte, 0, 1, 18) === 1 && byte[0] === IN_WAL_MODE && !existsSync(`${path}-shm`);
  } finally {
    closeSync(file);
  }
}

/** With what lies beside it, which SQLite then takes into the copy. @throws {SourceError} SOURCE_CHANGED */
async function copiedTogether(path: string, to: string): Promise<void> {
  const suffixes = ['', '-wal', '-journal'].filter((suffix) => existsSync(path + suffix));
  const states = await Promise.all(suffixes.map((suffix) => fileState(path + suffix)));
  for (const suffix of suffixes) await copyFile(path + suffix, to + suffix);
  for (const state of states) await refuseChanged(state);
}

function opened(file: string, path: string, sha256: string, options: SqliteOptions, state: FileState | null, removed: () => void): Source {
  const named = fileOf(path, options);
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  let db: DatabaseSync | undefined;
  try {
    db = new sqlite.DatabaseSync(url, { readOnly: true, allowExtension: false });
    const open = db;
    // Of a schema by another hand no function is called that does more than compute.
    db.exec('pragma trusted_schema = off; pragma cell_size_check = on');
    const encoding = String(db.prepare('pragma encoding').get()?.encoding ?? 'UTF-8').toLowerCase();
    const listed = db.prepare('pragma main.table_list').all() as unknown as Listed[];
    const shapes = listed.filter(({ type, name }) => (type === 'table' || type === 'shadow') && name !== 'sqlite_schema').sort(byName).map((table) => shapeOf(open, table, options.within));
    const tables = shapes.map((shape) => new SqliteTable(open, named, encoding, shape));
    const notRead = listed.filter(({ type }) => type === 'view' || type === 'virtual').sort(byName)
      .map(({ name, type }) => ({ name: within(options, name), why: type === 'view' ? 'a view: it holds nothing of its own' : 'a virtual table: what it holds is in its own tables, if anywhere' }));
    return {
      medium: 'sqlite', sha256, tables, notRead,
      unchanged: async () => { if (state !== null) await refuseChanged(state); },
      close() {
        if (open.isOpen) open.close();
        removed();
      },
    };
  } catch (error) {
    if (db?.isOpen) db.close();
    throw sqliteFault(error, named, null);
  }
}

interface Listed { name: string; type: string; wr: number; strict: number }
interface Info { name: string; type: string; pk: number; hidden: number }

const byName = (one: Listed, other: Listed): number => (one.name < other.name ? -1 : 1);
const within = ({ within }: { within?: string | undefined }, name: string): string => (within === undefined ? name : `${within}/${name}`);

function shapeOf(db: DatabaseSync, { name, wr, strict }: Listed, folder: string | undefined): TableShape {
  // Hidden 1 is a column of a virtual table that is asked for by name alone; 2 and 3 are computed ones.
  const columns = (db.prepare(`pragma main.table_xinfo(${quotedName(name)})`).all() as unknown as Info[]).filter(({ hidden }) => hidden !== 1);
  const names = new Set(columns.map((column) => column.name.toLowerCase()));
  return {
    table: name, name: within({ within: folder }, name),
    // ANY of a STRICT table keeps what it is given, as no type does elsewhere: there ANY is a number where it can be.
    columns: columns.map((column) => ({ name: column.name, declared: strict === 1 && column.type.toUpperCase() === 'ANY' ? '' : column.type })),
    key: keyOf(db, name, columns),
    primary: primaryOf(columns),
    rowid: wr === 1 ? null : (['rowid', '_rowid_', 'oid'].find((word) => !names.has(word)) ?? null),
  };
}

const primaryOf = (columns: readonly Info[]): string[] => columns.filter(({ pk }) => pk > 0).sort((one, other) => one.pk - other.pk).map(({ name }) => name);

/**
 * Of a table that another tool has written no key is declared: a column `id` that names each row once is one all the same,
 * for other tables refer to it, and a rowid is another in the next copy.
 */
function keyOf(db: DatabaseSync, table: string, columns: readonly Info[]): string[] {
  const declared = primaryOf(columns);
  const id = declared.length > 0 ? undefined : columns.find(({ name }) => name.toLowerCase() === 'id')?.name;
  if (id === undefined) return declared;
  const [column, from] = [quotedName(id), quotedName(table)];
  const found = db.prepare(`select count(*) = count(${column}) and count(*) = count(distinct ${column}) and count(distinct typeof(${column})) <= 1 as is_key from main.${from}`).get();
  return Number(found?.is_key) === 1 ? [id] : [];
}
