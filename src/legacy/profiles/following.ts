import type { SourceRow, SourceTable } from '../source/cell.js';

/** The rows of a table by their ids, for one who asks in their order: what a row held before its secrets were taken out. Holds one row. */
export function following(table: SourceTable): (id: string) => SourceRow['cells'] | null {
  let rows = table.rows()[Symbol.iterator]();
  return (id) => {
    for (let turn = 0; turn < 2; turn += 1) {
      for (let next = rows.next(); next.done !== true; next = rows.next()) if (next.value.id === id) return next.value.cells;
      rows = table.rows()[Symbol.iterator]();
    }
    return null;
  };
}
