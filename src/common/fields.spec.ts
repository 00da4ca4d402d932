import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decimal, fraction, instant, jsonObject, name, pastInstant, price, symbol, text, uuid } from './fields.js';

const digits = (min: number, max: number) => fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((list) => list.join(''));
const decimalInput = fc.tuple(fc.constantFrom('', '-', '+'), digits(1, 20), fc.option(digits(1, 18), { nil: null }));

/** The value as a whole number of 10^-18, without any library: what two spellings must agree on. */
function scaled(decimalText: string): bigint {
  const [, sign = '', whole = '', part = ''] = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(decimalText) ?? [];
  const value = BigInt(whole + part.padEnd(18, '0'));
  return sign === '-' ? -value : value;
}

describe('a decimal', () => {
  it('keeps every digit that was sent as text', () => {
    fc.assert(fc.property(decimalInput, ([sign, whole, part]) => {
      const sent = `${sign}${whole}${part === null ? '' : `.${part}`}`;
      const kept = decimal().parse(sent);
      expect(scaled(kept)).toBe(scaled(sent));
      expect(kept).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
      expect(decimal().parse(kept)).toBe(kept);
    }), { numRuns: 2_000 });
  });

  it('keeps every number that JSON carries, as JSON would write it', () => {
    fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e19, max: 1e19 }), (number) => {
      const parsed = decimal().safeParse(number);
      // Closer to zero than 10^-18 there are doubles with more digits than are kept: refused, not rounded.
      if (parsed.success) expect(Number(parsed.data)).toBe(number === 0 ? 0 : number);
      else expect(/e-|\.\d{19,}/.test(String(number))).toBe(true);
    }), { numRuns: 2_000 });
  });

  it.each([
    'NaN', 'Infinity', '-Infinity', '1e5', '1E5', '0x10', '1_000', '1,5', '1 000', '.5', '5.', '', ' ', '-', '+', '--1', '１２', '٣', '1.2.3', '1\n2', '9'.repeat(21), `0.${'1'.repeat(19)}`,
    NaN, Infinity, 1e21, 1e-19, null, undefined, true, {}, [], ['1'], 1n,
  ])('is not %p', (input) => expect(decimal().safeParse(input).success).toBe(false));

  it('holds its bounds exactly, and says them', () => {
    expect(price().safeParse('0.000000000000000001').success).toBe(true);
    expect(price().safeParse('0').error?.issues[0]?.message).toBe('must be above 0');
    expect(price().safeParse('-0').success).toBe(false);
    expect(fraction().parse('1.000')).toBe('1');
    expect(fraction().safeParse('1.000000000000000001').error?.issues[0]?.message).toBe('must be at least 0 and at most 1');
    expect(decimal().parse('-0.00')).toBe('0');
  });
});

describe('an instant', () => {
  it('is the same moment in any zone, and as epoch milliseconds', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 253_402_300_799_000 - 86_400_000 }), fc.integer({ min: -839, max: 839 }), (ms, offsetMinutes) => {
      const local = new Date(Math.max(0, ms + offsetMinutes * 60_000));
      const sign = offsetMinutes < 0 ? '-' : '+';
      const zone = `${sign}${String(Math.floor(Math.abs(offsetMinutes) / 60)).padStart(2, '0')}:${String(Math.abs(offsetMinutes) % 60).padStart(2, '0')}`;
      const moment = local.getTime() - offsetMinutes * 60_000;
      if (moment < 0) return;
      const expected = new Date(moment).toISOString();
      expect(instant().parse(local.toISOString().replace('Z', zone))).toBe(expected);
      // Below lie seconds that were sent for milliseconds.
      if (moment === 0 || moment >= 100_000_000_000) expect(instant().parse(moment)).toBe(expected);
      else expect(instant().safeParse(moment).success).toBe(false);
    }), { numRuns: 500 });
  });

  it.each([
    '2026-01-01T00:00:00', '2026-01-01', '2026-02-31T00:00:00Z', '2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:00:60Z', '2026-1-1T0:0:0Z',
    '99999-01-01T00:00:00Z', '+012026-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59-12:00', '2026-01-01 00:00:00Z', 'now', 'infinity', 'epoch', '', '0', '1700000000000',
    -1, 0.5, 1e18, NaN, Infinity, null, true, {}, [],
  ])('is not %p', (input) => expect(instant().safeParse(input).success).toBe(false));

  it('that is written as answers write it stays as it is, from 1970 to 9998', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 253_370_764_799_999 }).map((ms) => new Date(ms).toISOString()), (text) => {
      expect(instant().parse(text)).toBe(text);
    }));
    expect(['1969-12-31T23:59:59.999Z', '2026-02-29T00:00:00.000Z', '9999-12-31T23:59:59.999Z'].map((text) => instant().safeParse(text).success)).toEqual([false, false, false]);
  });

  it('says what it must be', () => {
    expect(instant().safeParse('2026-01-01T00:00:00').error?.issues[0]?.message).toMatch(/RFC 3339 time with a zone/);
    expect(instant().parse('2024-02-29T12:00:00.123456+05:30')).toBe('2024-02-29T06:30:00.123Z');
  });

  it('that has happened lies at most 120 s ahead', () => {
    expect(pastInstant().safeParse(Date.now() + 110_000).success).toBe(true);
    expect(pastInstant().safeParse(Date.now() + 130_000).error?.issues[0]?.message).toMatch(/TIME_IN_FUTURE/);
  });
});

describe('words', () => {
  it('lose the blanks around them, and are not blank', () => {
    expect(text(5).parse('  a b  ')).toBe('a b');
    for (const input of ['', '   ', 'abcdef', 1, null]) expect(text(5).safeParse(input).success).toBe(false);
    expect(text(50).parse('two\nlines')).toBe('two\nlines');
  });

  it('that name something are one line that shows as it is', () => {
    for (const good of ['Trend 2 (EUR/USD)', 'Über-Bot', '取引', 'عربي', "o'brien; --", '👩‍💻']) expect(name(100).parse(good)).toBe(good);
    for (const bad of ['two\nlines', 'a\tb', 'a\u001b[31mb', 'a\u0000', 'a\u0085b', 'a\u2028b', 'txt.\u202egpj', 'a\u2066b']) expect([bad, name(100).safeParse(bad).success]).toEqual([bad, false]);
  });

  it('that are symbols and ids have one spelling', () => {
    for (const good of ['EURUSD', 'BTC-USD', 'ES=F', '^GSPC', 'XAU/USD', 'US500.cash', '#AAPL', 'M&M', 'ES1!', 'BTC/USDT:USDT', 'XAUUSD#', 'EURUSD+', 'KXBTCD-25AUG0312-T114249.99', 'x'.repeat(64)]) expect(symbol().parse(good)).toBe(good);
    for (const bad of ['', 'EUR USD', 'x'.repeat(65), "'; --", 'EUR\nUSD', 'ÉUR', 'EUR\u0000', 'EUR\u202eUSD', '{{ticker}}', 'A"B']) expect(symbol().safeParse(bad).success).toBe(false);
    expect(uuid().parse('01930000-0000-7000-8000-00000000BEEF')).toBe('01930000-0000-7000-8000-00000000beef');
    for (const bad of ['me', '{01930000-0000-7000-8000-00000000beef}', '0193000000007000800000000000beef', '01930000-0000-7000-8000-00000000bee']) expect(uuid().safeParse(bad).success).toBe(false);
  });

  it('in a free object have a limit in bytes, not in characters', () => {
    expect(jsonObject(20).safeParse({ a: 'x'.repeat(12) }).success).toBe(true);
    expect(jsonObject(20).safeParse({ a: 'é'.repeat(12) }).success).toBe(false);
    for (const bad of [[], 'x', null, 1]) expect(jsonObject().safeParse(bad).success).toBe(false);
  });
});
