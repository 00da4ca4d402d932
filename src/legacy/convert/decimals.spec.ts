import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { notes, read } from '../../../test/support/read-cell.js';
import { Exact } from './exact.js';
import { type Cell, JsonNumber } from '../source/cell.js';
import { decimal, fraction, plainNumber, shifted } from './decimals.js';


describe('a number', () => {
  it.each<[Cell, string | null]>([
    [0.1, '0.1'], [0.1 + 0.2, '0.30000000000000004'], [1.0, '1'], [-0, '0'], [-0.0001, '-0.0001'], [1e21, '1000000000000000000000'], [1e-7, '0.0000001'], [123456789.12345679, '123456789.12345679'],
    [5e-324, `0.${'0'.repeat(323)}5`], [9007199254740993n, '9007199254740993'], [-9223372036854775808n, '-9223372036854775808'],
    ['1.50', '1.5'], [' 12 ', '12'], ['+3', '3'], ['-0.0', '0'], ['.5', '0.5'], ['5.', '5'], ['007', '7'], ['1e3', '1000'], ['1.5E-3', '0.0015'],
    ['12345678901234567890.123456789012345678901234567890123456789012345678901234567890', '12345678901234567890.12345678901234567890123456789012345678901234567890123456789'],
    [new JsonNumber('0.30'), '0.3'], [null, null], ['', null],
    [Infinity, 'NUMBER_NOT_FINITE'], [-Infinity, 'NUMBER_NOT_FINITE'], ['NaN', 'NUMBER_NOT_FINITE'], ['-inf', 'NUMBER_NOT_FINITE'],
    ['abc', 'NUMBER_INVALID'], ['1,5', 'NUMBER_INVALID'], ['1 000', 'NUMBER_INVALID'], ['0x10', 'NUMBER_INVALID'], ['$5', 'NUMBER_INVALID'], ['1e9999', 'NUMBER_INVALID'], ['1e99999999999', 'NUMBER_INVALID'],
    ['1'.repeat(100_000), 'NUMBER_INVALID'], [true, 'NUMBER_INVALID'], [new Uint8Array(1), 'NUMBER_INVALID'], [[], 'NUMBER_INVALID'],
  ])('%s is %s', (cell, expected) => {
    expect(read(decimal('x'), cell)).toBe(expected);
  });

  it.each<[string, string]>([
    ['$1,234.50', '1234.5'], ['-$5', '-5'], ['$-5', '-5'], ['(1,234.50)', '-1234.5'], ['($5)', '-5'], ['12,34,567.89', '1234567.89'], ['₹ 100', '100'], ['1234.5', '1234.5'],
    ['1,5', 'NUMBER_INVALID'], ['1,2345', 'NUMBER_INVALID'], ['1.234,50', 'NUMBER_INVALID'], ['(-5)', 'NUMBER_INVALID'], ['-$-5', 'NUMBER_INVALID'], ['$', 'NUMBER_INVALID'], ['()', 'NUMBER_INVALID'],
  ])('of money: %s is %s', (written, expected) => {
    expect(read(decimal('x', { money: true }), written)).toBe(expected);
  });

  it.each<[Cell, 'cents' | 'percent' | 'hundred' | 'centi-cents', string]>([
    [5n, 'cents', '0.05'], [-5n, 'cents', '-0.05'], [0n, 'cents', '0'], [12345n, 'cents', '123.45'], [100n, 'cents', '1'], [99.5, 'percent', '0.995'], ['0.1', 'percent', '0.001'], [65n, 'hundred', '0.65'], [12345n, 'centi-cents', '1.2345'],
    [9007199254740993n, 'cents', '90071992547409.93'],
  ])('%s of %s is %s', (cell, scale, expected) => {
    expect(read(decimal('x', { scale }), cell)).toBe(expected);
  });

  it('has its bounds after its scale', () => {
    expect(read(decimal('x', { scale: 'percent', least: '0', most: '1' }), 100n)).toBe('1');
    expect(read(decimal('x', { scale: 'percent', least: '0', most: '1' }), 100.1)).toBe('NUMBER_OUT_OF_RANGE');
    expect(read(decimal('x', { least: '0' }), -1e-300)).toBe('NUMBER_OUT_OF_RANGE');
  });

  it('is the double it was, and no shorter number is', () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const written = plainNumber(value);
      expect(written).toMatch(/^-?\d+(\.\d*[1-9])?$/);
      expect(Number(written)).toBe(value === 0 ? 0 : value);
      const digits = new Exact(written).precision();
      if (digits > 1) expect([Exact.ROUND_DOWN, Exact.ROUND_UP].map((way) => Number(new Exact(written).toSignificantDigits(digits - 1, way).toString()))).not.toContain(value);
    }), { numRuns: 2000 });
  });

  it('moved by the point is what division says', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 12 }), fc.constantFrom(2, 3, 4), (digits, behind, places) => {
      const value = new Exact(digits.toString()).div(new Exact(10).pow(behind));
      expect(shifted(value.toFixed(), places)).toBe(value.div(new Exact(10).pow(places)).toFixed());
    }));
  });
});

describe('a fraction', () => {
  it.each<[Cell, 'fraction' | 'percent' | 'either', string, string[]]>([
    [0.65, 'fraction', '0.65', []], [1n, 'fraction', '1', []], [65n, 'fraction', 'FRACTION_OUT_OF_RANGE', []], [-0.1, 'fraction', 'FRACTION_OUT_OF_RANGE', []],
    [65n, 'percent', '0.65', []], [0.65, 'percent', '0.0065', []], [100.1, 'percent', 'FRACTION_OUT_OF_RANGE', []],
    [0.65, 'either', '0.65', []], [1n, 'either', '1', []], [65n, 'either', '0.65', ['FRACTION_WAS_PERCENT']], [101n, 'either', 'FRACTION_OUT_OF_RANGE', []],
    ['85%', 'fraction', '0.85', ['FRACTION_WAS_PERCENT']], ['85 %', 'percent', '0.85', []],
  ])('%s as %s is %s', (cell, from, expected, said) => {
    expect(read(fraction('x', { from }), cell)).toBe(expected);
    expect(notes).toEqual(said);
  });
});
