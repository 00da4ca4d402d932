import { Exact } from '../../common/decimal.js';
import { instantsOf, type Zone } from './zone.js';

/** What a cell says, or why it says nothing. */
export type Read<T> = { value: T } | { fault: string };

const BLANKS = '[ \\u00a0\\u2009\\u202f]';
const PLAIN = /^([+-]?)(\d{1,20})(\.\d{1,18})?$/;
const THOUSANDS = new RegExp(`^[+-]?\\d{1,3}(${BLANKS}\\d{3})+(\\.\\d{1,18})?$`);
/** With the point behind it a comma can be nothing else. */
const COMMAS = /^[+-]?\d{1,3}(,\d{3})+\.\d{1,18}$/;

/** `-1 234.50` and `1,234.50`; not `1,234` or `1.234,50`: a comma may be a point. */
export function numberOf(cell: string): Read<string> {
  const text = cell.replace(/^[-\u2212] ?/, '-');
  const plain = THOUSANDS.test(text) ? text.replace(new RegExp(BLANKS, 'g'), '') : COMMAS.test(text) ? text.replaceAll(',', '') : text;
  if (!PLAIN.test(plain)) return { fault: cell === '' ? 'is blank' : 'is not a number such as -1 234.50' };
  return { value: new Exact(plain).plus(0).toFixed() };
}

/** A moment of a statement; two instants where the clocks there were put back. */
export interface Moment {
  instants: number[];
  /** What the statement does not say of it: its last unit, in milliseconds. */
  unit: number;
}

export const NO_ZONE = 'has no zone';

/** What is later is a fault of the file, and the day after 9999 has no name. */
const YEAR_MOST = 2_199;

const TIME = /^(\d{4})[./-](\d{2})[./-](\d{2})[ T](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)? ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i;

/** `2026.01.05 10:00:00` and the like, in this zone unless it says its own. */
export function momentOf(cell: string, zone: Zone | null): Read<Moment> {
  const [, year = '', month = '', day = '', hour = '', minute = '', second, fraction, own] = TIME.exec(cell) ?? [];
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second ?? 0), Number((fraction ?? '').padEnd(3, '0').slice(0, 3)));
  if (year === '' || Number(year) > YEAR_MOST || Number(own?.slice(1, 3)) > 14 || new Date(local).toISOString().slice(0, 16) !== `${year}-${month}-${day}T${hour}:${minute}` || Number(second ?? 0) > 59) {
    return { fault: cell === '' ? 'is blank' : 'is not a time such as 2026.01.05 10:00:00' };
  }
  const unit = second === undefined ? 60_000 : fraction === undefined ? 1_000 : 1;
  if (own !== undefined) {
    const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(own) ?? [];
    return { value: { instants: [local - (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000], unit } };
  }
  if (zone === null) return { fault: NO_ZONE };
  const instants = instantsOf(local, zone);
  return instants.length === 0 ? { fault: `is no time in ${zone.name}: clocks were put forward over it` } : { value: { instants, unit } };
}
