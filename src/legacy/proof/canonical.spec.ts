import { describe, expect, it } from '@jest/globals';
import { JsonNumber } from '../source/cell.js';
import { Json } from '../profile.js';
import { beginningOf, canonical } from './canonical.js';
import { jsonbText } from './jsonb-text.js';
import { ExactSum, plainDecimal } from './plain-decimal.js';

describe('a value as PostgreSQL writes it', () => {
  it.each([
    ['0', '0'], ['-0', '0'], ['-0.00', '0'], ['1.50', '1.5'], ['100', '100'], ['-12.000', '-12'], ['1e3', '1000'], ['1.5e-3', '0.0015'], ['-2.50E+2', '-250'], ['.5', '0.5'], ['5.', '5'], ['007', '7'], ['1e-20', '0.00000000000000000001'],
    ['12345678901234567890.123456789', '12345678901234567890.123456789'],
  ])('decimal %s', (text, shown) => {
    expect(plainDecimal(text)).toBe(shown);
  });

  it.each([
    ['2025-01-02T03:04:05Z', '2025-01-02 03:04:05+00'], ['2025-01-02T03:04:05.000Z', '2025-01-02 03:04:05+00'], ['2025-01-02T03:04:05.250Z', '2025-01-02 03:04:05.25+00'], ['2025-01-02 03:04:05.000001+00:00', '2025-01-02 03:04:05.000001+00'],
    ['2025-01-02T03:04:05.5+02:00', '2025-01-02 01:04:05.5+00'],
  ])('time %s', (text, shown) => {
    expect(canonical(text, 'timestamptz', 'at', '')).toBe(shown);
    expect(canonical(text, 'timestamptz', 'at', beginningOf(text))).toBe('@');
  });

  it('nothing is not an empty text', () => {
    expect([canonical(null, 'text', 'x', ''), canonical('', 'text', 'x', '')]).toEqual([null, '']);
  });

  it('JSON: names by length and bytes, numbers with their zeros', () => {
    expect(jsonbText({ bb: new JsonNumber('1.50'), a: [null, true, '"\n\u0001é'], ä: new JsonNumber('1e3'), c: -0 })).toBe('{"a": [null, true, "\\"\\n\\u0001é"], "c": 0, "bb": 1.50, "ä": 1000}');
    expect(canonical(new Json([]), 'jsonb', 'x', '')).toBe('[]');
  });

  it('sums are exact', () => {
    const sum = new ExactSum();
    for (const each of ['0.1', '0.2', '-12345678901234567890', '1e0'.replace('e0', '')]) sum.add(each);
    sum.add('0.3', -1n);
    expect(sum.toString()).toBe('-12345678901234567889');
    expect(new ExactSum().toString()).toBe('0');
  });
});
