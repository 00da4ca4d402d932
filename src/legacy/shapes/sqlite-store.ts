import { closeSync, fsyncSync, openSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { REMOVED } from '../../auth/credentials.js';
import { Exact } from '../convert/exact.js';
import { own } from '../../common/own.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';
import { plainName } from '../source/plain-name.js';
import { jsonText } from './json-text.js';
import { type Counter, type OldStore, RowRefused, type TableForm } from './old-store.js';
import { type Cells, createStatements, quoted, type ShapeTable } from './shape.js';
import { whole } from './write.js';

const sqlite = process.getBuiltinModule('node:sqlite');
/** "TWEX", in the header of a file that was written here. SQLite keeps it for whoever made the file; no table tells of it. */
const OURS = 0x54574558;
/** Only a mirror puts state; the old application asks for its own tables alone. */
const STATE = '_tradewarden_state';

const MAGIC = 'SQLite format 3\0';
const APPLICATION_ID_AT = 68;

/**
 * Whether this SQLite file was written here. False for what is no SQLite file. Its header is read as bytes: whoever was killed
 * within a commit leaves a journal, with which SQLite opens a file for reading alone no more, and for writing only by rolling
 * back what may not be ours.
 */
export function isOurSqlite(path: string): boolean {
  const header = Buffer.alloc(APPLICATION_ID_AT + 4);
  if (!statSync(path).isFile()) return false;
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  return header.toString('latin1', 0, MAGIC.length) === MAGIC && header.readUInt32BE(APPLICATION_ID_AT) === OURS;
}

export class SqliteStore implements OldStore {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly columns = new Map<string, Map<string, string>>();
  private inTransaction = false;

  /** @param isNew nobody reads the file before it is closed: no journal, one sync at the end */
  constructor(private readonly path: string, private readonly isNew: boolean) {
    this.db = new sqlite.DatabaseSync(path, { enableForeignKeyConstraints: false });
    this.db.exec(`PRAGMA journal_mode = ${isNew ? 'off' : 'delete'}; PRAGMA synchronous = ${isNew ? 'off' : 'full'}; PRAGMA busy_timeout = 5000`);
    // Written once: to write takes a lock, also for who only compares.
    if (this.db.prepare('PRAGMA application_id').get()?.application_id !== OURS) this.db.exec(`PRAGMA application_id = ${OURS}`);
  }

  make(table: ShapeTable, { only, further = [], nullable, declared: theirs = {}, spelled, order = [] }: TableForm = {}): void {
    this.begin();
    const listed = new Set(table.columns.map(({ name }) => name));
    const columns = table.columns.filter(({ name }) => !only || only.has(name)).map(({ name, declared }) => ({ name, declared: ofType(nullable?.has(name) ? withoutNotNull(declared) : declared, own(theirs, name)) }));
    const all = [...columns, ...further.filter((name) => !listed.has(name)).map((name) => ({ name, declared: own(theirs, name) ?? '' }))];
    // The old program may read them by their places (`SELECT *`); what the file did not have stands behind.
    const placeOf = ({ name }: { name: string }) => (order.includes(name) ? order.indexOf(name) : order.length);
    for (const statement of createStatements(table, all.sort((one, other) => placeOf(one) - placeOf(other)), spelled)) this.db.exec(statement);
    this.columns.delete(table.name);
    if (!this.isNew) this.reshape(table, nullable ?? new Set(), theirs);
  }

  drop({ name }: ShapeTable): void {
    this.begin();
    this.db.exec(`DROP TABLE IF EXISTS ${quoted(name)}`);
    this.columns.delete(name);
  }

  upsert(table: ShapeTable, cells: Cells): void {
    // Not `on conflict`: a column that the row does not say would keep what another row with this id had said. Another unique
    // key that is taken stays an error: "or replace" would delete the other row without a word.
    if (table.key.length > 0) this.remove(table, cells);
    this.put(table, cells);
  }

  insert(table: ShapeTable, cells: Cells): readonly string[] {
    this.put(table, cells);
    return Object.keys(cells).filter((name) => roundedIn(cells[name] ?? null) && this.isNumeric(table.name, name));
  }

  remove(table: ShapeTable, key: Cells): void {
    this.begin();
    this.prepared(`DELETE FROM ${quoted(table.name)} WHERE ${table.key.map((name) => `${quoted(name)} IS ?`).join(' AND ')}`).run(...table.key.map((name) => bound(key[name] ?? null)));
  }

  *rows(table: ShapeTable): Iterable<Cells> {
    this.columns.delete(table.name);
    const there = this.columnsOf(table.name);
    if (there.size === 0) return;
    const names = [...(table.key[0] === 'rowid' ? ['rowid'] : []), ...there.values()];
    // A text is read by its bytes: what is not UTF-8 would come as U+FFFD and look like a difference.
    const select = names.map((name, index) => `typeof(${quoted(name)}) AS t${index}, CASE typeof(${quoted(name)}) WHEN 'text' THEN CAST(${quoted(name)} AS BLOB) ELSE ${quoted(name)} END AS v${index}`);
    const statement = this.db.prepare(`SELECT ${select.join()} FROM ${quoted(table.name)} ORDER BY ${table.key.length > 0 ? table.key.map(quoted).join() : 'rowid'}`);
    statement.setReadBigInts(true);
    for (const row of statement.iterate()) {
      yield Object.fromEntries(names.map((name, index) => [asShape(table, name), row[`t${index}`] === 'text' ? textOf(row[`v${index}`] as Uint8Array) : (row[`v${index}`] as Cell)]));
    }
  }

  state(name: string): string | null {
    if (this.columnsOf(STATE).size === 0) return null;
    const row = this.prepared(`SELECT value FROM ${STATE} WHERE name = ?`).get(name);
    return typeof row?.value === 'string' ? row.value : null;
  }

  putState(name: string, value: string): void {
    this.begin();
    this.db.exec(`CREATE TABLE IF NOT EXISTS ${STATE} (name TEXT PRIMARY KEY, value TEXT NOT NULL)`);
    this.columns.delete(STATE);
    this.prepared(`INSERT INTO ${STATE} (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`).run(name, value);
  }

  /** The counters of AUTOINCREMENT, at least these: the old application's next id is above every id that was ever there. */
  sequences(counters: readonly Counter[]): void {
    this.begin();
    this.columns.delete('sqlite_sequence');
    if (this.columnsOf('sqlite_sequence').size === 0) return;
    const counted = this.counters();
    this.db.exec('DELETE FROM sqlite_sequence');
    const insert = this.db.prepare('INSERT INTO sqlite_sequence (rowid, name, seq) VALUES (?, ?, ?)');
    // Those that have a place first: what has none would take one of theirs.
    for (const { table, rowid, least } of [...counters].sort((one, other) => Number(one.rowid === null) - Number(other.rowid === null))) {
      const reached = counted.get(table) ?? 0n;
      counted.delete(table);
      insert.run(rowid, table, reached > least ? reached : least);
    }
    for (const [name, seq] of counted) insert.run(null, name, seq);
  }

  counters(): Map<string, bigint> {
    this.columns.delete('sqlite_sequence');
    if (this.columnsOf('sqlite_sequence').size === 0) return new Map();
    const statement = this.db.prepare(`SELECT name, seq FROM sqlite_sequence WHERE typeof(seq) = 'integer'`);
    statement.setReadBigInts(true);
    return new Map(statement.all().map(({ name, seq }) => [name as string, seq as bigint]));
  }

  commit(): void {
    if (this.inTransaction) this.db.exec('COMMIT');
    this.inTransaction = false;
  }

  close(): void {
    if (this.inTransaction && !this.isNew) this.db.exec('ROLLBACK');
    this.db.close();
    if (!this.isNew) return;
    const file = openSync(this.path, 'r+');
    fsyncSync(file);
    closeSync(file);
  }

  private begin(): void {
    if (!this.inTransaction) this.db.exec('BEGIN IMMEDIATE');
    this.inTransaction = true;
  }

  private put(table: ShapeTable, cells: Cells): void {
    this.begin();
    const there = this.columnsOf(table.name);
    // A column that the table lacks is added for a value, not for nothing.
    const names = Object.keys(cells).filter((name) => name === 'rowid' || there.has(plainName(name)) || cells[name] !== null);
    for (const name of names) if (name !== 'rowid' && !there.has(plainName(name))) this.add(table, name, there);
    const marks = names.map((name) => (cells[name] instanceof BadText ? 'CAST(? AS TEXT)' : '?'));
    const values = names.map((name) => bound(asDeclared(table, name, cells[name] ?? null)));
    try {
      this.prepared(`INSERT INTO ${quoted(table.name)} (${names.map(quoted).join()}) VALUES (${marks.join()})`).run(...values);
    } catch (error) {
      // 19: a constraint. Anything else is the disk's, and ends the work.
      if (((error as { errcode?: number }).errcode ?? 0) % 256 !== 19) throw error;
      throw new RowRefused((error as Error).message);
    }
  }

  /** As they are spelled there, by their plain names. */
  private columnsOf(table: string): Map<string, string> {
    const known = this.columns.get(table) ?? new Map(this.db.prepare('SELECT name FROM pragma_table_info(?)').all(table).map(({ name }) => [plainName(name as string), name as string]));
    this.columns.set(table, known);
    return known;
  }

  /** Whether SQLite makes a number of a text there that looks like one. */
  private isNumeric(table: string, name: string): boolean {
    const type = this.db.prepare('SELECT type FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE').get(table, name)?.type;
    return typeof type === 'string' && type !== '' && (/INT/i.test(type) || !/CHAR|CLOB|TEXT|BLOB/i.test(type));
  }

  /** An import came after the table was made, and has rows with nothing where it wants something, or columns of other types. SQLite changes no column: the table is made anew. */
  private reshape(table: ShapeTable, nullable: ReadonlySet<string>, theirs: Readonly<Record<string, string>>): void {
    const found = this.db.prepare('SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?)').all(table.name) as { name: string; type: string; notnull: number; dflt_value: string | null }[];
    const columns = found.map((column) => ({ ...column, name: asShape(table, column.name) }));
    const typeOf = ({ name, type }: { name: string; type: string }) => (isKey(table, name) ? type : own(theirs, name) || type);
    if (!columns.some((column) => (column.notnull === 1 && nullable.has(column.name)) || typeOf(column).toUpperCase() !== column.type.toUpperCase())) return;
    const declared = columns.map(({ name, type, notnull, dflt_value: standard }) => ({
      name, declared: ownOf(table, name, typeOf({ name, type })) ?? `${typeOf({ name, type })}${notnull === 1 ? ' NOT NULL' : ''}${standard === null ? '' : ` DEFAULT ${standard}`}`,
    })).map((column) => (nullable.has(column.name) ? { ...column, declared: withoutNotNull(column.declared) } : column));
    const [create = '', ...indexes] = createStatements(table, declared, { table: this.spellingOf(table), columns: Object.fromEntries(found.map(({ name }) => [asShape(table, name), name])) });
    const names = columns.map(({ name }) => quoted(name)).join();
    const before = quoted(`${table.name} before`);
    this.db.exec(`ALTER TABLE ${quoted(table.name)} RENAME TO ${before}; ${create}; INSERT INTO ${quoted(table.name)} (${names}) SELECT ${names} FROM ${before}; DROP TABLE ${before}`);
    for (const index of indexes) this.db.exec(index);
  }

  private spellingOf({ name }: ShapeTable): string {
    const found = this.db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE`).get(name);
    return typeof found?.name === 'string' ? found.name : name;
  }

  private add(table: ShapeTable, name: string, there: Map<string, string>): void {
    const declared = table.columns.find((column) => column.name === name)?.declared ?? '';
    // Rows are there already: NOT NULL would need a default that the old application never had.
    this.db.exec(`ALTER TABLE ${quoted(table.name)} ADD COLUMN ${quoted(name)} ${/DEFAULT/i.test(declared) ? declared : withoutNotNull(declared)}`);
    there.set(plainName(name), name);
  }

  private prepared(sql: string): StatementSync {
    const known = this.statements.get(sql) ?? this.db.prepare(sql);
    this.statements.set(sql, known);
    return known;
  }
}

/** The type that the column had where its rows came from, with what is declared of it beside. A key that counts keeps its own: SQLite counts in an INTEGER alone. */
const ofType = (declared: string, theirs: string | undefined): string =>
  theirs === undefined || /PRIMARY KEY/i.test(declared) ? declared : `${theirs}${/ (?:NOT NULL|NULL|DEFAULT|UNIQUE|CHECK|REFERENCES|COLLATE)\b.*$/is.exec(declared)?.[0] ?? ''}`.trimStart();

/** By the name that the shape has for it. */
const asShape = ({ columns }: ShapeTable, name: string): string => columns.find((column) => column.name === name || column.name === plainName(name))?.name ?? name;

function ownOf(table: ShapeTable, name: string, type: string): string | undefined {
  const declared = table.columns.find((each) => each.name === name)?.declared;
  return declared === undefined ? undefined : ofType(declared, type);
}

/** The old program parses a column of JSON when it reads the row: a marker that is no JSON would cost it the whole table. */
const asDeclared = ({ columns }: ShapeTable, name: string, cell: Cell): Cell =>
  cell === REMOVED && /^JSONB?\b/i.test(columns.find((column) => column.name === name)?.declared ?? '') ? JSON.stringify(REMOVED) : cell;

/** Whether a text is a whole number of more digits than 64 bits have, and is another number as a double. */
const roundedIn = (cell: Cell): boolean => typeof cell === 'string' && /^-?\d{19,}$/.test(cell) && whole(cell) === null && !new Exact(String(Number(cell))).eq(cell);

const isKey = ({ columns }: ShapeTable, name: string): boolean => columns.some((each) => each.name === name && /PRIMARY KEY/i.test(each.declared));

const withoutNotNull = (declared: string) => declared.replace(/ NOT NULL/i, '');

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): Cell {
  if (bytes.includes(0)) return new BadText(bytes, 'NUL');
  try {
    return UTF8.decode(bytes);
  } catch {
    return new BadText(bytes, 'NOT_UTF8');
  }
}

function bound(cell: Cell): SQLInputValue {
  if (cell === null || typeof cell === 'string' || typeof cell === 'bigint' || typeof cell === 'number' || cell instanceof Uint8Array) return cell;
  if (typeof cell === 'boolean') return cell ? 1n : 0n;
  if (cell instanceof BadText) return cell.bytes;
  if (cell instanceof JsonNumber) return cell.text;
  return jsonText(cell);
}
