import { describe, expect, it } from '@jest/globals';
import { instrumentFor } from './instrument.js';
import type { Reading } from './signals.js';
import { decide, DEFAULT_CONFIG, leaning, regimeOf, withChanges } from './strategy.js';

const EURUSD = instrumentFor('EURUSD');
const reading = (change: Partial<Reading>): Reading => ({
  close: 1_000_000, fast: 1_000_100, slow: 1_000_000, rsi: 60, atr: 500, cross: 'up', ...change,
});
const decideOn = (change: Partial<Reading>, spread = 60) => decide(reading(change), spread, DEFAULT_CONFIG, EURUSD);

describe('the strategy', () => {
  it('goes with a crossing that has strength, two average ranges to the stop and twice that to the target', () => {
    expect(decideOn({})).toEqual({ signal: { direction: 'long', stopDistance: 1000, targetDistance: 2000 } });
    expect(decideOn({ cross: 'down', rsi: 40 })).toEqual({ signal: { direction: 'short', stopDistance: 1000, targetDistance: 2000 } });
  });

  it('does nothing without a crossing', () => {
    expect(decideOn({ cross: null })).toBeNull();
  });

  it.each([
    { cross: 'up', rsi: 49.9, why: 'other side of 50' },
    { cross: 'up', rsi: 70.1, why: 'spent' },
    { cross: 'down', rsi: 50.1, why: 'other side of 50' },
    { cross: 'down', rsi: 29.9, why: 'spent' },
  ] as const)('declines a crossing $cross at an RSI of $rsi', ({ cross, rsi, why }) => {
    expect(decideOn({ cross, rsi })).toEqual({ declined: expect.stringContaining(why) });
  });

  it.each([{ cross: 'up', rsi: 50 }, { cross: 'up', rsi: 70 }, { cross: 'down', rsi: 50 }, { cross: 'down', rsi: 30 }] as const)(
    'takes the limits themselves as good: $cross at $rsi',
    ({ cross, rsi }) => {
      expect(decideOn({ cross, rsi })).toHaveProperty('signal');
    },
  );

  it('declines a spread wider than allowed', () => {
    expect(decideOn({}, 300)).toHaveProperty('signal');
    expect(decideOn({}, 301)).toEqual({ declined: expect.stringContaining('spread') });
  });

  it('keeps the stop at least three spreads away, on whole ticks', () => {
    expect(decideOn({ atr: 10 }, 61)).toEqual({ signal: { direction: 'long', stopDistance: 190, targetDistance: 380 } });
  });

  it('names the lean and the regime', () => {
    expect(leaning(reading({ fast: 1, slow: 2 }))).toBe('short');
    expect(regimeOf(reading({ fast: 1_000_600 }))).toBe('trending_up');
    expect(regimeOf(reading({ fast: 999_400 }))).toBe('trending_down');
    expect(regimeOf(reading({ fast: 1_000_499 }))).toBe('ranging');
  });
});

describe('a change of the configuration', () => {
  it('is taken over when everything in it is right', () => {
    expect(withChanges({ ...DEFAULT_CONFIG }, { lotSize: 0.2, fastPeriod: 10 })).toMatchObject({ lotSize: '0.20', fastPeriod: 10, slowPeriod: 48 });
  });

  it.each([
    [{ lotSize: '0.2', fastPeriod: 0 }, 'fastPeriod'],
    [{ lotSize: 'NaN' }, 'lotSize'],
    [{ lotSize: '0.015' }, 'multiple of 0.01'],
    [{ lotSize: Infinity }, 'lotSize'],
    [{ lotSize: null }, 'lotSize'],
    [{ lotSize: -1 }, 'lotSize'],
    [{ stopAtr: '1e9' }, 'stopAtr'],
    [{ fastPeriod: 12.5 }, 'whole number'],
    [{ fastPeriod: 48 }, 'shorter'],
    [{ databaseUrl: 'postgres://x' }, 'not a setting'],
    [{ __proto__: null, constructor: 1 }, 'not a setting'],
  ])('with a fault in it changes nothing: %j', (changes, fault) => {
    const config = { ...DEFAULT_CONFIG };
    expect(() => withChanges(config, changes)).toThrow(fault);
    expect(config).toEqual(DEFAULT_CONFIG);
  });

  it('names every fault at once', () => {
    expect(() => withChanges({ ...DEFAULT_CONFIG }, { lotSize: 0, rsiLimit: 7, nonsense: 1 })).toThrow(/lotSize.*rsiLimit.*nonsense/);
  });
});
