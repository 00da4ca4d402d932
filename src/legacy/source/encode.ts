import { plainNumber } from '../convert/decimals.js';
import { BadText, type Cell, type JsonCell, JsonNumber } from './cell.js';

/**
 * An old row as JSON that jsonb keeps without loss, and back. What JSON has no word for is an object with one of these names
 * alone (`fault` beside `text`); an object of a document that would look like one is put into `json`.
 *
 * | cell | JSON |
 * |---|---|
 * | 12 (INTEGER) | `12` |
 * | 12.0 (REAL) | `12.0`: never an exponent, for jsonb forgets it and 1e21 would come back as an INTEGER |
 * | infinite, -0.0 | `{"real": "Infinity"}` |
 * | BLOB | `{"blob": "…base64"}` |
 * | text with a NUL, or not UTF-8 | `{"text": "…base64", "fault": "NUL"}` |
 * | text of JSON with a NUL or half a pair | `{"utf16": "…base64, little endian"}` |
 * | a number of JSON that jsonb would spell otherwise | `{"number": "1e5"}` |
 * | an object whose names jsonb lacks | `{"pairs": [[name, value], …]}` |
 */
const MARKS = new Set(['real', 'blob', 'text', 'utf16', 'number', 'pairs', 'json']);

/** What jsonb gives back as it was given: no exponent, no sign at 0, and not of thousands of digits. */
const JSONB_NUMBER = /^-?(?:0|[1-9]\d{0,999})(?:\.\d{1,999})?$/;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
const quoted = (text: string): string => (isPlain(text) ? JSON.stringify(text) : `{"utf16":"${Buffer.from(text, 'utf16le').toString('base64')}"}`);
const isPlain = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
/** PostgreSQL makes -0 of nothing: `-0.00` comes back without its sign. */
const isNegativeZero = (digits: string): boolean => digits.startsWith('-') && !/[1-9]/.test(digits);

/** One cell as JSON text. Names inside are sorted: the same text for the same value. */
export function encoded(cell: Cell): string {
  switch (typeof cell) {
    case 'string': return quoted(cell);
    case 'bigint': return String(cell);
    case 'boolean': return String(cell);
    case 'number': return real(cell);
    default: return cell === null ? 'null' : nested(cell);
  }
}

function real(value: number): string {
  if (!Number.isFinite(value)) return `{"real":"${value}"}`;
  if (Object.is(value, -0)) return '{"real":"-0.0"}';
  const digits = plainNumber(value);
  return digits.includes('.') ? digits : `${digits}.0`;
}

function nested(cell: Exclude<Cell, null | bigint | number | string | boolean>): string {
  if (cell instanceof JsonNumber) return JSONB_NUMBER.test(cell.text) && !isNegativeZero(cell.text) ? cell.text : `{"number":${JSON.stringify(cell.text)}}`;
  if (cell instanceof BadText) return `{"text":"${base64(cell.bytes)}","fault":"${cell.fault}"}`;
  if (cell instanceof Uint8Array) return `{"blob":"${base64(cell)}"}`;
  if (Array.isArray(cell)) return `[${cell.map(encoded).join(',')}]`;
  const names = Object.keys(cell).sort();
  if (names.some((name) => !isPlain(name))) return `{"pairs":[${names.map((name) => `[${quoted(name)},${encoded(cell[name] ?? null)}]`).join(',')}]}`;
  const object = `{${names.map((name) => `${JSON.stringify(name)}:${encoded(cell[name] ?? null)}`).join(',')}}`;
  return isMark(names) ? `{"json":${object}}` : object;
}

const isMark = (names: readonly string[]): boolean => (names.length === 1 && MARKS.has(names[0] ?? '')) || (names.length === 2 && names.includes('text') && names.includes('fault'));

/** Names as JSON: of a table they are the same for all its rows. */
const names = new Map<string, string>();
const NAMES_MOST = 10_000;

function nameOf(column: string): string {
  let name = names.get(column);
  if (name === undefined) {
    if (names.size >= NAMES_MOST) names.clear();
    names.set(column, (name = isPlain(column) ? `${JSON.stringify(column)}:` : ''));
  }
  return name;
}

/** The whole row, as `import_rows.original` and `import_archive.original` hold it. */
export function encodeRow(cells: Readonly<Record<string, Cell>>): string {
  const columns = Object.keys(cells).sort();
  let text = '';
  for (const column of columns) {
    const name = nameOf(column);
    // A CSV may have a header that is not text.
    if (name === '') return `{"pairs":[${columns.map((each) => `[${quoted(each)},${encoded(cells[each] ?? null)}]`).join(',')}]}`;
    text += `${text === '' ? '' : ','}${name}${encoded(cells[column] ?? null)}`;
  }
  // A table of one column may call it `text`.
  return isMark(columns) ? `{"json":{${text}}}` : `{${text}}`;
}

/** What `encodeRow` made, also after jsonb has had it. */
export function decodeRow(value: JsonCell): Record<string, Cell> {
  const row = value as Record<string, JsonCell>;
  const names = Object.keys(row);
  if (names.length === 1 && names[0] === 'pairs') return fromPairs(row.pairs as JsonCell[], decoded);
  return mapped(names.length === 1 && names[0] === 'json' ? (row.json as Record<string, JsonCell>) : row, decoded);
}

/** A cell, from its JSON with the digits of its numbers (`parseJson`). Whole numbers of 64 bits are INTEGER, those with a point REAL where a double has just these digits. */
export function decoded(value: JsonCell): Cell {
  if (!(value instanceof JsonNumber)) return value !== null && typeof value === 'object' ? unmarked(value) : value;
  if (/^-?\d+$/.test(value.text)) return BigInt.asIntN(64, BigInt(value.text)) === BigInt(value.text) ? BigInt(value.text) : value;
  return real(Number(value.text)) === value.text ? Number(value.text) : value;
}

function unmarked(value: Exclude<JsonCell, null | string | boolean>): Cell {
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof JsonNumber) return value;
  const names = Object.keys(value);
  if (!isMark(names)) return mapped(value, inner);
  const [said] = [value[names.find((name) => name !== 'fault') ?? '']];
  if (value.json !== undefined) return mapped(value.json as Record<string, JsonCell>, inner);
  if (value.pairs !== undefined) return fromPairs(said as JsonCell[], inner);
  const text = said as string;
  if (value.real !== undefined) return Number(text);
  if (value.blob !== undefined) return new Uint8Array(Buffer.from(text, 'base64'));
  if (value.utf16 !== undefined) return Buffer.from(text, 'base64').toString('utf16le');
  if (value.number !== undefined) return new JsonNumber(text);
  return new BadText(new Uint8Array(Buffer.from(text, 'base64')), value.fault as BadText['fault']);
}

/** Inside a document numbers stay as they are written. */
const inner = (value: JsonCell): JsonCell => (value !== null && typeof value === 'object' ? (unmarked(value) as JsonCell) : value);

function mapped<T>(from: Record<string, JsonCell>, read: (value: JsonCell) => T): Record<string, T> {
  return named(Object.entries(from).map(([name, value]) => [name, read(value)]));
}

function fromPairs<T>(pairs: JsonCell[], read: (value: JsonCell) => T): Record<string, T> {
  return named((pairs as [JsonCell, JsonCell][]).map(([name, value]) => [inner(name) as string, read(value)]));
}

/** `Object.fromEntries` makes a name of `__proto__` too. */
const named = <T>(entries: [string, T][]): Record<string, T> => Object.fromEntries(entries);
