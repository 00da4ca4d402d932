import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { writeFileSync } from 'node:fs';

/** A text whose bytes are no text: not UTF-8, or with a NUL. */
export class OddText {
  readonly bytes: Uint8Array;
  constructor(...bytes: number[]) {
    this.bytes = new Uint8Array(bytes);
  }
}

/** As SQLite can hold it: number is REAL, bigint INTEGER. */
export type Raw = null | number | bigint | string | Uint8Array | OddText;
export type OldRow = Record<string, Raw>;

export interface OldTable {
  name: string;
  columns: { name: string; declared: string }[];
  /** `id` (INTEGER PRIMARY KEY) or another column's; none at all; or without a rowid. */
  key: { column: string; withoutRowid: boolean } | null;
  rows: OldRow[];
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const bound = (value: Raw): SQLInputValue => (value instanceof OddText ? value.bytes : value);

/** What SQLite will not take (a text for an INTEGER key, a key that is there) is left out: it would not be in such a file. */
export function writeTables(path: string, tables: readonly OldTable[]): void {
  writeFileSync(path, '');
  const db = new DatabaseSync(path);
  db.exec('pragma journal_mode = memory; pragma foreign_keys = off; begin');
  for (const { name, columns, key, rows } of tables) {
    if (columns.length === 0) continue;
    const declared = columns.map((column) => `${quoted(column.name)} ${column.declared}`).join(', ');
    db.exec(`create table ${quoted(name)} (${declared}${key === null ? '' : `, primary key (${quoted(key.column)})`})${key?.withoutRowid ? ' without rowid' : ''}`);
    for (const row of rows) {
      const places = columns.map((column) => (row[column.name] instanceof OddText ? 'cast(? as text)' : '?'));
      try {
        db.prepare(`insert into ${quoted(name)} values (${places.join(', ')})`).run(...columns.map((column) => bound(row[column.name] ?? null)));
      } catch (error) {
        if (!/mismatch|constraint/i.test((error as Error).message)) throw error;
      }
    }
  }
  db.exec('commit');
  db.close();
}

/** The tables of a file, as a model that can be changed. */
export function readTables(path: string): OldTable[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(`select name from sqlite_schema where type = 'table' order by name`).all().map(({ name }): OldTable => {
      const columns = db.prepare(`pragma table_info(${quoted(String(name))})`).all() as unknown as { name: string; type: string; pk: number }[];
      const rows = db.prepare(`select * from ${quoted(String(name))}`);
      rows.setReadBigInts(true);
      const key = columns.find(({ pk }) => pk > 0)?.name;
      return {
        name: String(name), columns: columns.map((column) => ({ name: column.name, declared: column.type })), key: key === undefined ? null : { column: key, withoutRowid: false },
        rows: rows.all() as OldRow[],
      };
    });
  } finally {
    db.close();
  }
}

/** As SQLite itself counts. */
export function countsOf(path: string): Record<string, number> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Object.fromEntries(db.prepare(`select name from pragma_table_list where schema = 'main' and type in ('table', 'shadow') and name <> 'sqlite_schema'`).all()
      .map(({ name }) => [String(name), Number(db.prepare(`select count(*) as n from ${quoted(String(name))}`).get()?.['n'])]));
  } finally {
    db.close();
  }
}

/** What a column holds as text; nothing where there is no such column. */
export function textsOf(path: string, table: string, column: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    if (db.prepare(`select 1 from pragma_table_info(?) where name = ?`).get(table, column) === undefined) return [];
    return db.prepare(`select cast(${quoted(column)} as text) as held from ${quoted(table)} where typeof(${quoted(column)}) = 'text'`).all().map(({ held }) => String(held));
  } finally {
    db.close();
  }
}

/** A column's values by the row's `id`, as they are stored; null where ids do not name rows. */
export function cellsById(path: string, table: string, columns: readonly string[]): Map<string, Raw[]> | null {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const info = db.prepare(`select name, pk from pragma_table_info(?)`).all(table);
    const known = info.map(({ name }) => String(name));
    // A row is named by its key, and that may be another column.
    if (info.some(({ name, pk }) => pk !== 0 && name !== 'id')) return null;
    if (!known.includes('id') || columns.some((column) => !known.includes(column))) return null;
    const statement = db.prepare(`select typeof(id) as kind, cast(id as text) as named, ${columns.map((column, n) => `${quoted(column)} as c${n}`).join(', ')} from ${quoted(table)}`);
    statement.setReadBigInts(true);
    const found = new Map<string, Raw[]>();
    for (const row of statement.all()) {
      if (row['kind'] !== 'integer' || found.has(String(row['named']))) return null;
      found.set(String(row['named']), columns.map((_, n) => row[`c${n}`] as Raw));
    }
    return found;
  } finally {
    db.close();
  }
}

/** A decimal as digits and how many of them stand behind the point, without zeros at the end: two that are equal are equal texts. */
export function exactly(text: string): string {
  const [, sign = '', whole = '', behind = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  let digits = BigInt(`${whole}${behind}` || '0');
  let scale = behind.length - Number(exponent);
  for (; scale < 0; scale += 1) digits *= 10n;
  while (digits !== 0n && scale > 0 && digits % 10n === 0n) [digits, scale] = [digits / 10n, scale - 1];
  return digits === 0n ? '0/0' : `${sign === '-' ? -digits : digits}/${scale}`;
}

export function total(values: readonly string[]): string {
  const parts = values.map((value) => exactly(value).split('/'));
  const scale = Math.max(0, ...parts.map(([, behind]) => Number(behind)));
  const sum = parts.reduce((all, [digits, behind]) => all + BigInt(digits ?? 0) * 10n ** BigInt(scale - Number(behind)), 0n);
  return exactly(`${sum}e${-scale}`);
}

/** What a person would take an old cell for; undefined where nobody could say. */
export function moneyIn(raw: Raw): string | null | undefined {
  if (raw === null) return null;
  if (typeof raw === 'bigint') return String(raw);
  if (typeof raw === 'number') return Number.isFinite(raw) ? String(raw) : undefined;
  if (typeof raw !== 'string') return undefined;
  const text = raw.trim();
  if (text === '') return null;
  const [, bracket, sign, , after, digits = ''] = /^(\(?)([+-]?)\s*([$€£₹]?)\s*([+-]?)([\d.,]+(?:[eE][+-]?\d+)?)\)?$/.exec(text) ?? [];
  const plain = digits.replaceAll(',', '');
  return /\d/.test(plain) ? `${bracket === '(' || sign === '-' || after === '-' ? '-' : ''}${plain}` : undefined;
}
