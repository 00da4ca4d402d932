import { describe, expect, it } from '@jest/globals';
import { decileOf, GIVEN_UP_AFTER_SECONDS, nextLookAfter, verdictOn } from './score.js';
import type { PredictedDirection } from './predictions.repository.js';

describe('a prediction', () => {
  it.each<[PredictedDirection, string, string, string, string]>([
    ['long', '1.1000', '1.1003', '0.0002', 'right'],
    ['long', '1.1000', '1.1002', '0.0002', 'wrong'], // exactly the costs: nothing is earned
    ['long', '1.1000', '1.100200000000000001', '0.0002', 'right'],
    ['long', '1.1', '1.1', '0', 'wrong'],
    ['long', '1.1', '1.0', '0', 'wrong'],
    ['short', '1.1', '1.0997', '0.0002', 'right'],
    ['short', '1.1', '1.0998', '0.0002', 'wrong'],
    ['short', '1.1', '1.2', '0', 'wrong'],
    ['hold', '1.1', '1.1002', '0.0002', 'right'],
    ['hold', '1.1', '1.0998', '0.0002', 'right'],
    ['hold', '1.1', '1.100200000000000001', '0.0002', 'wrong'],
    ['hold', '1.1', '1.0997', '0.0002', 'wrong'],
    ['hold', '1.1', '1.1', '0', 'right'],
    ['hold', '1.1', '1.100000000000000001', '0', 'wrong'],
  ])('of %s from %s to %s at costs of %s is %s', (direction, start, end, costs, outcome) => {
    expect(verdictOn(direction, start, end, costs).outcome).toBe(outcome);
  });

  it('keeps the last digit of the move', () => {
    expect(verdictOn('long', '99999999999999999999.000000000000000001', '99999999999999999999', '0')).toEqual({ outcome: 'wrong', move: '-0.000000000000000001' });
  });

  it.each([['0', 0], ['0.099999999999999999', 0], ['0.1', 1], ['0.7', 7], ['0.999999999999999999', 9], ['1', 9]])('with confidence %s is in class %s', (confidence, decile) => {
    expect(decileOf(confidence)).toBe(decile);
  });
});

describe('a price that is not there', () => {
  it.each<[number, number | null]>([
    [0, 60], [239, 60], [400, 100], [86_400, 21_600], [GIVEN_UP_AFTER_SECONDS - 100, 100], [GIVEN_UP_AFTER_SECONDS - 0.5, 1], [GIVEN_UP_AFTER_SECONDS, null],
    [GIVEN_UP_AFTER_SECONDS + 1, null],
  ])('is looked for %s s after it was due, and again %s s later', (late, after) => {
    expect(nextLookAfter(late)).toBe(after);
  });

  it('is looked for not more than 60 times, the last time at the end', () => {
    const looks: number[] = [];
    for (let late = 0, after = nextLookAfter(0); after !== null; after = nextLookAfter(late)) looks.push((late += after));
    expect(looks.length).toBeLessThanOrEqual(60);
    expect(looks.at(-1)).toBe(GIVEN_UP_AFTER_SECONDS);
  });
});
