import { hash } from 'node:crypto';
import { BadText, type Cell } from './cell.js';
import { plainNumber } from '../convert/decimals.js';

/** An index of PostgreSQL holds no entry above 2,700 bytes. */
const ID_MOST = 500;

/**
 * The id of a row by its key's cells; null where one of them is null (SQLite allows it, and then even twice).
 * @param loose of which columns have no declared type: there `1` and `'1'` are two keys, and the text is written `\'1`
 */
export function rowId(key: readonly Cell[], loose: readonly boolean[]): string | null {
  let id = '';
  for (const [place, cell] of key.entries()) {
    if (cell === null) return null;
    id += (place === 0 ? '' : '|') + part(cell, loose[place] ?? false);
  }
  return id.length <= ID_MOST && Buffer.byteLength(id) <= ID_MOST ? id : `\\h${hash('sha256', id)}`;
}

function part(cell: Exclude<Cell, null>, isLoose: boolean): string {
  if (typeof cell === 'string') {
    if (cell.includes('\0') || !cell.isWellFormed()) return `\\u${Buffer.from(cell, 'utf16le').toString('hex')}`;
    const escaped = cell.replace(/[\\|]/g, '\\$&');
    if (isLoose && /^[-\d]/.test(cell)) return `\\'${escaped}`;
    // `#7` is the row 7 of a table without a key.
    return cell.startsWith('#') ? `\\${escaped}` : escaped;
  }
  if (cell instanceof BadText) return `\\t${Buffer.from(cell.bytes).toString('hex')}`;
  if (cell instanceof Uint8Array) return `\\x${Buffer.from(cell).toString('hex')}`;
  return typeof cell === 'number' ? plainNumber(cell) : String(cell);
}
