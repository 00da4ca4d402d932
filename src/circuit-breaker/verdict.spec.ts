import { describe, expect, it } from '@jest/globals';
import { type Figure, verdictOf } from './verdict.js';

const SETTINGS = { enabled: true, minimumSamples: 10, warningFraction: '0.8' };
const figure = (value: string, samples: number | null = 10): Figure => ({ value, limit: '5', samples });

describe('a figure that must stay below its limit', () => {
  it.each([
    ['3.999999999999999999', 'fine'], ['4', 'warning'], ['4.999999999999999999', 'warning'], ['5', 'tripped'], ['5.000000000000000001', 'tripped'], ['-5', 'fine'], ['0', 'fine'],
  ])('of %s out of 5, with a warning at 0.8, is %s', (value, verdict) => {
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, figure(value))).toBe(verdict);
  });

  it('trips on a limit of 0, which allows nothing, and does not warn of what is nothing', () => {
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, { value: '0', limit: '0', samples: 10 })).toBe('tripped');
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, { value: '-0.01', limit: '0', samples: 10 })).toBe('fine');
  });
});

describe('a figure that must not fall below its limit', () => {
  it.each([['4.999999999999999999', 'tripped'], ['5', 'warning'], ['6.249999999999999999', 'warning'], ['6.25', 'fine']])('of %s at 5, with a warning at 0.8, is %s', (value, verdict) => {
    expect(verdictOf({ trips: 'below' }, SETTINGS, figure(value))).toBe(verdict);
  });
});

describe('what is not known', () => {
  it('trips nothing: no figure, one sample too few, or a breaker that is disabled', () => {
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, null)).toBe('unknown');
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, figure('5', 9))).toBe('unknown');
    expect(verdictOf({ trips: 'atLeast' }, SETTINGS, figure('5', null))).toBe('unknown');
    expect(verdictOf({ trips: 'atLeast' }, { ...SETTINGS, enabled: false }, figure('5'))).toBe('unknown');
  });

  it('without a warning fraction nothing warns', () => {
    expect(verdictOf({ trips: 'atLeast' }, { ...SETTINGS, warningFraction: null }, figure('4.9'))).toBe('fine');
    expect(verdictOf({ trips: 'below' }, { ...SETTINGS, warningFraction: null }, figure('5'))).toBe('fine');
  });
});
