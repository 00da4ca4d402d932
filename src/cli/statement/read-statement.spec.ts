import { describe, expect, it } from '@jest/globals';
import { readStatement } from './read-statement.js';
import { zoneOf } from './zone.js';

const read = (side: string, direction: string) => readStatement(`Deal,Time,Symbol,Type,Direction,Volume,Price,Profit\n1,2026-01-05 10:00,EURUSD,${side},${direction},1,1,1\n`, zoneOf('UTC'));

describe('a row of a statement', () => {
  it('is a deal by its side and direction', () => {
    expect(read('Buy', 'Out by').deals).toMatchObject([{ side: 'buy', direction: 'out' }]);
  });

  it.each(['constructor', '__proto__', 'toString'])('of side or direction %j is none', (word) => {
    expect(() => read(word, 'in')).toThrow(/neither buy nor sell/);
    expect(() => read('buy', word)).toThrow(/neither in nor out/);
  });
});
