import { describe, expect, it } from '@jest/globals';
import type { Candle } from './candle-file.js';
import { instrumentFor } from './instrument.js';
import { randomMarket, replayMarket, type Market, type MarketPosition } from './market.js';

const EURUSD = instrumentFor('EURUSD');
const walk = (seed: number) => randomMarket(seed, EURUSD, 1_100_000, 60);

function take(market: Market, count: number, from?: MarketPosition): { candles: Candle[]; position: MarketPosition } {
  const candles: Candle[] = [];
  let position = from ?? market.begin();
  for (let next = market.next(position); next && candles.length < count; next = market.next(position)) {
    candles.push(next.candle);
    position = next.position;
  }
  return { candles, position };
}

describe('the random market', () => {
  it('gives the same candles for the same seed, and others for another', () => {
    expect(take(walk(7), 500)).toEqual(take(walk(7), 500));
    expect(take(walk(7), 5).candles).not.toEqual(take(walk(8), 5).candles);
  });

  it('goes on where it was, when its position went through a file', () => {
    const first = take(walk(7), 100);
    const stored = JSON.parse(JSON.stringify(first.position)) as MarketPosition;
    expect([...first.candles, ...take(walk(7), 100, stored).candles]).toEqual(take(walk(7), 200).candles);
  });

  it('makes candles that a candle file would be accepted with', () => {
    const { candles } = take(walk(3), 5_000);
    const faulty = candles.filter(({ time, open, high, low, close, spread }, i) => {
      const whole = [open, high, low, close, spread].every(Number.isSafeInteger);
      const inside = high >= Math.max(open, close) && low <= Math.min(open, close) && low > 0 && spread >= 0;
      return !whole || !inside || time !== candles[0]!.time + i * 300_000;
    });
    expect(faulty).toEqual([]);
  });

  it('moves as much as a pair does: a few pips in five minutes', () => {
    const ranges = take(walk(5), 5_000).candles.map(({ high, low }) => high - low).sort((a, b) => a - b);
    expect(ranges[2_500]).toBeGreaterThan(200);
    expect(ranges[2_500]).toBeLessThan(1_500);
  });
});

describe('a replay', () => {
  it('hands out every candle once and then ends', () => {
    const { candles } = take(walk(1), 10);
    const replay = replayMarket(candles, 'x');
    expect(take(replay, 99).candles).toEqual(candles);
    expect(replay.next({ index: 10 })).toBeNull();
  });
});
