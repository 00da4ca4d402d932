import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { BadText, type Cell, type SourceRow, type SourceTable } from './cell.js';
import { rowId } from './row-id.js';
import { textOfUtf16 } from './utf16-text.js';
import { LEAVE_OUT, SourceError } from './source-error.js';

export interface TableShape {
  /** In its database. */
  table: string;
  /** In the source: with the file before it inside a folder. */
  name: string;
  columns: readonly { name: string; declared: string }[];
  key: readonly string[];
  /** The key that is declared. */
  primary: readonly string[];
  /** How its rowid is called, where it has one that no column hides. */
  rowid: string | null;
  /** What a profile looks for, where that is spelled otherwise than the table is. */
  base?: string;
  /** Of columns that are spelled otherwise than in the file: how they are there. */
  spelled?: Readonly<Record<string, string>>;
}

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

type Raw = null | bigint | number | string | Uint8Array;

/**
 * A table of SQLite, a row at a time. Text is read as it is, and only from the first that is in doubt on with its column's
 * bytes beside it: `node:sqlite` turns bytes that are no UTF-8 into U+FFFD and says nothing, and reading all twice takes three times as long.
 */
export class SqliteTable implements SourceTable {
  readonly name: string;
  readonly base: string;
  readonly columns: readonly string[];
  readonly declared: Readonly<Record<string, string>>;
  readonly key: readonly string[];
  readonly primary: readonly string[];
  readonly spelled?: Readonly<Record<string, string>>;
  /** Where one INTEGER column, or the rowid, names a row. */
  readonly find?: (id: string) => SourceRow | undefined;
  private readonly from: string;
  private readonly loose: readonly boolean[];

  constructor(
    private readonly db: DatabaseSync,
    private readonly file: SqliteFile,
    private readonly encoding: string,
    private readonly shape: TableShape,
  ) {
    this.name = shape.name;
    this.base = shape.base ?? shape.table;
    if (shape.spelled !== undefined) this.spelled = shape.spelled;
    this.columns = shape.columns.map(({ name }) => name);
    this.declared = Object.fromEntries(shape.columns.map(({ name, declared }) => [name, declared.toUpperCase()]));
    this.key = shape.key;
    this.primary = shape.primary;
    this.loose = shape.key.map((column) => /^$|BLOB/i.test(this.declared[column] ?? ''));
    this.from = `from main.${quotedName(shape.table)}`;
    const [column] = shape.key;
    if (shape.rowid !== null && (column === undefined || (shape.key.length === 1 && this.declared[column] === 'INTEGER'))) this.find = this.finder(shape.rowid, column);
  }

  /** SQLite finds its columns under either spelling. */
  respelled(base: string, spelling: (name: string) => string): SqliteTable {
    const { columns, key, primary } = this.shape;
    const others = columns.flatMap(({ name }) => (spelling(name) === name ? [] : [[spelling(name), name]]));
    return new SqliteTable(this.db, this.file, this.encoding, {
      ...this.shape, base, columns: columns.map(({ name, declared }) => ({ name: spelling(name), declared })), key: key.map(spelling), primary: primary.map(spelling),
      ...(others.length === 0 ? {} : { spelled: Object.fromEntries(others) as Record<string, string> }),
    });
  }

  count(): number {
    return this.reading(() => Number(this.statement(`select count(*) ${this.from}`).get()?.['0'] ?? 0));
  }

  *rows(after?: string): Iterable<SourceRow> {
    const { rowid } = this.shape;
    let read = 0;
    let last: bigint | null = null;
    const doubted: number[] = [];
    let waiting = after !== undefined;
    const begun = after === undefined ? null : this.rowidOf(after);
    if (begun !== null) [last, waiting] = [begun, false];
    // Once, and once more for each column that has such a text: then its bytes are read, too.
    for (let doubt: number; ; doubted.push(doubt)) {
      doubt = -1;
      for (const raw of this.raw(doubted, rowid === null ? BigInt(read) : last)) {
        doubt = this.firstDoubt(raw, doubted);
        if (doubt !== -1) break;
        const at: bigint | null = rowid === null ? null : (raw.at(-1) as bigint);
        const cells = this.cellsOf(raw, doubted);
        read += 1;
        last = at;
        const row = { id: this.idOf(cells, at), cells };
        if (!waiting) yield row;
        else if (row.id === after) waiting = false;
      }
      if (doubt === -1) break;
    }
    if (waiting) throw new SourceError('SOURCE_ROW_MISSING', `${this.name}: the row ${after} is not there, after which reading was to go on`);
  }

  /** Of the columns whose bytes are not read yet; -1: none. */
  private firstDoubt(raw: readonly Raw[], doubted: readonly number[]): number {
    for (let place = 0; place < this.columns.length; place += 1) if (isInDoubt(raw[place]) && !doubted.includes(place)) return place;
    return -1;
  }

  private finder(rowid: string, column: string | undefined): (id: string) => SourceRow | undefined {
    const statements = new Map<string, StatementSync>();
    const rawOf = (doubted: readonly number[], number: bigint): Raw[] | undefined => this.reading(() => {
      const named = doubted.join();
      let statement = statements.get(named);
      if (statement === undefined) statements.set(named, (statement = this.statement(`select ${this.listed(doubted)} ${this.from} where ${column === undefined ? rowid : quotedName(column)} = ?`)));
      return statement.get(number) as unknown as Raw[] | undefined;
    });
    return (id) => {
      const [, digits] = (column === undefined ? /^#(-?\d{1,19})$/ : /^(-?\d{1,19})$/).exec(id) ?? [];
      const number = digits === undefined ? null : BigInt(digits);
      if (number === null || BigInt.asIntN(64, number) !== number) return undefined;
      const raw = rawOf([], number);
      if (raw === undefined) return undefined;
      const doubted = this.columns.flatMap((_, place) => (isInDoubt(raw[place]) ? [place] : []));
      const cells = this.cellsOf(doubted.length === 0 ? raw : (rawOf(doubted, number) ?? raw), doubted);
      return { id: this.idOf(cells, raw.at(-1) as bigint), cells };
    };
  }

  /** What is selected: the columns, the bytes of each text of those in doubt, and the rowid. */
  private listed(doubted: readonly number[]): string {
    const names = this.columns.map(quotedName);
    const bytes = doubted.map((place) => `case when typeof(${names[place]}) = 'text' then cast(${names[place]} as blob) end`);
    return [...names, ...bytes, ...(this.shape.rowid === null ? [] : [this.shape.rowid])].join(', ');
  }

  /** The rowid of a row that is named by an INTEGER key, so that going on after it needs no reading of what lies before. */
  private rowidOf(id: string): bigint | null {
    const { rowid, key } = this.shape;
    const [, digits] = (key.length === 0 ? /^#(-?\d+)$/ : /^(-?\d+)$/).exec(id) ?? [];
    const column = key.length === 1 ? key[0] ?? '' : null;
    if (rowid === null || digits === undefined || (column !== null && this.declared[column] !== 'INTEGER') || key.length > 1) return null;
    const found = this.reading(() => this.statement(`select ${rowid} ${this.from} where ${column === null ? rowid : quotedName(column)} = ?`).get(BigInt(digits)));
    return (found as unknown as [bigint] | undefined)?.[0] ?? null;
  }

  private *raw(doubted: readonly number[], after: bigint | null): Iterable<Raw[]> {
    const { rowid, key } = this.shape;
    const listed = this.listed(doubted);
    const sql = rowid === null
      ? `select ${listed} ${this.from}${key.length === 0 ? '' : ` order by ${key.map(quotedName).join(', ')}`} limit -1 offset ${after ?? 0n}`
      : `select ${listed} ${this.from}${after === null ? '' : ` where ${rowid} > ${after}`} order by ${rowid}`;
    const rows = this.reading(() => this.statement(sql).iterate()) as unknown as Iterable<Raw[]>;
    try {
      for (const row of rows) yield row;
    } catch (error) {
      throw sqliteFault(error, this.file, this.name);
    }
  }

  private cellsOf(raw: readonly Raw[], doubted: readonly number[]): Record<string, Cell> {
    const cells: Record<string, Cell> = {};
    for (let place = 0; place < this.columns.length; place += 1) this.put(cells, place, raw[place] as Raw);
    for (const [behind, place] of doubted.entries()) {
      const value = raw[place] as Raw;
      if (isInDoubt(value)) this.put(cells, place, this.textOf(value, raw[this.columns.length + behind] as Uint8Array));
    }
    return cells;
  }

  private put(cells: Record<string, Cell>, place: number, value: Cell): void {
    const name = this.columns[place] as string;
    if (name === '__proto__') Object.defineProperty(cells, name, { value, enumerable: true, writable: true, configurable: true });
    else cells[name] = value;
  }

  private textOf(value: string, bytes: Uint8Array): Cell {
    if (this.encoding !== 'utf-8') return textOfUtf16(bytes, this.encoding === 'utf-16be');
    if (value.includes('\0')) return new BadText(bytes, 'NUL');
    try {
      // A U+FFFD that stands there is text. The mark of byte order, too.
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      return value;
    } catch {
      return new BadText(bytes, 'NOT_UTF8');
    }
  }

  private idOf(cells: Record<string, Cell>, at: bigint | null): string {
    const { key, rowid } = this.shape;
    // As nearly all are named.
    const first = key.length === 1 ? cells[key[0] as string] : null;
    if (typeof first === 'bigint') return String(first);
    const id = key.length === 0 ? null : rowId(key.map((column) => cells[column] ?? null), this.loose);
    if (id !== null) return id;
    if (rowid === null) throw new SourceError('SOURCE_TABLE_UNREADABLE', `${this.name} has neither a key nor a rowid: its rows cannot be named`);
    return `#${at}`;
  }

  private statement(sql: string): StatementSync {
    const statement = this.db.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement;
  }

  /** What SQLite says of a damaged file names no table. */
  private reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw sqliteFault(error, this.file, this.name);
    }
  }
}

const isInDoubt = (value: Raw | undefined): value is string => typeof value === 'string' && (value.includes('\ufffd') || value.includes('\0'));

const CORRUPT = 11;
const NOT_A_DATABASE = 26;

export interface SqliteFile {
  /** With its path inside a folder. */
  name: string;
  isInFolder: boolean;
}

export function sqliteFault(error: unknown, { name, isInFolder }: SqliteFile, table: string | null): SourceError {
  if (error instanceof SourceError) return error;
  const { errcode = 0, message } = error as { errcode?: number; message: string };
  const where = table === null ? name : `${name}, table ${table}`;
  const rest = isInFolder ? `. ${LEAVE_OUT}` : '';
  if ((errcode & 0xff) === CORRUPT) return new SourceError('SOURCE_DAMAGED', `${where}: ${message}. What can be saved: sqlite3 ${name} .recover | sqlite3 saved.db${rest}`);
  if ((errcode & 0xff) === NOT_A_DATABASE) return new SourceError('SOURCE_NOT_A_DATABASE', `${where} is no SQLite database, or an encrypted one${rest}`);
  return new SourceError('SOURCE_UNREADABLE', `${where}: ${message}${rest}`);
}
