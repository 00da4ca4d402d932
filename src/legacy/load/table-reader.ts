import { own } from '../../common/own.js';
import { type Column, type Mapped, type Owners, type Reading, Ref, Reject, type TableMapping, type TargetRow } from '../profile.js';
import type { Cell, SourceRow, SourceTable } from '../source/cell.js';
import { encodeRow } from '../source/encode.js';
import { sourceHash } from '../source/source-hash.js';
import type { ColumnReport } from './import-run.js';
import type { Cells, TableSecrets } from './secrets.js';
import type { TableNames } from './table-names.js';

/** One old row, ready to be stored: what it becomes, or why it is refused. */
export interface PreparedRow {
  oldId: string;
  /** 16 bytes, of what it holds and what it becomes. */
  hash: Buffer;
  /** Without secrets. */
  cells: Cells;
  /** As JSON text; null where the row is not kept. */
  original: string | null;
  notes: string[];
  /** Empty: it is archived. */
  rows: TargetRow[];
  /** As the columns have read them, for sums. */
  values: Readonly<Record<string, unknown>> | null;
  hasRefs: boolean;
  reject: Reject | null;
  /** What it turned out to be already; null: it is new. */
  standing: 'imported' | 'archived' | 'unchanged' | 'updated' | null;
}

/** No column has such a name. */
const BECOMES = '\0becomes';
const NO_HASH = Buffer.alloc(0);

const UNKNOWN: Pick<Column, 'to' | 'says'> = { to: null, says: 'kept in the old row: this system is not known to have it' };

/** Why the rows of a table are only kept; null where they are imported. */
const keptBecause = (mapping: TableMapping | null): string | null =>
  mapping === null ? 'this system is not known to have this table' : mapping.as === 'import' ? null : mapping.as.archive;

/** Reads the rows of one table as its mapping says. Nothing of a row is stored that has not gone through here. */
export class TableReader {
  /** Why the rows are only kept; null where they are imported. */
  readonly because: string | null;
  /** Columns that the mapping does not know: with them nothing is exactly in ours any more, and the old row is kept. */
  readonly unknown: readonly string[];
  private readonly columns: readonly [string, Column][];
  private readonly keepsOriginal: boolean;

  constructor(
    readonly table: SourceTable,
    readonly mapping: TableMapping | null,
    private readonly secrets: TableSecrets,
    private readonly owners: Owners,
    private readonly names: TableNames,
  ) {
    this.because = keptBecause(mapping);
    this.unknown = table.columns.filter((name) => own(mapping?.columns ?? {}, name) === undefined);
    this.columns = Object.entries(mapping?.columns ?? {});
    this.keepsOriginal = this.because !== null || !mapping?.bulk || this.unknown.length > 0;
  }

  get isBulk(): boolean {
    return !this.keepsOriginal;
  }

  report(): ColumnReport[] {
    const of = (name: string) => own(this.mapping?.columns ?? {}, name);
    const there = this.table.columns.map((name): ColumnReport => {
      const { to, says } = of(name) ?? UNKNOWN;
      const declared = own(this.table.declared, name) ?? '';
      const spelled = own(this.table.spelled ?? {}, name);
      return { name, ...(this.because !== null ? { to: null, says: 'kept in the old row' } : { to, says }), declared, ...(spelled === undefined ? {} : { spelled }) };
    });
    const missing = this.columns.filter(([name]) => !this.table.columns.includes(name)).map(([name, { to, says }]) => ({ name, to, says: `${says}; not there: read as null` }));
    return this.because === null ? [...there, ...missing] : there;
  }

  prepare(row: SourceRow): PreparedRow {
    const cells = this.secrets.without(row.cells);
    const prepared: PreparedRow = {
      oldId: row.id, hash: NO_HASH, cells, original: null, notes: row.notes ? [...row.notes] : [], rows: [], values: null, hasRefs: false, reject: null, standing: null,
    };
    if (row.broken) prepared.reject = new Reject(row.broken.code, row.broken.detail);
    else if (this.because === null) this.map(prepared);
    else this.look(prepared);
    prepared.hash = sourceHash(this.hashed(prepared));
    if (prepared.rows.length === 0 || this.keepsOriginal) prepared.original = encodeRow(cells);
    return prepared;
  }

  /** The old row, also where it would not be kept. */
  kept({ original, cells }: PreparedRow): string {
    return original ?? encodeRow(cells);
  }

  /**
   * With what becomes of it: a trade hangs on its orders, a contract on its settlement, so a row may change with no cell of its own
   * changed. Of tables of millions a row is its own cells alone. Without its secrets: what an export gives back is the row that
   * came, and by a hash over a PIN of four digits the PIN is found.
   */
  private hashed({ rows, reject, cells }: PreparedRow): Cells {
    if (this.because !== null || !this.keepsOriginal || reject !== null) return cells;
    return { ...cells, [BECOMES]: rows.length === 0 ? 'archive' : JSON.stringify(rows, (_name, value: unknown) => (value === this.owners.at ? '@' : inOrder(value))) };
  }

  private look(prepared: PreparedRow): void {
    this.mapping?.remark?.(readingOf(prepared));
  }

  private map(prepared: PreparedRow): void {
    const reading = readingOf(prepared);
    try {
      const values: Record<string, unknown> = {};
      for (const [name, column] of this.columns) values[name] = column.read(prepared.cells[name] ?? null, name, reading);
      prepared.values = values;
      const mapped = this.mapping?.map?.(values, this.owners, reading);
      if (!mapped) throw new Error(`${this.table.name}: its mapping imports and has no map`);
      if ('archive' in mapped) prepared.notes.push(mapped.archive);
      else prepared.hasRefs = this.take(prepared, mapped);
    } catch (error) {
      if (error instanceof Reject) prepared.reject = error;
      else throw error;
    }
  }

  /** References get the whole name of their table. Returns whether there are any. */
  private take(prepared: PreparedRow, { rows }: Mapped): boolean {
    prepared.rows = rows;
    let hasRefs = false;
    for (const { values } of rows) {
      for (const column in values) {
        const value = values[column];
        if (!(value instanceof Ref)) continue;
        hasRefs = true;
        const table = this.names.find(value.table, this.table);
        if (table !== value.table) values[column] = new Ref(table, value.id);
      }
    }
    return hasRefs;
  }
}

/** An export gives the names of a document in another order than the old file had them: it is the same document. */
const inOrder = (value: unknown): unknown =>
  (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))) : value);

const readingOf = ({ oldId, cells, notes }: PreparedRow): Reading => ({ id: oldId, cells: cells as Readonly<Record<string, Cell>>, note: (code, sentence) => void notes.push(`${code}: ${sentence}`) });

/** Codes of notes, as they are counted. */
export const codeOf = (note: string): string => note.slice(0, Math.max(note.indexOf(':'), 0)) || note;
