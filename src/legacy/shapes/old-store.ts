import type { Cells, ShapeTable } from './shape.js';

/** What is kept in a file or folder about it by whoever writes it: `kind`, `cursor`. */
export type StoreState = Record<string, string>;

/**
 * An old system's database as it is written: a SQLite file or a folder of CSV and JSON. What is written is there after
 * `commit`, all or nothing of one file; writing the same row twice leaves it as once.
 */
export interface OldStore {
  /** Makes the table where it is not there, with these columns beside its own. */
  make(table: ShapeTable, further?: readonly string[]): void;
  /** Replaces the row with the same key, or adds it. A column that the table lacks is added to it. */
  upsert(table: ShapeTable, cells: Cells): void;
  remove(table: ShapeTable, key: Cells): void;
  /** Each row in the order of its key; for comparing. */
  rows(table: ShapeTable): Iterable<Cells>;
  /** Null where it was never put. */
  state(name: string): string | null;
  /** Kept with the rows: it is committed with them. */
  putState(name: string, value: string): void;
  commit(): void;
  /** Without what was not committed. */
  close(): void;
}
