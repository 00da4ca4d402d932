import { describe, expect, it } from '@jest/globals';
import { type Gap, isExplained, verdictOf } from './unexplained.js';

const gap: Gap = { unexplained: '-50', openingBalance: '10000', facts: 2, mode: 'paper', tellsTrades: true, seconds: 60, told: null, isPast: false };
const told = { unexplained: '-50.00', acknowledged: false };

describe('rounding', () => {
  it.each<[string, string | null, string | null, number, boolean]>([
    ['a cent without any deal', '-0.01', '10000', 0, true], ['more than a cent without any deal', '0.011', '10000', 0, false],
    ['a cent for each of three deals', '0.03', '10000', 3, true], ['more than that', '-0.0300001', '10000', 3, false],
    ['a ten-thousandth at most, of an account in bitcoins', '0.0001', '1', 5, true], ['more than that of it', '-0.00011', '1', 5, false],
    ['nothing where the day began with nothing', '0.001', '0', 1, false], ['nothing at all', '0', '0', 0, true],
    ['of a debt as of money', '0.01', '-10000', 1, true], ['what is not known is no gap', null, null, 0, true],
  ])('%s', (_name, unexplained, openingBalance, facts, expected) => {
    expect(isExplained({ unexplained, openingBalance, facts })).toBe(expected);
  });
});

describe('a balance that changed by more than was told', () => {
  it.each<[string, Partial<Gap>, ReturnType<typeof verdictOf>]>([
    ['is waited with when it is new', { seconds: null }, 'wait'], ['is waited with for a minute', { seconds: 59.9 }, 'wait'],
    ['is told after a minute', {}, 'tell'], ['is told when it rose too', { unexplained: '50' }, 'tell'], ['is told once', { told }, 'known'],
    ['is told again when it is another one', { told: { ...told, unexplained: '-49' }, seconds: 0 }, 'tell'],
    ['is explained within rounding', { unexplained: '0.02', told }, 'explained'],
    ['is nobody\'s business in a demo that tells no trades', { tellsTrades: false }, 'explained'], ['is told of live accounts whatever they tell', { tellsTrades: false, mode: 'live' }, 'tell'],
    ['is over when it was acknowledged and nothing more can be told of it', { told: { ...told, acknowledged: true }, isPast: true }, 'over'],
    ['is not over because it is long ago', { told, isPast: true }, 'known'], ['nor because it was acknowledged', { told: { ...told, acknowledged: true } }, 'known'],
  ])('%s', (_name, more, expected) => {
    expect(verdictOf({ ...gap, ...more })).toBe(expected);
  });
});
