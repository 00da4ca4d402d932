import { kept } from '../convert/columns.js';
import type { Column, TableMapping } from '../profile.js';
import type { Cell } from '../source/cell.js';

/** Read with others of its row, in `map`: a date that stands in two columns, a price whose unit another one says. */
export const together = (to: string, says: string): Column<Cell> => ({ to, says, read: (cell) => cell });

export const keptAll = (names: string, why: string): Record<string, Column> => Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, kept(why)]));

/** A table whose rows are kept whole. */
export const archived = (reason: string, columns: string, secrets: readonly string[] = []): TableMapping => ({ as: { archive: reason }, columns: keptAll(columns, 'archived whole'), secrets });

/** Of a table's columns: all of `some` are there. */
export const has = (columns: readonly string[], some: string): boolean => some.trim().split(/\s+/).every((name) => columns.includes(name));

/** These and no others, in any order. */
export const isExactly = (columns: readonly string[], all: string): boolean => has(columns, all) && columns.length === all.trim().split(/\s+/).length;
