import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Exact } from '../common/decimal.js';
import { conversion, type Rate } from './rates.js';

const NOW = '2026-01-05T12:00:00Z';
const rate = (from: string, to: string, value: string, secondsAgo = 10): Rate =>
  ({ from, to, rate: value, asOf: new Date(Date.parse(NOW) - secondsAgo * 1_000).toISOString() });
/** What 120 of `from` are in `to`; the code of the reason when that is not known. */
const convert = (from: string, to: string, rates: Rate[]): string | undefined => {
  const way = conversion(from, to, rates, NOW);
  return way.known ? new Exact(120).times(way.value.times).div(way.value.by).toFixed() : way.reasons[0]?.code;
};

describe('a conversion', () => {
  it.each<[string, string, string, Rate[], string]>([
    ['of a currency into itself needs no rate', 'USD', 'USD', [], '120'],
    ['takes the direct rate', 'EUR', 'USD', [rate('EUR', 'USD', '1.25')], '150'], // 120 × 1.25
    ['takes the inverse one', 'USD', 'EUR', [rate('EUR', 'USD', '1.25')], '96'], // 120 ÷ 1.25
    ['prefers the direct one', 'EUR', 'USD', [rate('USD', 'EUR', '0.5'), rate('EUR', 'USD', '1.25')], '150'],
    ['goes over USD', 'GBP', 'JPY', [rate('GBP', 'USD', '1.25'), rate('USD', 'JPY', '160')], '24000'], // 120 × 1.25 × 160
    ['goes over USD both ways round', 'JPY', 'GBP', [rate('GBP', 'USD', '1.25'), rate('USD', 'JPY', '150')], '0.64'], // 120 ÷ 150 ÷ 1.25
    ['goes over EUR', 'PLN', 'SEK', [rate('EUR', 'PLN', '4'), rate('EUR', 'SEK', '11')], '330'], // 120 ÷ 4 × 11
    ['prefers USD to EUR', 'PLN', 'SEK', [rate('EUR', 'PLN', '4'), rate('EUR', 'SEK', '11'), rate('USD', 'PLN', '4'), rate('USD', 'SEK', '10')], '300'],
    ['takes the newest of several', 'EUR', 'USD', [rate('EUR', 'USD', '1.25', 5), rate('EUR', 'USD', '9', 600)], '150'],
    ['takes a fresh inverse rate rather than an old direct one', 'EUR', 'USD', [rate('EUR', 'USD', '9', 7_200), rate('USD', 'EUR', '0.8')], '150'],
    ['takes a rate of 59 min 59 s', 'EUR', 'USD', [rate('EUR', 'USD', '1.25', 3_599)], '150'],
    ['takes a rate of a clock that is 120 s ahead', 'EUR', 'USD', [rate('EUR', 'USD', '1.25', -120)], '150'],
    ['takes no rate of an hour', 'EUR', 'USD', [rate('EUR', 'USD', '1.25', 3_600)], 'RATE_STALE'],
    ['takes no rate from the future, such as broker time sent as UTC', 'EUR', 'USD', [rate('EUR', 'USD', '1.25', -10_800)], 'RATE_STALE'],
    ['needs both halves to be fresh', 'GBP', 'JPY', [rate('GBP', 'USD', '1.25', 4_000), rate('USD', 'JPY', '160')], 'RATE_STALE'],
    ['goes over no other currency', 'GBP', 'JPY', [rate('GBP', 'CHF', '1.1'), rate('CHF', 'JPY', '170')], 'RATE_MISSING'],
    ['is unknown without a rate, and not 1', 'EUR', 'USD', [], 'RATE_MISSING'],
    ['is unknown with one half', 'GBP', 'JPY', [rate('GBP', 'USD', '1.25')], 'RATE_MISSING'],
    ...['0', '-1', 'NaN', 'Infinity', '', '1e3', '0x10', '1,25'].map((value): [string, string, string, Rate[], string] => [`reads no rate of ${value || 'nothing'}`, 'EUR', 'USD', [rate('EUR', 'USD', value)], 'RATE_MISSING']),
    ['reads no rate without a time', 'EUR', 'USD', [{ ...rate('EUR', 'USD', '1.25'), asOf: 'yesterday' }], 'RATE_STALE'],
  ])('%s', (_what, from, to, rates, expected) => {
    expect(convert(from, to, rates)).toBe(expected);
  });

  it('there and back is what it was, to the last digit', () => {
    const positive = fc.bigInt({ min: 1n, max: 10n ** 12n }).map((units) => new Exact(units.toString()).div(1_000_000).toFixed());
    fc.assert(fc.property(positive, positive, (one, two) => {
      const rates = [rate('GBP', 'USD', one), rate('USD', 'JPY', two)];
      const [there, back] = [conversion('GBP', 'JPY', rates, NOW), conversion('JPY', 'GBP', rates, NOW)];
      if (!there.known || !back.known) return false;
      return there.value.times.times(back.value.times).eq(there.value.by.times(back.value.by));
    }));
  });
});
