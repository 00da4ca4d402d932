import { describe, expect, it } from '@jest/globals';
import { PAGE_BYTES_MAX, rowsThatFit } from './page-bytes.js';

const rows = (...bytes: number[]) => bytes.map((bytes_so_far) => ({ bytes_so_far }));

describe('a page of long rows', () => {
  it.each([
    ['few short rows', rows(10, 20), 50, 50],
    ['no rows', [], 50, 50],
    ['more rows than asked for', rows(10, 20, 30), 2, 2],
    ['rows that fill it exactly', rows(10, PAGE_BYTES_MAX), 50, 50],
    ['rows that fill it before the limit', rows(10, PAGE_BYTES_MAX, PAGE_BYTES_MAX + 1), 50, 2],
    ['rows that fill it after the limit', rows(10, 20, 30, PAGE_BYTES_MAX + 1), 2, 2],
  ])('%s', (_name, given, limit, expected) => {
    expect(rowsThatFit(given, limit)).toBe(expected);
  });
});
