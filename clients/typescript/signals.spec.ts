import { describe, expect, it } from '@jest/globals';
import type { Candle } from './candle-file.js';
import { advance, emptyIndicators, trueRange, type IndicatorPeriods, type Reading } from './signals.js';

const PERIODS: IndicatorPeriods = { fastPeriod: 2, slowPeriod: 4, rsiPeriod: 3, atrPeriod: 3 };

/** A candle whose high and low lie one point around open and close. */
function candle(close: number, range: { high?: number; low?: number } = {}): Candle {
  return { time: 0, open: close, high: range.high ?? close + 1, low: range.low ?? close - 1, close, spread: 0 };
}

function readingsOf(closes: number[], periods = PERIODS): (Reading | null)[] {
  let state = emptyIndicators();
  return closes.map((close) => {
    const step = advance(state, candle(close), periods);
    state = step.state;
    return step.reading;
  });
}

describe('the indicators', () => {
  it('say nothing until each has seen enough candles', () => {
    expect(readingsOf([10, 12, 11])).toEqual([null, null, null]);
    expect(readingsOf([10, 12, 11, 13])[3]).not.toBeNull();
  });

  // Changes +2 -1 +2 -1 +3. First means: gain 4/3, loss 1/3. Then Wilder: 8/9 and 5/9, then 43/27 and 10/27.
  it.each([
    { candles: 4, fast: 12, slow: 11.5, rsi: 80 },
    { candles: 5, fast: 12.5, slow: 12, rsi: 61.5385 },
    { candles: 6, fast: 13.5, slow: 12.75, rsi: 81.1321 },
  ])('agree with the table computed by hand after $candles candles', ({ candles, fast, slow, rsi }) => {
    const reading = readingsOf([10, 12, 11, 13, 12, 15].slice(0, candles)).at(-1)!;
    expect(reading.fast).toBeCloseTo(fast, 10);
    expect(reading.slow).toBeCloseTo(slow, 10);
    expect(reading.rsi).toBeCloseTo(rsi, 4);
  });

  it('agree with the published figures for a 14-candle RSI', () => {
    const prices = [
      443389, 440902, 441497, 436124, 443278, 448264, 450955, 454245, 458433, 460826, 458931, 460328, 456140, 462820, 462820,
      460028, 460328, 464116, 462222, 456439, 462122,
    ];
    const readings = readingsOf(prices, { fastPeriod: 2, slowPeriod: 5, rsiPeriod: 14, atrPeriod: 2 });
    const rsi = readings.slice(14).map((reading) => reading!.rsi.toFixed(2));
    expect(rsi).toEqual(['70.53', '66.32', '66.55', '69.41', '66.36', '57.97', '62.93']);
  });

  it('call a market without losses 100, and one that does not move 50', () => {
    expect(readingsOf([1, 2, 3, 4, 5]).at(-1)!.rsi).toBe(100);
    expect(readingsOf([5, 5, 5, 5, 5]).at(-1)!.rsi).toBe(50);
  });

  it('count the gap from the close before into the true range', () => {
    expect(trueRange(candle(10, { high: 12, low: 9 }), undefined)).toBe(3);
    expect(trueRange(candle(10, { high: 12, low: 9 }), 20)).toBe(11);
    expect(trueRange(candle(10, { high: 12, low: 9 }), 5)).toBe(7);
  });

  it('smooth the true range as Wilder does', () => {
    // Ranges 2 3 4 give a mean of 3; then a range of 9 gives (3 x 2 + 9) / 3 = 5.
    let state = emptyIndicators();
    const highs = [101, 102, 103, 108];
    const atrs = highs.map((high) => {
      const step = advance(state, candle(100, { high, low: 99 }), PERIODS);
      state = step.state;
      return state.atr.mean;
    });
    expect(atrs[2]).toBeCloseTo(3, 10);
    expect(atrs[3]).toBeCloseTo(5, 10);
  });

  it('report a crossing on the candle where it happens, and only there', () => {
    const crosses = readingsOf([20, 18, 16, 14, 12, 16, 20, 24, 20, 14, 8]).map((reading) => reading?.cross ?? null);
    // The 2-candle mean goes above the 4-candle one at the seventh candle (18 against 15.5) and below at the tenth.
    expect(crosses).toEqual([null, null, null, null, null, null, 'up', null, null, 'down', null]);
  });

  it('do not take a touch for a crossing', () => {
    // Above after 13, equal (11 and 11) after 9, above again after 16: it never went to the other side.
    const readings = readingsOf([11, 11, 11, 13, 9, 16]);
    expect(readings[4]).toMatchObject({ fast: 11, slow: 11, cross: null });
    expect(readings[5]).toMatchObject({ cross: null });
  });

  it('give the same readings when their state went through JSON, as it does at a restart', () => {
    let [straight, stored] = [emptyIndicators(), emptyIndicators()];
    for (const close of [10, 12, 11, 13, 12, 15, 9]) {
      const a = advance(straight, candle(close), PERIODS);
      const b = advance(JSON.parse(JSON.stringify(stored)) as typeof stored, candle(close), PERIODS);
      expect(b).toEqual(a);
      [straight, stored] = [a.state, b.state];
    }
  });
});
