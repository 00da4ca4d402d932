import type { ColourName } from './colours.js';

export interface Candle { at: string; open: string; high: string; low: string; close: string }
/** `value: null` breaks the line. */
export interface Point { at: string; value: string | null }

export interface Line {
  name: string;
  points: readonly Point[];
  colour: ColourName;
  /** What holds until the next point, such as a sum, is drawn in steps. */
  steps?: boolean;
}

/** A moment, marked where it was: at its price where it has one, else above all prices. */
export interface Moment {
  at: string;
  /** Short, for the canvas. */
  sign: string;
  /** What it is, for the table. */
  text: string;
  colour: ColourName;
  shape: 'circle' | 'square' | 'arrowUp' | 'arrowDown';
  price?: string | null;
}

/** A price that held all along, such as a stop. */
export interface Level { name: string; price: string; colour: ColourName }

export interface ChartData {
  candles?: readonly Candle[];
  lines?: readonly Line[];
  moments?: readonly Moment[];
  levels?: readonly Level[];
}

const secondsOf = (at: string): number => Math.floor(new Date(at).getTime() / 1_000);

/** The canvas takes one thing for each second, in order of time: the last of those within one stands. */
export function bySecond<T extends { at: string }>(rows: readonly T[]): { time: number; row: T }[] {
  const kept = new Map<number, T>();
  for (const row of [...rows].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) kept.set(secondsOf(row.at), row);
  return [...kept].map(([time, row]) => ({ time, row }));
}

/**
 * Where on the axis a moment stands: at the last thing drawn that had begun by then.
 * @param times in order @param lastsUntil end of the last thing drawn, in seconds
 * @returns null where nothing is drawn of that time: marked elsewhere it would be a lie
 */
export function placeOf(at: string, times: readonly number[], lastsUntil: number): number | null {
  const moment = secondsOf(at);
  const first = times[0];
  if (first === undefined || moment < first || moment > lastsUntil) return null;
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (times[middle]! <= moment) low = middle;
    else high = middle - 1;
  }
  return times[low]!;
}

/** The last thing drawn lasts as long as the one before it did. */
export const endOf = (times: readonly number[]): number => {
  const [last, before] = [times.at(-1), times.at(-2)];
  return last === undefined ? -Infinity : before === undefined ? last + 60 : last + (last - before);
};

/** Moments of a time of which nothing is drawn. */
export function outside({ candles = [], lines = [], moments = [] }: ChartData): number {
  const times = bySecond<{ at: string }>(candles.length > 0 ? candles : (lines[0]?.points ?? [])).map(({ time }) => time);
  return moments.filter(({ at }) => placeOf(at, times, endOf(times)) === null).length;
}

/** The sum as it stood at each moment, so that a mark has its own place on a line of steps. */
export function withMoments(points: readonly Point[], moments: readonly Moment[], before: string): Point[] {
  const all = [...points.map(({ at, value }) => ({ at, value, isMoment: false })), ...moments.map(({ at }) => ({ at, value: null as string | null, isMoment: true }))]
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || Number(a.isMoment) - Number(b.isMoment));
  let stands: string | null = before;
  return all.map(({ at, value, isMoment }) => {
    if (!isMoment) stands = value;
    return { at, value: stands };
  });
}

/** Digits after the point that the prices have: a price is not shown with fewer than it was told with. */
export function digitsOf(values: readonly (string | null | undefined)[]): number {
  const most = Math.max(0, ...values.map((value) => value?.split('.')[1]?.replace(/0+$/, '').length ?? 0));
  return Math.min(10, most);
}
