import type { Candle } from './candle-file.js';
import type { Instrument, Points } from './instrument.js';

/** Where a source stands, as plain JSON: it goes into the agent's state file, so that a restart continues there. */
export interface MarketPosition {
  /** Candles handed out so far. */
  index: number;
  /** Only the random walk needs more than an index. */
  walk?: WalkState;
}

export interface WalkState {
  random: number;
  price: Points;
  /** Points that a step tends to move by while the present trend lasts. */
  drift: number;
  trendStepsLeft: number;
}

/** Candles one after another. `next` is pure: the same position gives the same candle. */
export interface Market {
  /** The same fingerprint means the same candles: a restart continues the run, another one begins a new run. */
  fingerprint: string;
  /** Number of candles, or null for a market that never ends. */
  length: number | null;
  /** True when the candles are old ones, whose own time goes along as `sourceTime`. */
  isReplay: boolean;
  begin(): MarketPosition;
  next(position: MarketPosition): { candle: Candle; position: MarketPosition } | null;
}

export const CANDLE_SECONDS = 300;
const STEPS_PER_CANDLE = 12;
const WALK_BEGINS_AT = Date.UTC(2024, 0, 1);

/** Replays candles that were read from a file. */
export function replayMarket(candles: readonly Candle[], fingerprint: string): Market {
  return {
    fingerprint,
    length: candles.length,
    isReplay: true,
    begin: () => ({ index: 0 }),
    next: ({ index }) => {
      const candle = candles[index];
      return candle ? { candle, position: { index: index + 1 } } : null;
    },
  };
}

/**
 * An endless seeded random walk with trends that come and go. It uses additions and 32-bit integers only, so that one
 * seed gives the same candles on every machine (Math.log and its like may differ in the last bit).
 * @param start points; @param spread points.
 */
export function randomMarket(seed: number, instrument: Instrument, start: Points, spread: Points): Market {
  return {
    fingerprint: `walk:${instrument.symbol}:${seed}:${start}:${spread}`,
    length: null,
    isReplay: false,
    begin: () => ({ index: 0, walk: { random: seed >>> 0, price: start, drift: 0, trendStepsLeft: 0 } }),
    next: (position) => {
      const walk = { ...position.walk! };
      const candle = walkOneCandle(walk, start, spread, WALK_BEGINS_AT + position.index * CANDLE_SECONDS * 1000);
      return { candle, position: { index: position.index + 1, walk } };
    },
  };
}

function walkOneCandle(walk: WalkState, start: Points, spread: Points, time: number): Candle {
  // About 1 part in 12,000 of the price per step: some 5 pips of EURUSD between a candle's high and low.
  const step = start / 12_000;
  const open = walk.price;
  let [high, low] = [open, open];
  for (let i = 0; i < STEPS_PER_CANDLE; i++) {
    if (walk.trendStepsLeft-- <= 0) {
      walk.trendStepsLeft = STEPS_PER_CANDLE * (20 + Math.floor(uniform(walk) * 100));
      walk.drift = (uniform(walk) - 0.5) * 0.12 * step;
    }
    const pull = ((start - walk.price) / start) * step * 0.5;
    walk.price = Math.max(1_000, Math.round(walk.price + walk.drift + pull + bell(walk) * step));
    high = Math.max(high, walk.price);
    low = Math.min(low, walk.price);
  }
  // The spread widens at random up to double, as a real one does.
  return { time, open, high, low, close: walk.price, spread: spread + Math.floor(uniform(walk) * spread) };
}

/** The mulberry32 generator: 32 bits of state, a number from 0 up to 1. */
function uniform(walk: WalkState): number {
  walk.random = (walk.random + 0x6d2b79f5) >>> 0;
  let t = walk.random;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

/** Nearly normal with variance 1: twelve uniform numbers less six. */
function bell(walk: WalkState): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += uniform(walk);
  return sum;
}
