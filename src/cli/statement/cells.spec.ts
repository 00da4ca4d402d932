import { describe, expect, it } from '@jest/globals';
import { momentOf, numberOf } from './cells.js';
import { zoneOf } from './zone.js';

describe('a number', () => {
  it.each([
    ['1234.50', '1234.5'], ['1 234.50', '1234.5'], ['-1 234 567', '-1234567'], ['1\u00a0234.5', '1234.5'], ['- 5.00', '-5'], ['\u22125', '-5'], ['+0.10', '0.1'], ['-0.00', '0'], ['1,234.50', '1234.5'], ['-1,234,567.1', '-1234567.1'], ['0.000000000000000001', '0.000000000000000001'],
  ])('%j is %s', (cell, value) => {
    expect(numberOf(cell)).toEqual({ value });
  });

  it.each(['', 'x', '1,5', '1,234', '1.234,50', '12 34', '1 2345', '1e5', '.5', '5.', '=1+1', '0x10', 'NaN', '(5)', '5%', '--5', '123456789012345678901'])('%j is none', (cell) => {
    expect(numberOf(cell)).toEqual({ fault: expect.any(String) });
  });
});

describe('a time', () => {
  const athens = zoneOf('Europe/Athens');
  it.each([
    ['2026.01.05 10:00:00', '2026-01-05T08:00:00.000Z', 1_000], ['2026-01-05 10:00', '2026-01-05T08:00:00.000Z', 60_000], ['2026/01/05 10:00:00.250', '2026-01-05T08:00:00.250Z', 1], ['2026-01-05T10:00:00Z', '2026-01-05T10:00:00.000Z', 1_000],
    ['2026-01-05T10:00:00.1234+0530', '2026-01-05T04:30:00.123Z', 1], ['2026-01-05 10:00:00 UTC', '2026-01-05T10:00:00.000Z', 1_000],
  ])('%j is %s', (cell, instant, unit) => {
    expect(momentOf(cell, athens)).toEqual({ value: { instants: [Date.parse(instant)], unit } });
  });

  it.each(['', '2026-01-05', '05.01.2026 10:00', '2026-02-30 10:00', '2026-01-05 24:00', '2026-01-05 10:60', '2026-01-05 10:00:60', '1767607200', '2026-03-29 03:30', '9999-12-31 23:59:59', '2026-01-05 10:00 +99:00', '2026-01-05 10:00 -15:00'])('%j is none', (cell) => {
    expect(momentOf(cell, athens)).toEqual({ fault: expect.any(String) });
  });

  it('has no instant without a zone', () => {
    expect(momentOf('2026-01-05 10:00', null)).toEqual({ fault: 'has no zone' });
  });
});
