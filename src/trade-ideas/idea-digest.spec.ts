import { describe, expect, it } from '@jest/globals';
import { bandOf, isInside, slippageOf } from './idea-digest.js';

const RANGE = { low: '1.1', high: '1.1005' };

describe('by how much worse than its price an opening may be filled', () => {
  it.each<[string, Parameters<typeof slippageOf>[0], string, string | null]>([
    ['a tenth of the way to the stop', { direction: 'long', entryRange: null, stopLoss: '1.09' }, '1.1', '0.001'],
    ['the same for a short', { direction: 'short', entryRange: null, stopLoss: '1.11' }, '1.1', '0.001'],
    ['of the price, without a stop', { direction: 'long', entryRange: null, stopLoss: null }, '2000', '1'],
    ['never above the range of a long', { direction: 'long', entryRange: RANGE, stopLoss: '1.09' }, '1.1002', '0.0003'],
    ['never below the range of a short', { direction: 'short', entryRange: RANGE, stopLoss: '1.11' }, '1.1002', '0.0002'],
    ['not at all at the edge of the range', { direction: 'long', entryRange: RANGE, stopLoss: '1.09' }, '1.1005', null],
  ])('%s', (_what, idea, price, expected) => expect(slippageOf(idea, price)).toBe(expected));
});

describe('the band of an approval', () => {
  it.each<[string, Parameters<typeof bandOf>[0], string | null, ReturnType<typeof bandOf>]>([
    ['is a quarter of the way to the stop around the price', { entryRange: null, stopLoss: '1.09' }, '1.1', { low: '1.0975', high: '1.1025' }],
    ['is a thousandth of the price without a stop', { entryRange: null, stopLoss: null }, '2000', { low: '1998', high: '2002' }],
    ['is the range that the idea has', { entryRange: RANGE, stopLoss: '1.09' }, '1.2', RANGE],
    ['is not known without a price', { entryRange: null, stopLoss: '1.09' }, null, null],
  ])('%s', (_what, idea, price, expected) => expect(bandOf(idea, price)).toEqual(expected));

  it('holds at both of its ends', () => {
    expect(['1.0999', '1.1', '1.1005', '1.10051'].map((price) => isInside(price, RANGE))).toEqual([false, true, true, false]);
  });
});
