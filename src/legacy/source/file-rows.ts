import { readFileSync } from 'node:fs';
import { BadText, type Cell, type JsonCell, JsonNumber, type SourceRow } from './cell.js';
import { type CsvRecord, csvRecords } from './csv-rows.js';
import { chunksOf, documentBytes, isUtf16, linesOf, textOf, textOfBytes, withoutMark } from './file-bytes.js';
import type { FolderFile } from './folder-files.js';
import { JsonBroken, type JsonDocument, parseJson } from './json-text.js';

export type Kind = 'csv' | 'json' | 'lines' | 'whole';

export interface FileShape {
  kind: Kind;
  /** Of CSV alone: the header as it stands, which every row has. */
  header?: readonly string[];
  /** Of CSV alone: the first line is a row, and the columns are numbered. */
  isHeadless?: boolean;
  delimiter?: string;
  notes: readonly string[];
}

/** A document is read whole; larger ones are JSON lines everywhere. */
const DOCUMENT_MOST = 200 * 1024 * 1024;
/** What is neither CSV nor JSON goes into one row. */
export const WHOLE_MOST = 64 * 1024 * 1024;
/** A longer line is cut, and each piece is a reject. */
const LINE_MOST = 16 * 1024 * 1024;
const FIRST_LINE_MOST = 1 << 20;

/** By its name; and of JSON by its first line, for some write lines into a `.json`. */
export function shapeOf(file: FolderFile): FileShape {
  const name = file.path.replace(/\.example$/i, '');
  const notes = isUtf16(file.full) ? [`ENCODING_UTF16: ${file.path} is UTF-16; an export writes UTF-8`] : [];
  if (/\.(?:csv|tsv)$/i.test(name)) return csvShape(file, name, notes);
  if (/\.(?:jsonl|ndjson)$/i.test(name)) return { kind: 'lines', notes };
  if (!/\.json$/i.test(name)) return { kind: 'whole', notes: [] };
  return { kind: hasJsonLines(file) ? 'lines' : 'json', notes };
}

/** More than one line, and one of the first two is a whole object. */
function hasJsonLines({ full }: FolderFile): boolean {
  const first: string[] = [];
  for (const line of linesOf(full, FIRST_LINE_MOST)) {
    if (line.trim() !== '') first.push(line);
    if (first.length === 2) break;
  }
  return first.length === 2 && first.some((line) => /^\s*\{.*\}\s*$/.test(withoutMark(line)) && !(documentOf(line) instanceof JsonBroken));
}

const documentOf = (latin1: string): JsonDocument | JsonBroken => parsed(textOf(withoutMark(latin1)));

function parsed(text: string | BadText): JsonDocument | JsonBroken {
  if (text instanceof BadText && text.fault === 'NOT_UTF8') return new JsonBroken('it is not UTF-8');
  if (text instanceof BadText) return new JsonBroken('it holds a NUL');
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonBroken) return error;
    throw error;
  }
}

function csvShape({ full, path }: FolderFile, name: string, notes: string[]): FileShape {
  const [line = ''] = linesOf(full, FIRST_LINE_MOST);
  const delimiter = /\.tsv$/i.test(name) ? '\t' : line.includes(',') ? ',' : line.includes(';') ? ';' : line.includes('\t') ? '\t' : ',';
  const [first] = records(full, path, delimiter);
  if (first && isRow(first)) {
    notes.push(`HEADER_MISSING: ${path}: its first line holds figures and is a row; the columns are numbered`);
    return { kind: 'csv', header: first.cells.map((_cell, place) => `column ${place + 1}`), isHeadless: true, delimiter, notes };
  }
  const seen = new Map<string, number>();
  const header = (first?.cells ?? []).map((cell, place) => {
    const written = textOf(cell ?? '');
    const column = written instanceof BadText ? Buffer.from(written.bytes).toString('latin1').replaceAll('\0', ' ') : written.trim();
    if (written instanceof BadText) notes.push(`COLUMN_NOT_TEXT: ${path}: the header of column ${place + 1} is not UTF-8; read as ${column}`);
    const unique = column === '' ? `column ${place + 1}` : column;
    const times = (seen.get(unique) ?? 0) + 1;
    seen.set(unique, times);
    if (times > 1) notes.push(`COLUMN_TWICE: ${path}: ${times} columns are called ${unique}; this one is read as "${unique} (${times})"`);
    return times === 1 ? unique : `${unique} (${times})`;
  });
  return { kind: 'csv', header, delimiter, notes };
}

/** Nobody calls a column `0.01` or `2025-01-01 00:00:00`; taken for a header, the row would be gone. */
const FIGURE = /^\s*-?\d+\.\d+\s*$|^\s*\d{4}-\d\d-\d\d[ T]\d\d:\d\d/;
const isRow = ({ cells }: CsvRecord): boolean => cells.some((cell) => cell !== null && FIGURE.test(cell));

function* records(full: string, path: string, delimiter: string): Iterable<CsvRecord> {
  function* withoutItsMark(): Iterable<string> {
    let isFirst = true;
    for (const chunk of chunksOf(full)) {
      yield isFirst ? withoutMark(chunk) : chunk;
      isFirst = false;
    }
  }
  yield* csvRecords(withoutItsMark(), delimiter, path);
}

export interface Known { columns: ReadonlySet<string>; count: number }

/** What of a file is one table's. */
export interface Piece {
  file: FolderFile;
  shape: FileShape;
  id?: string | undefined;
  /** Its columns and how many rows it has, once they are known; of the file, for each profile asks anew, and may read it otherwise. */
  known: Map<string, Known>;
  /** Of a document: the place its rows are at; or the places that are other tables', and this is what is left. */
  at?: string | undefined;
  without?: readonly string[];
  /** A document that is no JSON is a row of its first table alone. */
  isFirst: boolean;
}

/** Each named by its path and place, or by the field `id`. */
export function* rowsOf(piece: Piece): Iterable<SourceRow> {
  const { file, shape, id } = piece;
  switch (shape.kind) {
    case 'csv': yield* csvRows(file, shape, id); break;
    case 'lines': yield* lineRows(file, id); break;
    case 'json': yield* documentRows(piece); break;
    case 'whole': yield { id: file.path, cells: { content: wholeOf(readFileSync(file.full)) } }; break;
  }
}

/** All is read once: of JSON no header says which names there are. */
export function knownOf(piece: Piece): Known {
  const place = JSON.stringify([piece.shape.kind, piece.at, piece.without, piece.isFirst]);
  const known = piece.known.get(place);
  if (known !== undefined) return known;
  const columns = new Set(piece.shape.header);
  let count = 0;
  for (const { cells } of rowsOf(piece)) {
    count += 1;
    for (const name in cells) columns.add(name);
  }
  const found = { columns, count };
  piece.known.set(place, found);
  return found;
}

function* csvRows({ full, path }: FolderFile, { header = [], delimiter = ',', isHeadless = false }: FileShape, id: string | undefined): Iterable<SourceRow> {
  let place = isHeadless ? 0 : -1;
  for (const { cells: read, line, fault } of records(full, path, delimiter)) {
    place += 1;
    if (place === 0) continue;
    const cells: Record<string, Cell> = {};
    for (let at = 0; at < Math.max(read.length, header.length); at += 1) put(cells, header[at] ?? `column ${at + 1}`, cellOf(read[at]));
    const ragged = read.length === header.length ? null : `${read.length} cells under ${header.length} headers`;
    const row: SourceRow = { id: named(cells, id) ?? `${path}#${place}`, cells };
    if (fault !== null) row.broken = { code: 'ROW_QUOTES', detail: `${path}, line ${line}: ${fault}` };
    else if (ragged !== null) row.broken = { code: 'ROW_RAGGED', detail: `${path}, line ${line}: ${ragged}` };
    yield row;
  }
}

const cellOf = (latin1: string | null | undefined): Cell => (typeof latin1 === 'string' ? textOf(latin1) : null);

function* lineRows({ full, path }: FolderFile, id: string | undefined): Iterable<SourceRow> {
  let number = 0;
  for (const line of linesOf(full, LINE_MOST)) {
    number += 1;
    if (withoutMark(line).trim() === '') continue;
    const document = documentOf(line);
    yield document instanceof JsonBroken ? brokenRow(`${path}#${number}`, `${path}, line ${number}`, textOf(line), document) : rowOf(document.value, document, id, `${path}#${number}`);
  }
}

function* documentRows({ file: { full, path, size }, id, at, without, isFirst }: Piece): Iterable<SourceRow> {
  const document = size > DOCUMENT_MOST ? new JsonBroken(`it is larger than ${DOCUMENT_MOST} bytes; as JSON lines it can be read`) : parsed(textOfBytes(documentBytes(full)));
  if (document instanceof JsonBroken) {
    if (isFirst) yield brokenRow(path, path, size > WHOLE_MOST ? null : textOfBytes(documentBytes(full)), document);
    return;
  }
  if (without !== undefined) {
    for (const place of without) takeOut(document.value, place);
    if (Object.keys(document.value ?? {}).length > 0) yield rowOf(document.value, document, undefined, path);
    return;
  }
  const found = within(document.value, at);
  if (found === undefined) return;
  if (!Array.isArray(found.value) && !found.isEach) {
    yield rowOf(found.value, document, id, path);
    return;
  }
  let isNoted = !isFirst;
  for (const [place, value] of Array.isArray(found.value) ? found.value.map((value, place): [string, JsonCell] => [String(place + 1), value]) : Object.entries(found.value as Record<string, JsonCell>)) {
    const row = rowOf(value, isNoted ? { notes: [] } : document, id, `${path}#${place}`);
    isNoted = true;
    if (found.isEach && !Array.isArray(found.value)) put(row.cells, '$name', place);
    yield row;
  }
}

const isObject = (value: JsonCell | undefined): value is Record<string, JsonCell> => value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof JsonNumber);
const steps = (at: string): string[] => at.replace(/\.?\*$/, '').split('.').filter((part) => part !== '');

/** `accounts`, `data.trades`; with `*` at its end, each member of an object is a row, and its name is `$name`. */
function within(value: JsonCell, at: string | undefined): { value: JsonCell; isEach: boolean } | undefined {
  if (at === undefined) return { value, isEach: false };
  const isEach = at === '*' || at.endsWith('.*');
  let found: JsonCell | undefined = value;
  for (const name of steps(at)) found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  return found === undefined || (isEach && !isObject(found) && !Array.isArray(found)) ? undefined : { value: found, isEach };
}

/** What another table has read. */
function takeOut(document: JsonCell, at: string): void {
  if (within(document, at) === undefined) return;
  const names = steps(at);
  const last = names.pop();
  let holder: JsonCell | undefined = document;
  for (const name of names) holder = (holder as Record<string, JsonCell>)[name];
  if (last !== undefined) delete (holder as Record<string, JsonCell>)[last];
  else if (Array.isArray(document)) document.length = 0;
  else for (const name of Object.keys(document as Record<string, JsonCell>)) delete (document as Record<string, JsonCell>)[name];
}

function rowOf(value: JsonCell, { notes }: Pick<JsonDocument, 'notes'>, id: string | undefined, place: string): SourceRow {
  const cells: Record<string, Cell> = isObject(value) ? value : { value };
  return { id: named(cells, id) ?? place, cells, ...(notes.length > 0 && { notes: notes.map(({ code, sentence }) => `${code}: ${sentence}`) }) };
}

const brokenRow = (id: string, where: string, content: Cell, { message }: JsonBroken): SourceRow => ({ id, cells: { content }, broken: { code: 'JSON_INVALID', detail: `${where}: ${message}` } });

const ID_MOST = 500;

function named(cells: Readonly<Record<string, Cell>>, id: string | undefined): string | null {
  const cell = id === undefined || !Object.hasOwn(cells, id) ? null : cells[id] ?? null;
  const word = typeof cell === 'string' ? cell : cell instanceof JsonNumber ? cell.text : null;
  return word !== null && word !== '' && word.length <= ID_MOST && !word.includes('\0') && word.isWellFormed() ? word : null;
}

function wholeOf(bytes: Buffer): Cell {
  const text = textOfBytes(bytes);
  return text instanceof BadText ? new Uint8Array(bytes) : text;
}

function put(cells: Record<string, Cell>, name: string, value: Cell): void {
  if (name === '__proto__') Object.defineProperty(cells, name, { value, enumerable: true, writable: true, configurable: true });
  else cells[name] = value;
}
