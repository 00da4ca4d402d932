import type { Column, Reading } from '../../src/legacy/profile.js';
import type { Cell } from '../../src/legacy/source/cell.js';

/** Codes of what the last reading noted. */
export const notes: string[] = [];
export const row: Reading = { note: (code) => void notes.push(code), cells: {}, id: '1' };

/** What a column makes of a cell, or the code of its reject. */
export function read(column: Column<unknown>, cell: Cell): unknown {
  notes.length = 0;
  try {
    return column.read(cell, 'x', row);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
