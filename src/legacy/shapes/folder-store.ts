import { isUtf8 } from 'node:buffer';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BadText, type Cell } from '../source/cell.js';
import { parseJson } from '../source/json-text.js';
import { csvText, readCsv } from './csv-text.js';
import { jsonText } from './json-text.js';
import { type OldStore, RowRefused, type StoreState, type TableForm } from './old-store.js';
import type { Cells, Files, ShapeTable } from './shape.js';

/** Begins with a dot: the old application looks for its own names, and an import for what is no hidden file. */
export const MARK = '.tradewarden.json';

export const isOurFolder = (path: string): boolean => existsSync(join(path, MARK));

const OPEN_MOST = 500;
/** As an import names a document that has no name of its own. */
const FILE = /^(?![/.])(?!.*\/\.)[^#]+\.json$/;

/** One file's rows by their key, and what else its document holds. */
interface OpenFile {
  files: Files;
  columns: string[];
  rows: Map<string, Cells>;
  /** Of a document that holds its rows in a field: the other fields. */
  around: Cells;
  changed: boolean;
}

/** Configuration and ideas: each file is small, and is replaced whole. Files that it was not told of stay as they are. */
export class FolderStore implements OldStore {
  private readonly open = new Map<string, OpenFile>();
  private readonly gone = new Set<string>();
  /** Documents whose rows stand in a field. */
  private readonly lists = new Map<string, ShapeTable>();
  private readonly kept: StoreState;
  /** Of rows without a key: the line that each had in its file, whichever came first. */
  private readonly lines = new WeakMap<Cells, number>();

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    this.kept = existsSync(join(folder, MARK)) ? (JSON.parse(readFileSync(join(folder, MARK), 'utf8')) as StoreState) : {};
  }

  make(table: ShapeTable, { only, further = [] }: TableForm = {}): void {
    // A document that is one row is there with its row: `null` is none that the old application reads.
    if (!table.files || table.files.path.includes('{') || table.files.form === 'json') return;
    const file = this.fileOf(table, {});
    if (table.files.form === 'csv' && file.columns.length === 0) file.columns.push(...table.columns.map(({ name }) => name).filter((name) => !only || only.has(name)), ...further.filter((name) => !table.columns.some((column) => column.name === name)));
    file.changed ||= !existsSync(join(this.folder, table.files.path));
  }

  drop(table: ShapeTable): void {
    const list = this.listAround(table);
    if (list) {
      const file = this.fileOf(list, {});
      file.around = {};
      file.changed = true;
      return;
    }
    for (const path of this.pathsOf(table)) {
      this.open.set(path, { files: table.files ?? { path, form: 'json' }, columns: [], rows: new Map(), around: {}, changed: true });
      this.gone.add(path);
    }
  }

  upsert(table: ShapeTable, cells: Cells): void {
    const list = this.listAround(table);
    if (list) return this.around(list, cells);
    this.put(table, cells, pathOf(table, cells));
  }

  private put(table: ShapeTable, cells: Cells, path: string): void {
    const file = this.file(table, path);
    // What a file name cannot hold is written with `_`: two ids may come to one name.
    if (file.files.form === 'json') for (const key of file.rows.keys()) if (key !== rowKey(table, file, cells)) throw new RowRefused(`the file ${path} is that of ${key} already`);
    for (const name of Object.keys(cells)) if (!file.columns.includes(name)) file.columns.push(name);
    file.rows.set(rowKey(table, file, cells), cells);
    file.changed = true;
    this.gone.delete(path);
  }

  /** A text stays one in a file. */
  insert(table: ShapeTable, cells: Cells, from = ''): readonly string[] {
    if (this.listAround(table)) {
      this.upsert(table, cells);
      return [];
    }
    // A file that said no id was named by its path.
    const path = table.key.length > 0 && keyOf(table, cells) === '' && table.files?.form === 'json' && FILE.test(from) ? from : pathOf(table, cells);
    const file = this.file(table, path);
    if (file.rows.has(rowKey(table, file, cells))) throw new RowRefused(`${keyOf(table, cells) || path} is there already`);
    const line = /#(\d+)$/.exec(from)?.[1];
    if (isKeyless(table, cells) && line !== undefined) this.lines.set(cells, Number(line));
    this.put(table, cells, path);
    return [];
  }

  remove(table: ShapeTable, key: Cells): void {
    const file = this.fileOf(table, key);
    if (!file.rows.delete(keyOf(table, key))) return;
    file.changed = true;
    if (table.files?.form === 'json') this.gone.add(pathOf(table, key));
  }

  *rows(table: ShapeTable): Iterable<Cells> {
    const list = this.listAround(table);
    if (list) {
      const around = Object.entries(this.fileOf(list, {}).around).filter(([name]) => name !== list.files?.at);
      if (around.length > 0) yield Object.fromEntries(around);
      return;
    }
    for (const path of this.pathsOf(table)) yield* this.file(table, path).rows.values();
  }

  state(name: string): string | null {
    return this.kept[name] ?? null;
  }

  putState(name: string, value: string): void {
    this.kept[name] = value;
  }

  /** Rows first, then what is said of them: a cursor is never ahead of its rows. */
  commit(): void {
    this.flush();
    this.write(MARK, `${JSON.stringify(this.kept)}\n`);
  }

  close(): void {
    this.open.clear();
  }

  /** The list in whose document this row stands beside the rows. */
  private listAround({ files }: ShapeTable): ShapeTable | undefined {
    return files?.form === 'json' ? this.lists.get(files.path) : undefined;
  }

  /** What a document says beside the rows in its field. */
  private around(list: ShapeTable, cells: Cells): void {
    const file = this.fileOf(list, {});
    file.around = { ...file.around, ...cells };
    file.changed = true;
  }

  private flush(): void {
    for (const [path, file] of this.open) if (file.changed && !this.gone.has(path)) this.write(path, contentOf(file, this.lines));
    for (const path of this.gone) rmSync(join(this.folder, path), { force: true });
    this.open.clear();
    this.gone.clear();
  }

  private fileOf(table: ShapeTable, cells: Cells): OpenFile {
    return this.file(table, pathOf(table, cells));
  }

  private file(table: ShapeTable, path: string): OpenFile {
    const known = this.open.get(path);
    if (known) return known;
    // One file for each row: what is kept open would grow with the rows.
    if (this.open.size >= OPEN_MOST) this.flush();
    const files = table.files ?? { path, form: 'json' };
    const opened: OpenFile = { files, columns: [], rows: new Map(), around: {}, changed: false };
    if (files.form === 'json-list' && files.at !== undefined) this.lists.set(path, table);
    const there = join(this.folder, path);
    if (existsSync(there)) this.read(table, opened, readFileSync(there));
    this.open.set(path, opened);
    return opened;
  }

  private read(table: ShapeTable, file: OpenFile, bytes: Buffer): void {
    const put = (cells: Cells) => void file.rows.set(rowKey(table, file, cells), cells);
    if (file.files.form === 'whole') return put({ content: isUtf8(bytes) && !bytes.includes(0) ? bytes.toString('utf8') : new Uint8Array(bytes) });
    const text = bytes.toString('utf8');
    if (file.files.form === 'csv') {
      const { columns, rows } = readCsv(text);
      file.columns.push(...columns);
      return rows.forEach(put);
    }
    if (file.files.form === 'json-lines') {
      for (const line of text.split('\n').filter(Boolean)) put(parseJson(line).value as unknown as Cells);
      return;
    }
    const { value } = parseJson(text);
    if (file.files.form === 'json') return value === null ? undefined : put(value as Cells);
    const { at } = file.files;
    if (at !== undefined) file.around = value as Cells;
    for (const each of (at === undefined ? value : (value as Cells)[at] ?? []) as Cells[]) put(each);
  }

  private pathsOf(table: ShapeTable): string[] {
    const path = table.files?.path ?? '';
    if (!path.includes('{')) return [path];
    const folder = join(this.folder, dirname(path));
    const [before = '', after = ''] = path.slice(dirname(path).length + 1).split(/\{\w+\}/);
    if (!existsSync(folder)) return [];
    return readdirSync(folder).filter((name) => name.startsWith(before) && name.endsWith(after)).sort().map((name) => join(dirname(path), name));
  }

  private write(path: string, text: string | Uint8Array): void {
    const there = join(this.folder, path);
    mkdirSync(dirname(there), { recursive: true });
    const beside = `${there}.${process.pid}.tmp`;
    const file = openSync(beside, 'w');
    writeFileSync(file, text);
    fsyncSync(file);
    closeSync(file);
    renameSync(beside, there);
  }
}

/** A name that leads out of the folder, or that a file system cannot have, is written with `_`. */
const pathOf = (table: ShapeTable, cells: Cells): string => (table.files?.path ?? '').replace(/\{(\w+)\}/g, (_whole, name: string) => textOf(cells[name] ?? null).replace(/[^\w.-]/g, '_').replace(/^\.+/, '_').slice(0, 200) || '_');

/** Without a key, or with nothing in it, each row of a list is one of its own, and a file with one row has that one. */
const rowKey = (table: ShapeTable, file: OpenFile, cells: Cells): string => (isKeyless(table, cells) && file.files.form !== 'json' ? `#${file.rows.size}` : keyOf(table, cells));

const isKeyless = (table: ShapeTable, cells: Cells): boolean => table.key.every((name) => (cells[name] ?? null) === null);

const keyOf = (table: ShapeTable, cells: Cells): string => table.key.map((name) => textOf(cells[name] ?? null)).join('|');

function contentOf({ files, columns, rows, around }: OpenFile, lines: WeakMap<Cells, number>): string | Uint8Array {
  const all = [...rows.values()].sort((one, other) => (lines.get(one) ?? Infinity) - (lines.get(other) ?? Infinity) || 0);
  if (files.form === 'whole') return wholeOf(all[0]?.content ?? null);
  if (files.form === 'json-lines') return all.map((cells) => `${jsonText(cells as Cell)}\n`).join('');
  if (files.form === 'csv') return csvText(columns, all.map((cells) => Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, textOf(cell)]))));
  if (files.form === 'json') return `${jsonText((all[0] ?? null) as Cell, 2)}\n`;
  return `${jsonText((files.at === undefined ? all : { ...around, [files.at]: all }) as Cell, 2)}\n`;
}

const wholeOf = (cell: Cell): string | Uint8Array => (cell instanceof BadText ? cell.bytes : cell instanceof Uint8Array ? cell : textOf(cell));

const textOf = (cell: Cell): string => (cell === null ? '' : typeof cell === 'string' ? cell : jsonText(cell));
