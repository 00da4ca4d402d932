import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BadText, type Cell, type JsonCell, JsonNumber } from './cell.js';
import { decodeRow, encoded, encodeRow } from './encode.js';
import { parseJson } from './json-text.js';
import { rowId } from './row-id.js';
import { sourceHash } from './source-hash.js';

/** As jsonb gives it back: names in another order, exponents and the sign of 0 gone. */
const throughJsonb = (text: string): JsonCell => {
  expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/i);
  const shuffled = (value: JsonCell): JsonCell => {
    if (value instanceof JsonNumber) {
      expect(value.text).toMatch(/^-?\d+(\.\d+)?$/);
      return value;
    }
    if (Array.isArray(value)) return value.map(shuffled);
    return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse().map(([name, each]) => [name, shuffled(each)])) : value;
  };
  return shuffled(parseJson(text).value);
};
const again = (cells: Record<string, Cell>) => decodeRow(throughJsonb(encodeRow(cells)));

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('\0', '\ud800', '\udc00', 'a', '\ufffd', '"', '\\') }));
const names = fc.oneof(anyText, fc.constantFrom('real', 'blob', 'text', 'fault', 'utf16', 'number', 'pairs', 'json', '__proto__', 'a'));
const number = fc.oneof(fc.bigInt().map(String), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String), fc.constantFrom('1.50', '-0', '-0.00', '1e5', '1E+400', '0.10')).map((digits) => new JsonNumber(digits));
const { document } = fc.letrec<{ document: JsonCell; object: JsonCell }>((tie) => ({
  document: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), anyText, number, fc.array(tie('document'), { maxLength: 4 }), tie('object')),
  object: fc.array(fc.tuple(names, tie('document')), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs)),
}));
const bytes = fc.uint8Array({ maxLength: 20 });
const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.constant(null), fc.boolean(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.double({ noNaN: true }), anyText, bytes, fc.tuple(bytes, fc.constantFrom<BadText['fault']>('NUL', 'NOT_UTF8')).map(([content, fault]) => new BadText(content, fault)),
  document.filter((value) => value !== null && typeof value === 'object' && !(value instanceof JsonNumber)) as fc.Arbitrary<Cell>,
);
const row = fc.array(fc.tuple(names, cell), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs));

describe('an old row as JSON', () => {
  it('is the row again, whatever it holds, also after jsonb', () => {
    fc.assert(fc.property(row, (cells) => expect(again(cells)).toEqual(cells)), { numRuns: 2000 });
  });

  it('has the same hash when it is read back', () => {
    fc.assert(fc.property(row, (cells) => expect(sourceHash(again(cells))).toEqual(sourceHash(cells))), { numRuns: 500 });
  });

  it('of JSON has the same text when it is read back', () => {
    fc.assert(fc.property(fc.array(fc.tuple(names, document), { maxLength: 5 }), (pairs) => {
      const cells = Object.fromEntries(pairs);
      expect(encodeRow(again(cells))).toBe(encodeRow(cells));
      expect(sourceHash(again(cells))).toEqual(sourceHash(cells));
    }), { numRuns: 1000 });
  });

  it.each<[Cell, string]>([
    [12n, '12'], [12, '12.0'], [1e21, '1000000000000000000000.0'], [1e-7, '0.0000001'], [Infinity, '{"real":"Infinity"}'], [-0, '{"real":"-0.0"}'], [new Uint8Array([1, 2]), '{"blob":"AQI="}'], [new BadText(new Uint8Array([97, 0]), 'NUL'), '{"text":"YQA=","fault":"NUL"}'],
    ['a\0', '{"utf16":"YQAAAA=="}'], [new JsonNumber('1e5'), '{"number":"1e5"}'], [new JsonNumber('1.50'), '1.50'], [{ json: 'x' }, '{"json":{"json":"x"}}'], [{ b: null, a: [true] }, '{"a":[true],"b":null}'],
  ])('has %p as %s', (value, text) => {
    expect(encoded(value)).toBe(text);
  });
});

describe('the hash of a row', () => {
  const hash = (cells: Record<string, Cell>) => sourceHash(cells).toString('hex');

  it('tells kinds apart that look alike', () => {
    const alike: Cell[] = [1n, 1, '1', true, new JsonNumber('1.50'), new Uint8Array([49]), new BadText(new Uint8Array([49]), 'NUL'), new BadText(new Uint8Array([49]), 'NOT_UTF8'), ['1'], { a: '1' }, '\ud800', '\ufffd', -0, 0, 0n, false, ''];
    expect(new Set(alike.map((value) => hash({ a: value }))).size).toBe(alike.length);
    expect(hash({ a: 'bc' })).not.toBe(hash({ ab: 'c' }));
    expect(hash({ a: 'b', c: 'd' })).not.toBe(hash({ a: 'd', c: 'b' }));
  });

  it('does not change with the order of columns, nor with one that is null', () => {
    expect(hash({ b: 1n, a: 'x' })).toBe(hash({ a: 'x', b: 1n }));
    expect(hash({ a: 'x', b: 1n, later: null })).toBe(hash({ a: 'x', b: 1n }));
  });

  it('of large rows is made like any other', () => {
    const large = 'é'.repeat(3_000_000);
    expect([hash({ a: large }), hash({ a: 'x' }), hash({ a: large })]).toEqual([hash({ a: large }), hash({ a: 'x' }), hash({ a: large })]);
    expect(hash({ a: large })).not.toBe(hash({ a: `${large}e` }));
  });
});

describe('the id of a row', () => {
  it.each<[Cell[], boolean[], string | null]>([
    [[7n], [], '7'], [['abc'], [], 'abc'], [['a|b', 'c\\'], [], 'a\\|b|c\\\\'], [[1n, 'x'], [], '1|x'], [['#7'], [], '\\#7'], [[1.5], [], '1.5'], [['1'], [true], "\\'1"], [[1n], [true], '1'], [['1'], [false], '1'],
    [[new Uint8Array([255])], [], '\\xff'], [[new BadText(new Uint8Array([97, 0]), 'NUL')], [], '\\t6100'], [[null], [], null], [['a', null], [], null],
  ])('of %p is %s', (key, loose, id) => {
    expect(rowId(key, loose)).toBe(id);
  });

  it('that is too long for an index is its digest', () => {
    expect(rowId(['é'.repeat(300)], [])).toMatch(/^\\h[0-9a-f]{64}$/);
    expect(rowId(['x'.repeat(500)], [])).toBe('x'.repeat(500));
  });

  it('is another for another key', () => {
    const key = fc.tuple(fc.oneof(fc.string({ unit: fc.constantFrom('|', '\\', '#', '1', "'", 'x') }), fc.bigInt({ min: 0n, max: 11n }), bytes), fc.string({ unit: fc.constantFrom('|', '\\', 'x') }));
    const same = (one: Cell[], other: Cell[]) => one.map(encoded).join() === other.map(encoded).join();
    fc.assert(fc.property(key, key, (one, other) => expect(rowId(one, [true, false]) === rowId(other, [true, false])).toBe(same(one, other))), { numRuns: 3000 });
  });
});
