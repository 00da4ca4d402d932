import type { Cell } from '../../source/cell.js';
import { type Column, type Reading, Reject } from '../../profile.js';

/** A column whose fault must not cost the row: its value is left out, the note says why, and the old row keeps it. */
export const lenient = <T>(inner: Column<T | null>): Column<T | null> => ({
  to: inner.to,
  says: `${inner.says}; left out where it is no such value`,
  read(cell, name, row) {
    try {
      return inner.read(cell, name, row);
    } catch (error) {
      if (!(error instanceof Reject)) throw error;
      row.note(error.code, `${error.detail}; left out`);
      return null;
    }
  },
});

/** Read together with others, where the row is made. */
export const together = (to: string, says: string): Column<Cell> => ({ to, says, read: (cell) => cell });

/** One value of another table's row, by the rules of a column. */
export const read = <T>(column: Column<T>, name: string, cells: Reading['cells'], reading: Reading): T => column.read(cells[name] ?? null, name, reading);

/** A column that this revision of the table lacks reads as null. */
export const valueOf = <T = string>(values: Record<string, unknown>, name: string): T | null => (values[name] ?? null) as T | null;
