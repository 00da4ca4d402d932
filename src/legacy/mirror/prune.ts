import { type Cell, JsonNumber } from '../source/cell.js';
import { encoded } from '../source/encode.js';
import { type OldStore, RowRefused } from '../shapes/old-store.js';
import type { Cells, Shape, ShapeRun, ShapeTable } from '../shapes/shape.js';
import type { OldPage, OldRows, Piece } from './old-rows.js';

/** One text for the key of a row. Numbers of a file and of SQLite read alike. */
export const keyText = (table: ShapeTable, cells: Cells): string => table.key.map((name) => keyPart(cells[name] ?? null).replaceAll('|', '||')).join(' | ');

const keyPart = (cell: Cell): string => (cell instanceof JsonNumber ? cell.text : typeof cell === 'string' || typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : encoded(cell));

/** Rows that a new file of the old application has from its beginning. */
export const firstRows = ({ tables, first }: Shape): [ShapeTable, Cells][] => first.flatMap(({ table: name, cells }): [ShapeTable, Cells][] => {
  const table = tables.find((each) => each.name === name);
  return table ? [[table, cells]] : [];
});

/** Why the old table does not take it: one of its constraints is broken. Null: it did. */
export function putRow(store: OldStore, table: ShapeTable, cells: Cells): string | null {
  try {
    store.upsert(table, cells);
    return null;
  } catch (error) {
    if (error instanceof RowRefused) return `OLD_CONSTRAINT: ${error.message}`;
    throw error;
  }
}

/** Pieces of one table are one table in the file. */
export function byTable(pieces: readonly Piece[]): Piece[][] {
  const named = new Map<string, Piece[]>();
  for (const piece of pieces) named.set(piece.table.name, [...(named.get(piece.table.name) ?? []), piece]);
  return [...named.values()];
}

/**
 * Takes out what is no longer ours: an import that was rolled back. What the file has is listed first: a row that is written
 * here meanwhile is not among it.
 */
export async function prune(store: OldStore, run: ShapeRun, pieces: readonly Piece[], rows: OldRows): Promise<number> {
  let removed = 0;
  const first = new Set(run.shape.first.map(({ table }) => table));
  for (const ofTable of byTable(pieces)) {
    const table = ofTable[0]?.table;
    if (!table || first.has(table.name) || ofTable.some(({ of }) => typeof of === 'object' && 'anew' in of)) continue;
    const left = new Map<string, Cells>();
    for (const cells of store.rows(table)) left.set(keyText(table, cells), Object.fromEntries(table.key.map((name) => [name, cells[name] ?? null])));
    for (const piece of ofTable) {
      for (let after: readonly string[] | null = null, more = true; more && left.size > 0; ) {
        const page: OldPage = await rows.page(run, piece, after);
        for (const cells of page.rows) left.delete(keyText(table, cells));
        after = page.next;
        more = after !== null;
      }
    }
    for (const key of left.values()) store.remove(table, key);
    removed += left.size;
  }
  return removed;
}
