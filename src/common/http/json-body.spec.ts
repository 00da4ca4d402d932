import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Problem } from '../problem.js';
import { parseJson, type UnreadablePart } from './json-body.js';

const refusal = (json: string): string => {
  try {
    parseJson(json);
    return 'taken';
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
};
const depth = (value: unknown): number => (value === null || typeof value !== 'object' ? 0 : 1 + Math.max(0, ...Object.values(value).map(depth)));
const isOrdinary = (value: unknown): boolean => {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([key, inner]) => !['__proto__', 'constructor', 'prototype'].includes(key) && isOrdinary(key) && isOrdinary(inner));
};

describe('parsing a body', () => {
  it('is JSON.parse for ordinary JSON', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      fc.pre(isOrdinary(value) && depth(value) <= 32);
      for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) expect(parseJson(text)).toEqual(JSON.parse(text));
    }), { numRuns: 1_000 });
  });

  it('keeps every number that a double can carry, however it is spelled', () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom('', '0', '00', 'e0', 'E+0'), (number, tail) => {
      const shortest = String(Object.is(number, -0) ? 0 : number);
      const spelled = shortest.includes('e') || (tail.startsWith('0') && !shortest.includes('.')) ? shortest : shortest + tail;
      expect(parseJson(`{"n":${spelled}}`)).toEqual({ n: number === 0 ? 0 : number });
    }), { numRuns: 2_000 });
    expect(parseJson('[1.50e2, 150, 0.00, -0, 1e0, 100e-2, 12345678901234567000]')).toEqual([150, 150, 0, -0, 1, 1, 12345678901234567000]);
  });

  it.each(['%', ' %', '[%]', '[1,%]', '{"n":%}', '{"n": %}', '{"n":\t%}', '[1,\n%]', '{"id":"6e0c6f1e","n":%}'])('looks at a number wherever it stands: %s', (place) => {
    for (const number of ['12345678901234567', '-12345678901234567', '0.12345678901234567', '1e400', '-1.5E400']) {
      expect(refusal(place.replace('%', number))).toBe('NUMBER_NOT_EXACT');
    }
  });

  it('refuses a number of which a double would lose digits', () => {
    const digits = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 18, maxLength: 40 }).map((list) => list.join(''));
    fc.assert(fc.property(digits, fc.nat(30), (all, point) => {
      const spelled = point === 0 || point >= all.length ? all : `${all.slice(0, point)}.${all.slice(point)}`;
      // Few numbers of 18 digits without a zero are what a double writes.
      fc.pre(String(Number(spelled)) !== spelled);
      expect(refusal(`{"n":${spelled}}`)).toBe('NUMBER_NOT_EXACT');
    }), { numRuns: 1_000 });
  });

  it.each([
    ['1e400', 'NUMBER_NOT_EXACT'], ['-1e400', 'NUMBER_NOT_EXACT'], ['1e-400', 'NUMBER_NOT_EXACT'], ['0.1000000000000000055', 'NUMBER_NOT_EXACT'], ['9007199254740993', 'NUMBER_NOT_EXACT'],
    [`1${'0'.repeat(70)}`, 'NUMBER_NOT_EXACT'], ['NaN', 'BODY_NOT_JSON'], ['Infinity', 'BODY_NOT_JSON'], ['01', 'BODY_NOT_JSON'], ['.5', 'BODY_NOT_JSON'], ['+1', 'BODY_NOT_JSON'], ['1n', 'BODY_NOT_JSON'], ['0x1', 'BODY_NOT_JSON'],
    ['"\\u0000"', 'TEXT_HAS_NUL'], ['"\\ud800"', 'TEXT_NOT_UNICODE'], ['"\\udc00\\ud800"', 'TEXT_NOT_UNICODE'], ['{"__proto__":1}', 'KEY_NOT_ALLOWED'], ['{"a":{"constructor":1}}', 'KEY_NOT_ALLOWED'],
    ['{"prototype":1}', 'KEY_NOT_ALLOWED'], ['[1,]', 'BODY_NOT_JSON'], ['', 'BODY_NOT_JSON'],
  ])('of %s is refused: %s', (json, code) => expect(refusal(json)).toBe(code));

  it('goes 32 levels deep and no deeper', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect([refusal(nested(32)), refusal(nested(33)), refusal(nested(10_000))]).toEqual(['taken', 'BODY_TOO_DEEP', 'BODY_TOO_DEEP']);
    expect(refusal('['.repeat(1_000_000))).toBe('BODY_NOT_JSON');
    // The careful way calls itself: it must not take the process with it.
    expect(refusal(`{"n":1e5,"a":${nested(400_000)}}`)).toMatch(/^BODY_(TOO_DEEP|NOT_JSON)$/);
  });

  it('names the place', () => {
    const placeOf = (json: string) => {
      try {
        parseJson(json);
      } catch (error) {
        return (error as Problem).extra.errors?.[0]?.path;
      }
      return undefined;
    };
    expect(placeOf('{"a":[{"b":"\\u0000"}]}')).toBe('a.0.b');
    expect(placeOf('{"price":1e400}')).toBe('price');
    expect(placeOf('{"items":[{"price":1.5},{"price":0.10000000000000000001}]}')).toBe('items.1.price');
    expect(placeOf(`{"${'k'.repeat(500)}":"\\u0000"}`)).toHaveLength(200);
  });

  it('refuses a part alone where parts are answered alone', () => {
    const text = '{"seq":1,"list":[{"n":1},{"ref":"x","n":1e400},7],"one":{"t":"\\u0000"},"other":{"n":2}}';
    const { list, one, ...rest } = parseJson(text, new Set(['list', 'one', 'absent'])) as { list: unknown[]; one: UnreadablePart };
    expect([list[0], list[2], rest]).toEqual([{ n: 1 }, 7, { seq: 1, other: { n: 2 } }]);
    expect([(list[1] as UnreadablePart).problem, one.problem].map(({ code, message }) => [code, message.split(':')[0]])).toEqual([['NUMBER_NOT_EXACT', 'n'], ['TEXT_HAS_NUL', 't']]);
    for (const whole of ['{"seq":1e400,"list":[]}', '{"list":[],"other":[1e400]}', '[1e400]', '1e400']) expect(() => parseJson(whole, new Set(['list']))).toThrow(Problem);
    expect(() => parseJson('{"__proto__":[],"list":[]}', new Set(['list', '__proto__']))).toThrow(Problem);
  });

  it('takes no longer for what is made to take long', () => {
    const began = process.cpuUsage();
    for (const number of [`0.1${'0'.repeat(1_000_000)}1`, `1${'0'.repeat(1_000_000)}1`, `0.${'0'.repeat(1_000_000)}`, `1e${'0'.repeat(1_000_000)}`]) expect(refusal(`{"n":${number}}`)).toBe('NUMBER_NOT_EXACT');
    // Of processor time, so that a busy machine makes no difference.
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(2_000);
  });

  it('changes no prototype', () => {
    expect(refusal('{"a":{"__proto__":{"polluted":true}}}')).toBe('KEY_NOT_ALLOWED');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
