import { Exact } from '../convert/exact.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';
import { jsonText } from './json-text.js';

const NUMBER = /^[+-]?\$?[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?(e[+-]?\d{1,3})?$/i;
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]00:?00)?$/i;

/**
 * What a cell says, however it is spelt: `$1,234.50` is 1234.5, `1` and true are one, and so are a time with and without
 * its zeros. Two cells that say the same need no writing.
 */
export function means(cell: Cell): string {
  if (cell === null || cell === '') return 'null';
  if (typeof cell === 'boolean') return cell ? '1' : '0';
  if (typeof cell === 'bigint') return cell.toString();
  if (typeof cell === 'number') return Number.isFinite(cell) ? numberOf(String(cell)) : String(cell);
  if (cell instanceof JsonNumber) return numberOf(cell.text);
  if (cell instanceof BadText) return `bad ${Buffer.from(cell.bytes).toString('hex')}`;
  if (typeof cell !== 'string') return cell instanceof Uint8Array ? `bytes ${Buffer.from(cell).toString('hex')}` : jsonText(cell);
  const [, day = '', clock = '', fraction = ''] = TIME.exec(cell) ?? [];
  if (day !== '') return `${day} ${clock}.${fraction.replace(/0+$/, '')}`;
  if (/\d/.test(cell) && NUMBER.test(cell)) return numberOf(cell.replace(/[$,+]/g, ''));
  return cell.toLowerCase();
}

const numberOf = (text: string) => new Exact(text).toFixed();
