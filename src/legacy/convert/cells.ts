import { type Column, type Reading, Reject } from '../profile.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';

/** What a person is shown of a cell: cut, for a reject is read in a list. */
export function shown(cell: Cell): string {
  if (cell instanceof BadText) return `${cell.bytes.length} bytes of text ${cell.fault === 'NUL' ? 'with a NUL' : 'that is not UTF-8'}`;
  if (cell instanceof Uint8Array) return `${cell.length} bytes`;
  if (typeof cell === 'string') return JSON.stringify(cut(cell));
  if (cell instanceof JsonNumber) return cut(cell.text);
  if (cell !== null && typeof cell === 'object') return cut(JSON.stringify(cell));
  return String(cell);
}

const SHOWN_MOST = 100;
/** By code points: half an emoji cannot be stored. */
export const cut = (text: string): string => (text.length <= SHOWN_MOST ? text : [...text.slice(0, 2 * SHOWN_MOST)].slice(0, SHOWN_MOST).join('') + '…');

/** The reject of one cell: which column, what it holds, what was expected. */
export const refused = (code: string, column: string, cell: Cell, expected: string): Reject => new Reject(code, `${column} is ${shown(cell)}; expected ${expected}`, column);

/** A text that PostgreSQL has no text for. */
function refuseBadText(cell: Cell, column: string): void {
  if (cell instanceof BadText) throw refused(cell.fault === 'NUL' ? 'TEXT_NUL' : 'TEXT_NOT_UTF8', column, cell, 'text');
  if (typeof cell !== 'string') return;
  if (cell.includes('\0')) throw refused('TEXT_NUL', column, cell, 'text without a NUL');
  // Of JSON, where half a surrogate pair can be written as \ud800; encoded it would silently be another character.
  if (!cell.isWellFormed()) throw refused('TEXT_NOT_UTF8', column, cell, 'text of whole characters');
}

export type Filled = Exclude<Cell, null>;

/** A column that is null where the old one is. */
export const column = <T>(to: string | null, says: string, read: (cell: Filled, column: string, row: Reading) => T | null): Column<T | null> => ({
  to, says,
  read(cell, name, row) {
    if (cell === null) return null;
    refuseBadText(cell, name);
    return read(cell, name, row);
  },
});

/** As `column`, and an empty text is nothing too: what other systems write for a number or a time that is not there. */
export const columnOfWords = <T>(to: string | null, says: string, read: (cell: Filled, column: string, row: Reading) => T | null): Column<T | null> =>
  column(to, says, (cell, name, row) => {
    if (typeof cell === 'string' && cell.trim() === '') {
      row.note('TEXT_EMPTY', `${name} is an empty text; taken as none`);
      return null;
    }
    return read(cell, name, row);
  });
