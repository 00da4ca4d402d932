import { describe, expect, it } from '@jest/globals';
import { asPercent, written } from './decimal.js';

describe('a decimal as it is written', () => {
  it.each([
    ['1234567.5', {}, '1,234,567.5'], ['-1234.500', {}, '−1,234.5'], ['12345678901234567890.123456789', {}, '12,345,678,901,234,567,890.123456789'], ['0', { least: 2 }, '0.00'], ['-0.00', { least: 2, sign: true }, '0.00'],
    ['5', { sign: true }, '+5'], ['4565.329', { least: 2, most: 2 }, '4,565.32'], ['-4565.329', { least: 2, most: 2 }, '−4,565.32'], ['0.00012345', { least: 2, most: 2 }, '0.00012345'], ['none', {}, 'none'],
  ])('%s %j is %s', (text, how, shown) => expect(written(text, how)).toBe(shown));

  it.each([['0.0525', '5.25 %'], ['1', '100 %'], ['0', '0 %'], ['-0.005', '−0.5 %'], ['0.333333333333333333', '33.3333333333333333 %']])('%s is %s', (fraction, shown) => expect(asPercent(fraction)).toBe(shown));
});
