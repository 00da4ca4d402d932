import { describe, expect, it } from '@jest/globals';
import { closeTime, type Frame, frameOf, spelled } from './timeframe.js';

const known = (text: string): Frame => frameOf(text) ?? { seconds: Number.NaN };

describe('a timeframe', () => {
  it.each([
    ['M1', '1m', 'M1'], ['M5', '5min', 'M5'], ['M15', '15m', 'M15'], ['M60', '60m', 'H1'], ['H1', '1h', 'H1'], ['H24', '24h', 'D1'], ['H4', '4h', 'H4'],
    ['D1', '1d', 'D1'], ['D7', '7d', 'W1'], ['W1', '1w', 'W1'], ['MN1', '1M', 'MN1'], ['MN3', '3mo', 'MN3'], ['S15', '15s', 'S15'], ['S90', '90s', 'S90'],
  ])('%s and %s are %s', (one, other, spelling) => {
    expect([spelled(known(one)), spelled(known(other))]).toEqual([spelling, spelling]);
  });

  it.each(['', 'M', 'M0', 'M05', '0m', 'h1', 'm5', '1H', '5', 'M-5', 'M1.5', 'X1', '1y', 'MN13', '13M', 'D400', 'W53x', 'M99999', ' M5', 'M5 ', 'tick', '__proto__'])('%j is none', (text) => {
    expect(frameOf(text)).toBeNull();
  });
});

describe('the close of a candle', () => {
  it.each([
    ['M5', '2026-01-05T10:00:00.000Z', '2026-01-05T10:05:00.000Z'],
    ['M5', '2026-01-05T10:54:30Z', '2026-01-05T10:59:30.000Z'],
    ['M5', '2026-01-05T23:55:00Z', '2026-01-06T00:00:00.000Z'],
    ['M1', '2026-12-31T23:59:00Z', '2027-01-01T00:00:00.000Z'],
    ['H1', '2026-01-05T10:00:00Z', '2026-01-05T11:00:00.000Z'],
    ['S30', '2026-01-05T10:00:00Z', '2026-01-05T10:00:30.000Z'],
    ['H4', '2026-01-31T22:00:00.000Z', '2026-02-01T02:00:00.000Z'],
    ['D1', '2026-03-28T22:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    ['W1', '2025-12-29T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
    ['MN1', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['MN1', '2026-01-31T22:00:00.000Z', '2026-02-28T22:00:00.000Z'],
    ['MN1', '2024-01-31T22:00:00.000Z', '2024-02-29T22:00:00.000Z'],
    ['MN12', '2025-12-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
  ])('%s from %s is %s', (timeframe, openTime, end) => {
    expect(closeTime(known(timeframe), openTime)).toBe(end);
  });
});
