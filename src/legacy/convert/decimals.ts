import { Exact } from './exact.js';
import type { Column } from '../profile.js';
import { type Cell, JsonNumber } from '../source/cell.js';
import { columnOfWords, type Filled, refused } from './cells.js';

/** A REAL by shortest round trip, without an exponent: the fewest digits that are this double and no other, as Python's repr. */
export function plainNumber(value: number): string {
  const short = String(value);
  return short.includes('e') ? new Exact(short).toFixed() : short;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
/** More digits than any double has; `1e9999` would be ten thousand. */
const DIGITS_MOST = 800;
/** Western and Indian groups: 1,234,567.89 and 12,34,567.89. */
const GROUPED = /^\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;

/**
 * The number as decimal text in one form: no exponent, no zeros that say nothing, no sign at 0.
 * @throws {Reject} NUMBER_NOT_FINITE, NUMBER_INVALID
 */
export function decimalOf(cell: Filled, name: string, money = false): string {
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number') {
    if (!Number.isFinite(cell)) throw refused('NUMBER_NOT_FINITE', name, cell, 'a number');
    return plainNumber(cell);
  }
  const written = cell instanceof JsonNumber ? cell.text : cell;
  if (typeof written !== 'string') throw refused('NUMBER_INVALID', name, cell, 'a number');
  const plain = plainText(written.trim(), money);
  if (plain !== null) return plain;
  throw NOT_FINITE.test(written.trim()) ? refused('NUMBER_NOT_FINITE', name, cell, 'a number') : refused('NUMBER_INVALID', name, cell, money ? 'an amount' : 'a number');
}

function plainText(written: string, money: boolean): string | null {
  const digits = money ? amount(written) : written;
  if (digits === null || digits.length > DIGITS_MOST || !NUMBER.test(digits)) return null;
  const exponent = /[eE]([+-]?\d+)$/.exec(digits)?.[1];
  if (exponent !== undefined && Math.abs(Number(exponent)) > DIGITS_MOST) return null;
  const plain = new Exact(digits.replace(/^\+/, '')).toFixed();
  return plain === '-0' ? '0' : plain;
}

/** `$1,234.50`, `-$5`, `$-5`, `(5.00)` as digits; a comma that is no group is refused, for elsewhere it is a decimal point. */
function amount(written: string): string | null {
  const inBrackets = /^\((.*)\)$/.exec(written)?.[1];
  const [, before = '', after = '', digits = ''] = /^([+-]?)\s*[$€£₹]?\s*([+-]?)(.*)$/.exec(inBrackets ?? written) ?? [];
  if (before !== '' && after !== '') return null;
  const sign = before || after;
  if (inBrackets !== undefined && sign !== '') return null;
  if (digits.includes(',') && !GROUPED.test(digits)) return null;
  return (inBrackets === undefined ? sign : '-') + digits.replaceAll(',', '');
}

/** The point moved to the left, on the digits: a division would round beyond 60 of them. */
export function shifted(decimal: string, places: number): string {
  const isBelow = decimal.startsWith('-');
  const [whole = '', behind = ''] = decimal.slice(isBelow ? 1 : 0).split('.');
  const padded = whole.padStart(places + 1, '0');
  const digits = `${padded.slice(0, -places)}.${padded.slice(-places)}${behind}`.replace(/^0+(?=\d)/, '').replace(/\.?0+$/, '');
  return isBelow && digits !== '0' ? `-${digits}` : digits;
}

const SCALES = {
  cents: { places: 2, says: 'cents to currency' },
  percent: { places: 2, says: 'percent to fraction' },
  hundred: { places: 2, says: '0–100 to fraction' },
  'centi-cents': { places: 4, says: 'hundredths of a cent to currency' },
} as const;

export interface DecimalOptions {
  scale?: keyof typeof SCALES;
  /** Of the value as it is here, after its scale; decimal text. */
  least?: string;
  most?: string;
  /** `$1,234.50` is a number too. */
  money?: boolean;
}

/** A number as decimal text. */
export const decimal = (to: string | null, { scale, least, most, money }: DecimalOptions = {}): Column<string | null> =>
  columnOfWords(to, scale === undefined ? 'number by its shortest digits' : SCALES[scale].says, (cell, name) => {
    const written = decimalOf(cell, name, money);
    const value = scale === undefined ? written : shifted(written, SCALES[scale].places);
    refuseOutside(value, { least, most }, name, cell);
    return value;
  });

function refuseOutside(value: string, { least, most }: { least?: string | undefined; most?: string | undefined }, name: string, cell: Cell): void {
  // Of plain digits their sign says whether they are below nothing.
  if (most === undefined && (least === undefined || (least === '0' && !value.startsWith('-')))) return;
  const exact = new Exact(value);
  if ((least !== undefined && exact.lt(least)) || (most !== undefined && exact.gt(most)))
    throw refused('NUMBER_OUT_OF_RANGE', name, cell, least === undefined ? `at most ${most}` : most === undefined ? `at least ${least}` : `${least} to ${most}`);
}

const FRACTION_SAYS = { fraction: 'fraction of 0 to 1', percent: 'percent to fraction', either: 'fraction, or percent above 1' } as const;

/** 0 to 1. With `either`, what is above 1 is percent, with a note; `85%` is percent whatever is declared. */
export const fraction = (to: string | null, { from }: { from: keyof typeof FRACTION_SAYS }): Column<string | null> =>
  columnOfWords(to, FRACTION_SAYS[from], (cell, name, row) => {
    const signed = typeof cell === 'string' && cell.trim().endsWith('%');
    const written = decimalOf(signed ? cell.trim().slice(0, -1) : cell, name);
    const isPercent = signed || from === 'percent' || (from === 'either' && new Exact(written).gt(1));
    const value = isPercent ? shifted(written, 2) : written;
    const exact = new Exact(value);
    if (exact.lt(0) || exact.gt(1)) throw refused('FRACTION_OUT_OF_RANGE', name, cell, from === 'fraction' ? '0 to 1' : from === 'percent' ? '0 to 100' : '0 to 1, or a percentage to 100');
    if (isPercent && from !== 'percent') row.note('FRACTION_WAS_PERCENT', `${name} ${written} is read as percent`);
    return value;
  });
