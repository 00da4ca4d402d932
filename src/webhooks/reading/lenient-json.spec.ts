import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readLenientJson } from './lenient-json.js';
import { ReadingFault } from './reading-fault.js';

const read = (text: string) => readLenientJson(text, 0, text.length, new Set()).value;
const codeOf = (text: string): string => {
  try {
    read(text);
    return 'read';
  } catch (error) {
    return error instanceof ReadingFault ? error.code : String(error);
  }
};

/** What JSON.parse says, with numbers as the text of a double. */
const withTexts = (value: unknown): unknown =>
  typeof value === 'number' ? String(value) : Array.isArray(value) ? value.map(withTexts)
    : value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withTexts(inner)])) : value;

describe('JSON as alerts carry it', () => {
  it('is read as JSON.parse reads it, with numbers as text', () => {
    const json = fc.jsonValue({ maxDepth: 6 }).filter((value) => !/"(?:__proto__|constructor|prototype)"|\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)));
    fc.assert(fc.property(json, fc.constantFrom(undefined, 1, 2), (value, indent) => {
      // Numbers are spelled by JSON.stringify; -0 becomes 0 there.
      expect(read(JSON.stringify(value, null, indent))).toEqual(withTexts(JSON.parse(JSON.stringify(value))));
    }), { numRuns: 2_000 });
  });

  it.each([
    ['{"a":1,}', { a: '1' }],
    ['{"a":[1,2,],}', { a: ['1', '2'] }],
    ['{"price":2,673.10,"product":"CNC"}', { price: '2,673.10', product: 'CNC' }],
    ['{"price": 12,34,567.5 }', { price: '12,34,567.5' }],
    ['{"a":[1,234]}', { a: ['1', '234'] }],
    ['{"price":{{close}},"qty":<number>}', { price: '{{close}}', qty: '<number>' }],
    ['{"price":NaN,"size":-Infinity,"action":buy}', { price: 'NaN', size: '-Infinity', action: 'buy' }],
    ["{'a':'b'}", { a: 'b' }],
    ['{"comment":"two\nlines"}', { comment: 'two\nlines' }],
    ['{"a":123456789012345678901234567890.123456789012345678901,"b":1.50e2}', { a: '123456789012345678901234567890.123456789012345678901', b: '1.50e2' }],
    ['{"a":"\\u0041\\n\\"\\/\\q","b":true,"c":false,"d":null}', { a: 'A\n"/q', b: true, c: false, d: null }],
    ['{"a":{"b":1},"a":{"b":1}}', { a: { b: '1' } }],
    ['{"toString":"x","length":1}', { toString: 'x', length: '1' }],
  ])('%s', (text, value) => expect(read(text)).toEqual(value));

  it.each([
    ['', 'BODY_NOT_READABLE'], ['{', 'BODY_NOT_READABLE'], ['{"a"', 'BODY_NOT_READABLE'], ['{"a":}', 'BODY_NOT_READABLE'], ['{"a":1 "b":2}', 'BODY_NOT_READABLE'], ['{"a":1}}', 'BODY_NOT_READABLE'],
    ['{"a":1,,"b":2}', 'BODY_NOT_READABLE'], ['{ ... }', 'BODY_NOT_READABLE'], ['{"a":"b', 'BODY_NOT_READABLE'], ['{"a":{{close}', 'BODY_NOT_READABLE'], ['{"a":"\\u00zz"}', 'BODY_NOT_READABLE'],
    ['{"a":1,5}', 'BODY_NOT_READABLE'], ['{"__proto__":{"x":1}}', 'KEY_NOT_ALLOWED'], ['{"a":{"constructor":1}}', 'KEY_NOT_ALLOWED'], ['{"\\u005f_proto__":1}', 'KEY_NOT_ALLOWED'],
    ['{"a":"\\u0000"}', 'TEXT_HAS_NUL'], ['{"a":"\\ud800"}', 'TEXT_NOT_UNICODE'], ['{"a":1,"a":2}', 'FIELD_TWICE'], [`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, 'BODY_TOO_DEEP'], ['['.repeat(60_000), 'BODY_TOO_DEEP'],
  ])('%s is no alert: %s', (text, code) => expect(codeOf(text)).toBe(code));

  it('may be nested 32 times', () => expect(codeOf(`${'{"a":'.repeat(32)}1${'}'.repeat(32)}`)).toBe('read'));
});
