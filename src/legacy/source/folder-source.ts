import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FileTable } from '../profile.js';
import type { Source, SourceRow, SourceTable } from './cell.js';
import { filesDigest } from './digest.js';
import { type FileShape, type Known, knownOf, type Piece, rowsOf, shapeOf, WHOLE_MOST } from './file-rows.js';
import { filesOf, type FolderFile } from './folder-files.js';
import { type FileState, fileState, refuseChanged } from './in-use.js';
import { SourceError } from './source-error.js';
import { isSqlite, openSqlite } from './sqlite-source.js';
import { temporaryFolder } from './temporary.js';

interface ReadFile extends FolderFile { shape: FileShape; known: Map<string, Known> }

/** A folder whose files are read; which of them are one table is the profile's to say. */
export interface Folder {
  grouped(files: readonly FileTable[]): Source;
  close(): void;
}

/**
 * A folder of CSV, JSON, JSON lines and SQLite files.
 * @param hot its programs run: each file is copied first, and the copies are read
 */
export async function openFolder(path: string, { hot }: { hot: boolean }): Promise<Folder> {
  const { files: found, notRead } = filesOf(path);
  const closing: (() => void)[] = [];
  const close = () => { for (const each of closing.splice(0)) each(); };
  try {
    const databases: Source[] = [];
    const files: ReadFile[] = [];
    const states: FileState[] = [];
    const digests: { path: string; sha256: string }[] = [];
    const copies = hot ? temporaryFolder('source') : null;
    if (copies !== null) closing.push(() => rmSync(copies, { recursive: true, force: true }));
    for (const file of found) {
      if (isSqlite(file.full)) {
        const database = await openSqlite(file.full, { hot, within: file.path });
        closing.push(() => database.close());
        databases.push(database);
        digests.push({ path: file.path, sha256: database.sha256 });
        notRead.push(...(database.notRead ?? []));
        continue;
      }
      const read = copies === null ? file : copied(file, join(copies, String(digests.length)));
      const state = await fileState(read.full);
      states.push(state);
      digests.push({ path: file.path, sha256: state.sha256 });
      const shape = shapeOf(read);
      if (shape.kind === 'whole' && file.size > WHOLE_MOST) notRead.push({ name: file.path, why: `neither CSV, JSON nor SQLite, and larger than ${WHOLE_MOST} bytes (${file.size})` });
      else files.push({ ...read, shape, known: new Map() });
    }
    if (digests.length === 0) throw new SourceError('SOURCE_EMPTY', `${path} holds no file that can be read`);
    const sha256 = filesDigest(digests);
    const unchanged = async () => {
      for (const database of databases) await database.unchanged?.();
      for (const state of states) await refuseChanged(state);
    };
    return { close, grouped: (patterns) => ({ medium: 'folder', sha256, tables: [...databases.flatMap(({ tables }) => tables), ...tablesOf(files, patterns)], notRead, unchanged, close }) };
  } catch (error) {
    close();
    throw error;
  }
}

function copied(file: FolderFile, to: string): FolderFile {
  copyFileSync(file.full, to);
  return { ...file, full: to };
}

/** `*` within a name, `**` over folders. */
export function patternOf(files: string): RegExp {
  const source = files.split(/(\*\*\/|\*\*|\*)/).map((part) => (part === '**/' ? '(?:.*/)?' : part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))).join('');
  return new RegExp(`^${source}$`);
}

function tablesOf(files: readonly ReadFile[], patterns: readonly FileTable[]): SourceTable[] {
  const forms = patterns.map((pattern) => ({ pattern, form: patternOf(pattern.files) }));
  const tables = new Map<string, Piece[]>();
  for (const file of files) {
    const matching = forms.filter(({ form }) => form.test(file.path)).map(({ pattern }) => pattern);
    for (const { name, piece } of piecesOf(file, matching)) {
      const pieces = tables.get(name);
      if (pieces === undefined) tables.set(name, [piece]);
      else pieces.push(piece);
    }
  }
  return [...tables].map(([name, pieces]) => new FolderTable(name, pieces));
}

const WHOLE: FileShape = { kind: 'whole', notes: [] };

/** A file is one table, or of a document each place is one that a pattern names, and what is left is one by the file's path: nothing of it is passed over. */
function piecesOf(file: ReadFile, matching: readonly FileTable[]): { name: string; piece: Piece }[] {
  const [first] = matching;
  const { known } = file;
  const shape = first?.whole ? WHOLE : file.shape;
  if (first?.at === undefined || shape.kind !== 'json') return [{ name: first?.table ?? file.path, piece: { file, shape, known, id: first?.id, isFirst: true } }];
  const places = matching.filter(({ at }) => at !== undefined);
  const pieces = places.map(({ table, id, at }, place) => ({ name: table, piece: { file, shape, known, id, at, isFirst: place === 0 } }));
  return [...pieces, { name: file.path, piece: { file, shape, known, without: places.map(({ at }) => at ?? ''), isFirst: false } }];
}

class FolderTable implements SourceTable {
  readonly base: string;
  readonly declared = {};
  readonly key: readonly string[];
  readonly notes: readonly string[];

  constructor(
    readonly name: string,
    private readonly pieces: readonly Piece[],
  ) {
    this.base = name;
    const id = pieces[0]?.id;
    this.key = id === undefined ? [] : [id];
    this.notes = pieces.flatMap(({ shape }) => shape.notes);
  }

  get columns(): readonly string[] {
    return [...new Set(this.pieces.flatMap((piece) => [...(piece.shape.header ?? knownOf(piece).columns)]))];
  }

  count(): number {
    return this.pieces.reduce((total, piece) => total + knownOf(piece).count, 0);
  }

  *rows(after?: string): Iterable<SourceRow> {
    let waiting = after !== undefined;
    for (const piece of this.pieces) {
      for (const row of rowsOf(piece)) {
        if (!waiting) yield row;
        else if (row.id === after) waiting = false;
      }
    }
    if (waiting) throw new SourceError('SOURCE_ROW_MISSING', `${this.name}: the row ${after} is not there, after which reading was to go on`);
  }
}
