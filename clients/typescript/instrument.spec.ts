import { describe, expect, it } from '@jest/globals';
import { Decimal } from 'decimal.js';
import { cents, instrumentFor, parsePoints, priceText, profitOf, quoteAround } from './instrument.js';

const EURUSD = instrumentFor('EURUSD');
const USDJPY = instrumentFor('usdjpy');

describe('prices', () => {
  it.each([
    ['1.0182950000000002', 1018295],
    ['1.01815', 1018150],
    ['5.197309417039507e-05', 52],
    ['.5', 500000],
    ['1', 1000000],
  ])('read %s as %i points, without the dust of a float', (text, points) => {
    expect(parsePoints(text, EURUSD)).toBe(points);
  });

  it.each(['', 'NaN', 'Infinity', '-Infinity', '0x10', '1,5', '1.2.3', 'abc', '1e400'])('refuse %p', (text) => {
    expect(() => parsePoints(text, EURUSD)).toThrow();
  });

  it('are written with the digits of the instrument, and one more only between two ticks', () => {
    expect(priceText(1018290, EURUSD)).toBe('1.01829');
    expect(priceText(1018295, EURUSD)).toBe('1.018295');
    expect(priceText(1400000, USDJPY)).toBe('140.000');
  });

  it('are quoted on whole ticks, never better than the middle and half the spread', () => {
    expect(quoteAround(1018150, 52)).toEqual({ bid: 1018120, ask: 1018180 });
    expect(quoteAround(1018150, 0)).toEqual({ bid: 1018150, ask: 1018150 });
    expect(quoteAround(1018295, 0)).toEqual({ bid: 1018290, ask: 1018300 });
  });
});

describe('profit', () => {
  it.each([
    { direction: 'long', lots: '0.10', entry: '1.01818', exit: '1.01918', profit: '10' },
    { direction: 'short', lots: '0.10', entry: '1.01818', exit: '1.01918', profit: '-10' },
    { direction: 'long', lots: '0.01', entry: '1.00000', exit: '0.99999', profit: '-0.01' },
    { direction: 'short', lots: '2.5', entry: '1.10000', exit: '1.09123', profit: '2192.5' },
  ] as const)('of $lots lots $direction from $entry to $exit is exactly $profit USD', ({ direction, lots, entry, exit, profit }) => {
    const [from, to] = [parsePoints(entry, EURUSD), parsePoints(exit, EURUSD)];
    expect(profitOf(EURUSD, direction, lots, from, to).toFixed()).toBe(profit);
  });

  it('is converted by the exit price where the dollar is the base', () => {
    // 0.1 lots x 100,000 x (150 - 149) yen = 10,000 yen; at 150 yen a dollar 66.67.
    const profit = profitOf(USDJPY, 'long', '0.1', parsePoints('149', USDJPY), parsePoints('150', USDJPY));
    expect(cents(profit).toFixed(2)).toBe('66.67');
  });

  it.each([['0.125', '0.12'], ['0.135', '0.14'], ['-0.125', '-0.12'], ['0.1251', '0.13']])('of %s is booked as %s', (exact, booked) => {
    expect(cents(new Decimal(exact)).toFixed(2)).toBe(booked);
  });
});

describe('an instrument', () => {
  it('is refused when its profit could not be turned into dollars', () => {
    expect(() => instrumentFor('EURGBP')).toThrow('no US dollar');
    expect(() => instrumentFor('EUR USD')).toThrow('not a symbol');
  });

  it('counts one unit a lot when it is no currency pair', () => {
    expect(instrumentFor('BTCUSD', 20_000)).toMatchObject({ contractSize: 1, digits: 2 });
    expect(EURUSD).toMatchObject({ contractSize: 100_000, digits: 5 });
  });
});
