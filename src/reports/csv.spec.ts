import { describe, expect, it } from '@jest/globals';
import { csvLine, plainCell, textCell } from './csv.js';

describe('a cell of text', () => {
  it.each([
    ['EURUSD', 'EURUSD'], ['', ''], [null, ''], ['a,b', '"a,b"'], ['say "hi"', '"say ""hi"""'], ['two\r\nlines', '"two\r\nlines"'], ['=1+1', `'=1+1`], ['+1', `'+1`], ['-1', `'-1`], ['@sum', `'@sum`],
    ['\tx', `'\tx`], ['\rx', `"'\rx"`], ['=cmd|"/c calc"!A1', `"'=cmd|""/c calc""!A1"`], ['＝1', `'＝1`], [' =1', ' =1'], ['1=1', '1=1'], ['日本', '日本'],
  ])('%j is %j', (given, expected) => {
    expect(textCell(given)).toBe(expected);
  });
});

describe('a plain cell', () => {
  it.each([['-1.5', '-1.5'], [7, '7'], [true, 'true'], [null, ''], ['[{"price":"1"}]', '"[{""price"":""1""}]"']])('%j is %j', (given, expected) => {
    expect(plainCell(given)).toBe(expected);
  });
});

it('lines end as RFC 4180 ends them', () => {
  expect(csvLine(['a', '', 'b'])).toBe('a,,b\r\n');
});
