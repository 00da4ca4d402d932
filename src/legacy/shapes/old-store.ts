import type { Cells, ShapeTable } from './shape.js';

export interface Counter {
  table: string;
  /** Place in its own table, where it had one. */
  rowid: bigint | null;
  least: bigint;
}

/** How the table was where rows of it came from. */
export interface TableForm {
  /** Columns of the shape that it has; all by default. */
  only?: ReadonlySet<string>;
  /** Columns beside the shape's. */
  further?: readonly string[];
  /** Columns in which a row has null, whatever they are declared as. */
  nullable?: ReadonlySet<string>;
  /** Their types there, '' where none was declared. */
  declared?: Readonly<Record<string, string>>;
  /** In which order it has them. */
  order?: readonly string[];
  /** How the table is spelled there, and those of its columns that are spelled otherwise than in the shape: to SQLite both are one name. */
  spelled?: { table: string; columns: Readonly<Record<string, string>> };
}

/** What is kept in a file or folder about it by whoever writes it: `kind`, `cursor`. */
export type StoreState = Record<string, string>;

/** A row that the old table does not take: its key is there already, or one of its constraints is broken. */
export class RowRefused extends Error {}

/**
 * An old system's database as it is written: a SQLite file or a folder of CSV and JSON. What is written is there after
 * `commit`, all or nothing of one file; writing the same row twice leaves it as once.
 */
export interface OldStore {
  /** Makes the table where it is not there; of one that is there, columns take null where rows of it have null. */
  make(table: ShapeTable, form?: TableForm): void;
  /** The table is not there any more, nor its rows. Of what a document says beside a list of rows, that alone. */
  drop(table: ShapeTable): void;
  /** Replaces the row with the same key, or adds it. A column that the table lacks is added to it. */
  upsert(table: ShapeTable, cells: Cells): void;
  /**
   * As `upsert`, where no such row may be there.
   * @param from its old id, for a folder: the file that it names and the line in it
   * @returns columns whose type made another number of a text
   * @throws {RowRefused}
   */
  insert(table: ShapeTable, cells: Cells, from?: string): readonly string[];
  remove(table: ShapeTable, key: Cells): void;
  /** Each row in the order of its key; for comparing. */
  rows(table: ShapeTable): Iterable<Cells>;
  /** Null where it was never put. */
  state(name: string): string | null;
  /** Kept with the rows: it is committed with them. */
  putState(name: string, value: string): void;
  /** Of a database that counts ids itself: its next ones are above these, which stand in this order. */
  sequences?(counters: readonly Counter[]): void;
  /** By table: its greatest id so far, of a database that counts them itself. */
  counters?(): Map<string, bigint>;
  commit(): void;
  /** Without what was not committed. */
  close(): void;
}
