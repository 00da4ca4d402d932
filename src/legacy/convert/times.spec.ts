import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Column, Reading } from '../profile.js';
import { type Cell, JsonNumber } from '../source/cell.js';
import { time, type TimeOptions } from './times.js';

const NEW_YORK = { zone: 'America/New_York' };
const UTC = { zone: 'UTC' };
const KOLKATA = { zone: 'Asia/Kolkata' };

/** What is read, or the code of its reject, and the codes of its notes. */
function read(column: Column<unknown>, cell: Cell, cells: Record<string, Cell> = {}): { value: unknown; notes: string[] } {
  const notes: string[] = [];
  const row: Reading = { note: (code) => void notes.push(code), cells, id: '1' };
  try {
    return { value: column.read(cell, 'at', row), notes };
  } catch (error) {
    return { value: (error as { code?: string }).code ?? String(error), notes };
  }
}
const value = (cell: Cell, options: TimeOptions) => read(time('at', options), cell).value;

describe('a time', () => {
  it.each<[string, string]>([
    ['2025-07-01 09:30:00', '2025-07-01T09:30:00Z'],
    ['2025-07-01 09:30:00.000000', '2025-07-01T09:30:00Z'],
    ['2025-07-01T09:30:00', '2025-07-01T09:30:00Z'],
    ['2025-07-01T09:30', '2025-07-01T09:30:00Z'],
    [' 2025-07-01 09:30:00 ', '2025-07-01T09:30:00Z'],
    ['2025-07-01 9:05:7', '2025-07-01T09:05:07Z'],
    ['2025-7-1 09:30:00', '2025-07-01T09:30:00Z'],
    ['2025-07-01 01:30:00 PM', '2025-07-01T13:30:00Z'],
    ['2025-07-01 12:00:00 am', '2025-07-01T00:00:00Z'],
    ['2025-07-01T09:30:00Z', '2025-07-01T09:30:00Z'],
    ['2025-07-01T09:30:00.000+00:00', '2025-07-01T09:30:00Z'],
    ['2025-07-01T09:30:00+05:30', '2025-07-01T04:00:00Z'],
    ['2025-07-01 09:30:00+0530', '2025-07-01T04:00:00Z'],
    ['2025-07-01 00:30:00-04', '2025-07-01T04:30:00Z'],
    ['2025-07-01 09:30:00 UTC', '2025-07-01T09:30:00Z'],
    ['2024-02-29 00:00:00', '2024-02-29T00:00:00Z'],
  ])('%s is %s', (written, instant) => {
    expect(value(written, UTC)).toBe(instant);
  });

  it.each<[string, string]>([
    ['.1', '.1Z'], ['.12', '.12Z'], ['.120', '.12Z'], ['.123456', '.123456Z'], ['.000001', '.000001Z'], ['.000000', 'Z'], ['.120000000', '.12Z'], [',5', '.5Z'],
  ])('keeps %s of a second', (behind, kept) => {
    expect(read(time('at', UTC), `2025-07-01 09:30:00${behind}`)).toEqual({ value: `2025-07-01T09:30:00${kept}`, notes: [] });
  });

  it.each<[string, string]>([
    ['2025-07-01 09:30:00.1234567', '2025-07-01T09:30:00.123457Z'],
    ['2025-07-01 09:30:00.12345649', '2025-07-01T09:30:00.123456Z'],
    ['2025-12-31 23:59:59.999999999', '2026-01-01T00:00:00Z'],
  ])('of more than microseconds in %s takes the nearest and says so', (written, instant) => {
    expect(read(time('at', UTC), written)).toEqual({ value: instant, notes: ['TIME_ROUNDED'] });
  });

  it.each([
    ['2025-02-29 00:00:00', 'TIME_INVALID'], ['2025-13-01 00:00:00', 'TIME_INVALID'], ['2025-07-01 25:00:00', 'TIME_INVALID'], ['2025-07-01 24:00:01', 'TIME_INVALID'], ['2025-07-01 24:00:00.5', 'TIME_INVALID'],
    ['2025-07-01 09:60:00', 'TIME_INVALID'], ['2025-07-01 09:30:60', 'TIME_INVALID'], ['2025-07-01 13:00:00 PM', 'TIME_INVALID'], ['2025-07-01 09:30:00+16:00', 'TIME_INVALID'], ['2025-07-01 09:30:00 EST', 'TIME_INVALID'],
    ['2025-07-01', 'TIME_INVALID'], ['09:30:00', 'TIME_INVALID'], ['yesterday', 'TIME_INVALID'], ['NaT', 'TIME_INVALID'], ['1751362200', 'TIME_INVALID'], ['0001-01-01 00:00:00', 'TIME_INVALID'],
    ['11/02/2025 09:30:00', 'TIME_AMBIGUOUS'], ['1989-12-31 23:59:59', 'TIME_OUT_OF_RANGE'], ['2101-01-01 00:00:00', 'TIME_OUT_OF_RANGE'], ['1970-01-01 00:00:00', 'TIME_OUT_OF_RANGE'],
  ])('refuses %s', (written, code) => {
    expect(value(written, UTC)).toBe(code);
  });

  it('of bytes, of truth and of numbers that nobody declared is refused', () => {
    expect([new Uint8Array(3), true, 1751362200n, 1.5, [], { a: null }].map((cell) => value(cell as Cell, UTC))).toEqual(Array(6).fill('TIME_INVALID'));
  });

  it('is read by the wall clock of its zone, in summer and winter', () => {
    expect(value('2025-07-01 09:30:00', NEW_YORK)).toBe('2025-07-01T13:30:00Z');
    expect(value('2025-12-01 09:30:00', NEW_YORK)).toBe('2025-12-01T14:30:00Z');
    expect(value('2025-07-01 09:15:00', KOLKATA)).toBe('2025-07-01T03:45:00Z');
    expect(value('2025-07-01 00:15:00', KOLKATA)).toBe('2025-06-30T18:45:00Z');
    expect(value('2025-07-01 12:00:00', { zone: 'Africa/Johannesburg' })).toBe('2025-07-01T10:00:00Z');
  });

  it.each<[string, string, string[]]>([
    ['2025-11-02 00:59:59', '2025-11-02T04:59:59Z', []],
    ['2025-11-02 01:00:00', '2025-11-02T05:00:00Z', ['TIME_REPEATED']],
    ['2025-11-02 01:59:59.5', '2025-11-02T05:59:59.5Z', ['TIME_REPEATED']],
    ['2025-11-02 02:00:00', '2025-11-02T07:00:00Z', []],
    ['2025-11-02 01:30:00-05:00', '2025-11-02T06:30:00Z', []],
    ['2025-11-02 01:30:00 EST', '2025-11-02T06:30:00Z', []],
    ['2025-11-02 01:30:00 EDT', '2025-11-02T05:30:00Z', []],
    ['2025-03-09 01:59:59', '2025-03-09T06:59:59Z', []],
    ['2025-03-09 02:00:00', 'TIME_SKIPPED', []],
    ['2025-03-09 02:59:59', 'TIME_SKIPPED', []],
    ['2025-03-09 03:00:00', '2025-03-09T07:00:00Z', []],
    ['2000-10-29 01:30:00', '2000-10-29T05:30:00Z', ['TIME_REPEATED']],
  ])('%s in New York is %s', (written, instant, notes) => {
    expect(read(time('at', NEW_YORK), written)).toEqual({ value: instant, notes });
  });

  it('knows clocks that are changed by half an hour', () => {
    const lordHowe = { zone: 'Australia/Lord_Howe' };
    expect(read(time('at', lordHowe), '2025-04-06 01:45:00')).toEqual({ value: '2025-04-05T14:45:00Z', notes: ['TIME_REPEATED'] });
    expect(value('2025-10-05 02:15:00', lordHowe)).toBe('TIME_SKIPPED');
    expect(value('2025-10-05 02:30:00', lordHowe)).toBe('2025-10-04T15:30:00Z');
  });

  it('at 24:00 is the next day, and in a leap second the next minute, and says so', () => {
    expect(read(time('at', UTC), '2025-12-31 24:00:00')).toEqual({ value: '2026-01-01T00:00:00Z', notes: ['TIME_END_OF_DAY'] });
    expect(read(time('at', UTC), '2016-12-31T23:59:60Z')).toEqual({ value: '2017-01-01T00:00:00Z', notes: ['TIME_LEAP_SECOND'] });
    expect(read(time('at', NEW_YORK), '2016-12-31 18:59:60')).toEqual({ value: '2017-01-01T00:00:00Z', notes: ['TIME_LEAP_SECOND'] });
    expect(value('2016-12-31 22:59:60', UTC)).toBe('TIME_INVALID');
  });

  it('with slashes is read as it is declared', () => {
    expect(value('11/02/2025 12:00:00', { ...UTC, slashes: 'month/day' })).toBe('2025-11-02T12:00:00Z');
    expect(value('11/02/2025 12:00:00', { ...UTC, slashes: 'day/month' })).toBe('2025-02-11T12:00:00Z');
    expect(value('13/02/2025 12:00:00', { ...UTC, slashes: 'month/day' })).toBe('TIME_INVALID');
  });

  it('may be a date alone, or the time of a day in another column', () => {
    expect(value('2025-11-02', { ...NEW_YORK, dateOnly: true })).toBe('2025-11-02T04:00:00Z');
    const column = time('at', { ...NEW_YORK, dateIn: 'date' });
    expect(read(column, '09:30:00', { date: '2025-08-01' }).value).toBe('2025-08-01T13:30:00Z');
    expect(read(column, '01:30:00', { date: '2025-11-02' })).toEqual({ value: '2025-11-02T05:30:00Z', notes: ['TIME_REPEATED'] });
    expect(read(column, '09:30:00', { date: null }).value).toBe('TIME_INVALID');
  });

  it.each<[Cell, TimeOptions['epoch'], string]>([
    [1751362200n, 'seconds', '2025-07-01T09:30:00Z'],
    [1751362200.5, 'seconds', '2025-07-01T09:30:00.5Z'],
    [1751362200.123456, 'seconds', '2025-07-01T09:30:00.123456Z'],
    ['1751362200', 'seconds', '2025-07-01T09:30:00Z'],
    ['1751362200.25', 'seconds', '2025-07-01T09:30:00.25Z'],
    [new JsonNumber('1751362200'), 'seconds', '2025-07-01T09:30:00Z'],
    [1751362200123n, 'milliseconds', '2025-07-01T09:30:00.123Z'],
    [1751362200123.5, 'milliseconds', '2025-07-01T09:30:00.1235Z'],
    [1751362200n, 'either', '2025-07-01T09:30:00Z'],
    [1751362200123n, 'either', '2025-07-01T09:30:00.123Z'],
    ['2025-07-01 09:30:00', 'either', '2025-07-01T09:30:00Z'],
    [1751362200123n, 'seconds', 'TIME_OUT_OF_RANGE'],
    [1751362200n, 'milliseconds', 'TIME_OUT_OF_RANGE'],
    [0n, 'seconds', 'TIME_OUT_OF_RANGE'],
    [-1751362200n, 'seconds', 'TIME_OUT_OF_RANGE'],
    [Infinity, 'seconds', 'NUMBER_NOT_FINITE'],
    [10n ** 30n, 'either', 'TIME_OUT_OF_RANGE'],
  ])('of %s in %s is %s', (cell, epoch, instant) => {
    expect(value(cell, { ...UTC, epoch })).toBe(instant);
  });

  it('that is nothing is nothing', () => {
    expect(read(time('at', UTC), null)).toEqual({ value: null, notes: [] });
    expect(read(time('at', UTC), ' ')).toEqual({ value: null, notes: ['TEXT_EMPTY'] });
  });

  it('written by any clock is the instant it was made of, and the repeated hour the earlier of two', () => {
    fc.assert(fc.property(fc.integer({ min: 631_152_000, max: 4_102_444_799 }), fc.constantFrom('America/New_York', 'Asia/Kolkata', 'Europe/London', 'Australia/Lord_Howe', 'UTC'), (seconds, zone) => {
      const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(seconds * 1000);
      const { value: instant, notes } = read(time('at', { zone }), shown);
      const behind = seconds - Date.parse(String(instant)) / 1000;
      expect(behind === 0 || (notes.includes('TIME_REPEATED') && (behind === 3600 || behind === 1800))).toBe(true);
    }), { numRuns: 300 });
  });
});
