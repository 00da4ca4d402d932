import { Exact } from '../../convert/exact.js';
import { refused } from '../../convert/cells.js';
import { decimalOf, shifted } from '../../convert/decimals.js';
import { timeOf } from '../../convert/times.js';
import { type Reading, Reject } from '../../profile.js';
import { type Cell, JsonNumber } from '../../source/cell.js';
import type { Mode } from '../imported-trade.js';

/** What several files of FFE say in the same way. */

export const textOf = (cell: Cell | undefined): string | null => (typeof cell === 'string' && cell.trim() !== '' ? cell.trim() : null);

/** The first of these columns that holds something. */
export function firstOf(row: Reading, ...names: string[]): [string, Cell] | null {
  const name = names.find((each) => (row.cells[each] ?? null) !== null && row.cells[each] !== '');
  return name === undefined ? null : [name, row.cells[name] ?? null];
}

const HAS_OFFSET = /(?:Z|[+-]\d{2}(?::?\d{2})?)$/i;

/** RFC 3339 in UTC. What names no zone was written by a clock that nobody named: it is read as UTC, noted; what SQLite writes by itself is UTC. */
export function instantOf(row: Reading, name: string, bySqlite = false): string {
  const cell = row.cells[name] ?? null;
  if (cell === null || cell === '') throw new Reject('VALUE_MISSING', `${name} is not there`, name);
  const time = timeOf(cell, name, row, { zone: 'UTC', epoch: 'either' });
  if (!bySqlite && typeof cell === 'string' && /\d:\d/.test(cell) && !HAS_OFFSET.test(cell.trim())) row.note('TIME_ZONE_ASSUMED', `${name} does not say its zone; it is read as UTC`);
  return time;
}

/** 0 to 1. FFE writes 82, 0.64 and, of the same thing, 82.0: a whole number is percent, 1 too, and a fraction is one up to 1. */
export function confidenceOf(row: Reading, name: string, cell: Cell): string | null {
  if (cell === null || cell === '') return null;
  const written = decimalOf(cell, name);
  const text = cell instanceof JsonNumber ? cell.text : typeof cell === 'string' ? cell.trim() : written;
  const isWhole = typeof cell === 'bigint' || /^[+-]?\d+$/.test(text);
  const isPercent = (isWhole && written !== '0') || new Exact(written).gt(1);
  const value = isPercent ? shifted(written, 2) : written;
  const exact = new Exact(value);
  if (exact.lt(0) || exact.gt(1)) throw refused('FRACTION_OUT_OF_RANGE', name, cell, '0 to 1, or 0 to 100');
  if (!isPercent && written !== '0') row.note('CONFIDENCE_WAS_FRACTION', `${name} ${written} is a fraction, where others of this system are percent`);
  return value;
}

/** No file says whether the account was real: where whoever imports does not say it either, what may be money counts as money. What calls itself a test is none. */
export function modeOf(row: Reading, given: Mode | null, ...names: (string | null)[]): Mode {
  const test = names.find((name) => name !== null && isTest(name));
  if (test !== undefined) {
    row.note('SYNTHETIC', `${String(test).slice(0, 100)} is a test's; mode simulation`);
    return 'simulation';
  }
  if (given !== null) return given;
  row.note('MODE_NOT_SAID', 'no file says whether the account was real; it counts as live');
  return 'live';
}

export const isTest = (name: string): boolean => /^test(?:$|[\W_\d])/i.test(name);
