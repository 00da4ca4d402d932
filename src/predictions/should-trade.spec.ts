import { describe, expect, it } from '@jest/globals';
import { CONFIDENCE_THRESHOLD, shouldTrade } from './should-trade.js';

describe('shouldTrade', () => {
  it.each([
    ['long', '0.7', true],
    ['short', '0.70', true],
    ['long', '0.699999999999999999', false],
    ['short', '0.700000000000000001', true],
    ['long', '1', true],
    ['long', '0', false],
    ['hold', '0.7', false],
    ['hold', '1', false],
  ] as const)('%s at %s: %s', (direction, confidence, expected) => {
    expect(shouldTrade(direction, confidence)).toBe(expected);
  });

  it('is 0.70 by default', () => expect(Number(CONFIDENCE_THRESHOLD)).toBe(0.7));
});
