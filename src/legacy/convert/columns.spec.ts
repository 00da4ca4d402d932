import { describe, expect, it } from '@jest/globals';
import { notes, read, row } from '../../../test/support/read-cell.js';
import { Json } from '../profile.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';
import { flag, integer, json, kept, oneOf, required, symbol, text, ticket, zeroIsOff } from './columns.js';
import { decimal } from './decimals.js';

const nul = new BadText(Buffer.from('a\0b'), 'NUL');
const latin = new BadText(Buffer.from([0xff]), 'NOT_UTF8');

describe('a text', () => {
  it.each<[Cell, unknown, string[]]>([
    ['abc', 'abc', []], ['', '', []], [' a ', ' a ', []], [null, null, []], ['é😀', 'é😀', []], [nul, 'TEXT_NUL', []], [latin, 'TEXT_NOT_UTF8', []], ['a\0b', 'TEXT_NUL', []], ['\ud800', 'TEXT_NOT_UTF8', []], ['\ufffd', '\ufffd', []],
    [9007199254740993n, '9007199254740993', ['TEXT_FROM_NUMBER']], [1e21, '1000000000000000000000', ['TEXT_FROM_NUMBER']], [new JsonNumber('1.50'), '1.50', ['TEXT_FROM_NUMBER']], [true, 'true', ['TEXT_FROM_NUMBER']],
    [new Uint8Array(2), 'TEXT_EXPECTED', []], [[], 'TEXT_EXPECTED', []], [{ a: null }, 'TEXT_EXPECTED', []],
  ])('of %p is %p', (cell, expected, said) => {
    expect(read(text('x'), cell)).toBe(expected);
    expect(notes).toEqual(said);
  });

  it('is as long as its characters, not their halves', () => {
    expect(read(text('x', { most: 3 }), '😀😀😀')).toBe('😀😀😀');
    expect(read(text('x', { most: 3 }), 'abcd')).toBe('TEXT_TOO_LONG');
    expect(read(text('x', { most: 3, trim: true }), ' abc ')).toBe('abc');
  });

  it('of a reject is cut, and names its column', () => {
    expect(() => text('x', { most: 3 }).read('😀'.repeat(5000), 'note', row)).toThrow(expect.objectContaining({ column: 'note', detail: expect.stringMatching(/^note is "(?:😀){100}…"; expected at most 3 characters, not 5000$/u) as unknown as string }));
  });
});

describe('a whole number', () => {
  it.each<[Cell, unknown]>([
    [12n, '12'], [12.0, '12'], ['12', '12'], ['12.0', '12'], [new JsonNumber('12'), '12'], [null, null], ['', null], [12.5, 'NUMBER_NOT_WHOLE'], ['a', 'NUMBER_INVALID'], [2147483648n, 'NUMBER_OUT_OF_RANGE'], [1e300, 'NUMBER_OUT_OF_RANGE'], [Infinity, 'NUMBER_NOT_FINITE'],
  ])('of %p is %p', (cell, expected) => {
    expect(read(integer('x'), cell)).toBe(expected);
  });
});

describe('a flag', () => {
  it.each<[boolean, Cell[]]>([
    [true, [1n, 1, true, '1', 'true', 'TRUE', 'True', 't', 'T', 'yes', 'Y', 'y', ' on ', new JsonNumber('1')]],
    [false, [0n, 0, -0, false, '0', 'false', 'False', 'f', 'no', 'N', 'off', new JsonNumber('0')]],
  ])('is %s', (expected, cells) => {
    expect(cells.map((cell) => read(flag('x'), cell))).toEqual(cells.map(() => expected));
  });

  it('is not guessed', () => {
    expect([2n, -1n, 0.5, 'maybe', 'null', new Uint8Array([1]), [], '1.0'].map((cell) => read(flag('x'), cell))).toEqual(Array(8).fill('BOOLEAN_UNKNOWN'));
    expect(read(flag('x'), null)).toBeNull();
  });
});

describe('one of several words', () => {
  const side = oneOf('x', { map: { BUY: 'long', SELL: 'short', '1': 'long' }, caseless: true });
  it('is ours', () => {
    expect(['buy', 'Buy', ' SELL ', 1n].map((cell) => read(side, cell))).toEqual(['long', 'long', 'short', 'long']);
  });
  it('that is none of them is refused, naming them', () => {
    expect(read(side, 'HOLD')).toBe('VALUE_UNKNOWN');
    expect(read(oneOf('x', { map: { BUY: 'long' } }), 'buy')).toBe('VALUE_UNKNOWN');
    expect(read(side, 'constructor')).toBe('VALUE_UNKNOWN');
    expect(() => side.read('HOLD', 'side', row)).toThrow('VALUE_UNKNOWN: side is "HOLD"; expected one of 1, BUY, SELL');
  });
});

describe('JSON', () => {
  const written = (cell: Cell) => {
    const value = read(json('x'), cell);
    return value instanceof Json ? JSON.stringify(value.value) : value;
  };
  it.each<[Cell, unknown, string[]]>([
    ['{"a": 1.0, "b": [12345678901234567890, 0.1]}', '{"a":1.0,"b":[12345678901234567890,0.1]}', []],
    ['[]', '[]', []], ['null', 'null', []], ['"a"', '"a"', []], ['\ufeff{}', '{}', []], [null, null, []], ['', null, ['TEXT_EMPTY']],
    [{ a: new JsonNumber('1.50') }, '{"a":1.50}', []], [5n, '5', []], [1.5, '1.5', []],
    ['{"a":1,"a":2}', '{"a":2}', ['JSON_NAME_TWICE']], ['{"a":NaN,"b":-Infinity}', '{"a":"NaN","b":"-Infinity"}', ['JSON_NOT_FINITE', 'JSON_NOT_FINITE']],
    ['{"__proto__": {"a": 1}}', '{"__proto__":{"a":1}}', []],
    ["{'a': 1}", 'JSON_INVALID', []], ['{"a":1', 'JSON_INVALID', []], ['{"a":01}', 'JSON_INVALID', []], ['[1,]', 'JSON_INVALID', []], ['{} x', 'JSON_INVALID', []], ['"a', 'JSON_INVALID', []], ['"\\x"', 'JSON_INVALID', []], ['"a\nb"', 'JSON_INVALID', []],
    ['['.repeat(100_000), 'JSON_INVALID', []], ['{"a":"\\u0000"}', 'JSON_NUL', []], ['{"\\u0000":1}', 'JSON_NUL', []], ['["\\ud800"]', 'JSON_NOT_UTF8', []], [nul, 'TEXT_NUL', []], [new Uint8Array(1), 'JSON_INVALID', []],
  ])('of %p is %p', (cell, expected, said) => {
    expect(written(cell)).toBe(expected);
    expect(notes).toEqual(said);
  });
});

describe('a symbol', () => {
  it.each<[Cell, unknown, string[]]>([
    ['EURUSD', 'EURUSD', []], ['eur/usd', 'EURUSD', ['SYMBOL_RESPELLED']], ['nse:infy', 'NSE:INFY', ['SYMBOL_RESPELLED']], ['{{ticker}}', 'SYMBOL_INVALID', []], [12n, 'SYMBOL_INVALID', []], ['', null, ['TEXT_EMPTY']],
  ])('of %p is %p', (cell, expected, said) => {
    expect(read(symbol('x'), cell)).toBe(expected);
    expect(notes).toEqual(said);
  });
  it('may leave its exchange to a column of its own', () => {
    expect(read(symbol('x', { bare: true }), 'NSE:INFY')).toBe('INFY');
  });
});

describe('a ticket', () => {
  it.each<[Cell, unknown]>([
    [9223372036854775807n, '9223372036854775807'], ['000123', '000123'], ['  A-1 ', 'A-1'], [123.0, '123'], [new JsonNumber('9223372036854775807'), '9223372036854775807'], [2 ** 53, 'TICKET_INEXACT'], [1.5, 'TICKET_INEXACT'], [new JsonNumber('1.5'), 'TICKET_INVALID'], [true, 'TICKET_INVALID'], [null, null],
  ])('of %p is %p', (cell, expected) => {
    expect(read(ticket('x'), cell)).toBe(expected);
  });

  // A column of whole numbers in which one is missing is one of doubles to pandas, and written so into CSV and JSON.
  it.each<[Cell, unknown]>([
    ['5000000123.0', '5000000123'], ['-1.0', '-1'], ['0.0', '0'], ['9007199254740991.0', '9007199254740991'], [new JsonNumber('12.0'), '12'], [new JsonNumber('1e+3'), '1000'],
    ['9007199254740992.0', 'TICKET_INEXACT'], ['9.223372036854776e+18', 'TICKET_INEXACT'], ['1e+16', 'TICKET_INEXACT'], [new JsonNumber('9.223372036854776e+18'), 'TICKET_INEXACT'],
    ['1.5', '1.5'], ['12e45', '12e45'], ['1.2.0', '1.2.0'], ['A1.0', 'A1.0'],
  ])('of %p, as a double is written, is %p', (cell, expected) => {
    expect(read(ticket('x'), cell)).toBe(expected);
  });
});

describe('around a column', () => {
  it('what is required is there', () => {
    expect(read(required(text('x')), null)).toBe('VALUE_MISSING');
    expect(read(required(decimal('x')), ' ')).toBe('VALUE_MISSING');
    expect(read(required(flag('x')), 0n)).toBe(false);
  });
  it('a limit of 0 is off', () => {
    expect([read(zeroIsOff(decimal('x')), 0.0), notes[0]]).toEqual([null, 'LIMIT_OFF']);
    expect(read(zeroIsOff(decimal('x')), 5n)).toBe('5');
  });
  it('what is kept has no column of ours', () => {
    expect([kept('no use').to, read(kept('no use'), nul)]).toEqual([null, nul]);
  });
});
