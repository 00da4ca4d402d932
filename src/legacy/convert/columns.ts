import { canonicalSymbol, symbolKey } from '../../instruments/canonical-symbol.js';
import { type Column, Json } from '../profile.js';
import { type Cell, JsonNumber } from '../source/cell.js';
import { JsonBroken, parseJson } from '../source/json-text.js';
import { column, columnOfWords, cut, type Filled, refused, shown } from './cells.js';
import { decimalOf, plainNumber } from './decimals.js';

/**
 * What a profile's columns are made of. Each reads null as null unless `required` is around it, and refuses what it does not
 * know: a value that is guessed is a wrong value that nobody looks for.
 */

/** Text as it is. A number there (SQLite keeps what it is given) is its digits, with a note. */
export const text = (to: string | null, { most, trim }: { most?: number; trim?: boolean } = {}): Column<string | null> =>
  column(to, most === undefined ? 'text' : `text of at most ${most} characters`, (cell, name, row) => {
    const whole = typeof cell === 'string' ? cell : wordOf(cell);
    if (whole === null) throw refused('TEXT_EXPECTED', name, cell, 'text');
    if (typeof cell !== 'string') row.note('TEXT_FROM_NUMBER', `${name} is ${shown(cell)}, no text; taken by its digits`);
    const taken = trim ? whole.trim() : whole;
    if (most !== undefined && taken.length > most && [...taken].length > most) throw refused('TEXT_TOO_LONG', name, cell, `at most ${most} characters, not ${[...taken].length}`);
    return taken;
  });

/** What a single word could be written as; null for bytes and for what nests. */
function wordOf(cell: Filled): string | null {
  if (typeof cell === 'number') return plainNumber(cell);
  if (cell instanceof JsonNumber) return cell.text;
  return typeof cell === 'bigint' || typeof cell === 'boolean' || typeof cell === 'string' ? String(cell) : null;
}

const INT4 = { least: -2_147_483_648n, most: 2_147_483_647n };

/** A whole number, as text. A REAL without a fraction is one. */
export const integer = (to: string | null, { least = INT4.least, most = INT4.most }: { least?: bigint; most?: bigint } = {}): Column<string | null> =>
  columnOfWords(to, 'whole number', (cell, name) => {
    const digits = decimalOf(cell, name);
    if (digits.includes('.')) throw refused('NUMBER_NOT_WHOLE', name, cell, 'a whole number');
    const value = BigInt(digits);
    if (value < least || value > most) throw refused('NUMBER_OUT_OF_RANGE', name, cell, `${least} to ${most}`);
    return digits;
  });

const YES = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const NO = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

export const flag = (to: string | null): Column<boolean | null> =>
  columnOfWords(to, '0/1, true/false, yes/no to boolean', (cell, name) => {
    const word = typeof cell === 'number' && Number.isInteger(cell) ? String(cell) : wordOf(cell)?.trim().toLowerCase();
    if (word !== undefined && YES.has(word)) return true;
    if (word !== undefined && NO.has(word)) return false;
    throw refused('BOOLEAN_UNKNOWN', name, cell, '0 or 1, true or false, t or f, yes or no, y or n');
  });

/** One of the old system's words, as ours. Blanks around it do not count. */
export function oneOf(to: string | null, { map, caseless = false }: { map: Record<string, string>; caseless?: boolean }): Column<string | null> {
  const words = new Map(Object.entries(map).map(([word, ours]) => [caseless ? word.toLowerCase() : word, ours]));
  return columnOfWords(to, `one of ${Object.keys(map).join(', ')}`, (cell, name) => {
    const word = wordOf(cell)?.trim();
    const ours = word === undefined ? undefined : words.get(caseless ? word.toLowerCase() : word);
    if (ours === undefined) throw refused('VALUE_UNKNOWN', name, cell, `one of ${Object.keys(map).join(', ')}`);
    return ours;
  });
}

/** JSON that is written in a text, or that stood in a document as it is. Numbers keep their digits. */
export const json = (to: string | null): Column<Json | null> =>
  columnOfWords(to, 'JSON text to JSON', (cell, name, row) => {
    if (cell instanceof Uint8Array) throw refused('JSON_INVALID', name, cell, 'JSON');
    let value: unknown = cell;
    if (typeof cell === 'string') {
      try {
        const document = parseJson(cell);
        for (const said of document.notes) row.note(said.code, `${name}: ${said.sentence}`);
        value = document.value;
      } catch (error) {
        if (error instanceof JsonBroken) throw refused('JSON_INVALID', name, cell, `JSON: ${error.message}`);
        throw error;
      }
    } else if (typeof cell === 'bigint' || typeof cell === 'number') value = new JsonNumber(decimalOf(cell, name));
    const unstorable = textThatJsonbLacks(value);
    if (unstorable !== null) throw refused(unstorable.includes('\0') ? 'JSON_NUL' : 'JSON_NOT_UTF8', name, cell, 'JSON whose texts can be stored');
    return new Json(value);
  });

/** PostgreSQL's jsonb holds no NUL and no half of a surrogate pair, in a text or in a name. */
function textThatJsonbLacks(value: unknown): string | null {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? value : null;
  if (value === null || typeof value !== 'object' || value instanceof JsonNumber) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = (Array.isArray(value) ? null : textThatJsonbLacks(name)) ?? textThatJsonbLacks(inner);
    if (found !== null) return found;
  }
  return null;
}

/**
 * The canonical symbol, with its exchange before it where one is written (`nse:infy` is `NSE:INFY`): without it two
 * instruments would be one. `bare` leaves the exchange out, for a row that has a column of its own for it.
 */
export const symbol = (to: string | null, { bare = false }: { bare?: boolean } = {}): Column<string | null> =>
  columnOfWords(to, 'symbol to canonical symbol', (cell, name, row) => {
    const canonical = typeof cell === 'string' ? canonicalSymbol(cell) : null;
    if (canonical === null) throw refused('SYMBOL_INVALID', name, cell, '1 to 64 letters, digits or ._-/=^#&!+:');
    const ours = bare ? canonical.symbol : symbolKey(canonical);
    if (ours !== cell) row.note('SYMBOL_RESPELLED', `${name} ${cut(String(cell))} is ${ours} here`);
    return ours;
  });

/** `5000000123.0`, `9.2e+18`: pandas writes the whole numbers of a column in which one is missing as doubles. */
const DOUBLE = /^-?\d+(?:\.\d+(?:e\+?\d+)?|e\+\d+)$/i;

/** The digits of a whole number that is written as a double; what is not written so comes back as it is; null where a double has lost digits of it. */
export function wholeDigits(written: string): string | null {
  if (!DOUBLE.test(written)) return written;
  const double = Number(written);
  if (!Number.isInteger(double)) return written;
  return Number.isSafeInteger(double) ? String(double) : null;
}

/** What a broker names an order by, or a row another: text, and of a number all its digits. */
export const ticket = (to: string | null): Column<string | null> =>
  columnOfWords(to, '64-bit ticket to text', (cell, name) => {
    if (typeof cell === 'bigint') return String(cell);
    // Of a JSON document only a whole number is one.
    const written = typeof cell === 'string' ? cell.trim() : cell instanceof JsonNumber ? cell.text : null;
    const digits = written === null ? null : wholeDigits(written);
    if (digits !== null && (typeof cell === 'string' || /^-?\d+$/.test(digits))) return digits;
    // Above this a REAL has lost digits of the ticket it was made from.
    if (typeof cell === 'number' && Number.isSafeInteger(cell)) return String(cell);
    const isInexact = typeof cell === 'number' || (written !== null && digits === null);
    throw refused(isInexact ? 'TICKET_INEXACT' : 'TICKET_INVALID', name, cell, 'a whole number of up to 64 bits, or text');
  });

/** Has no place in ours: it stays in the old row that is kept beside. */
export const kept = (why: string): Column<Cell> => ({ to: null, says: `kept in the old row: ${why}`, read: (cell) => cell });

export const required = <T>(inner: Column<T>): Column<NonNullable<T>> => ({
  to: inner.to,
  says: `${inner.says}, must be there`,
  read(cell, name, row) {
    const value = inner.read(cell, name, row);
    if (value === null || value === undefined) throw refused('VALUE_MISSING', name, cell, inner.says);
    return value;
  },
});

/** A limit that is off at 0 in the old system; ours is off when it is not set. */
export const zeroIsOff = (inner: Column<string | null>): Column<string | null> => ({
  to: inner.to,
  says: `${inner.says}; 0 is no limit`,
  read(cell, name, row) {
    const value = inner.read(cell, name, row);
    if (value !== '0') return value;
    row.note('LIMIT_OFF', `${name} is 0, which was no limit; taken as not set`);
    return null;
  },
});
