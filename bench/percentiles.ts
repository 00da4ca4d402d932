/** The value that a fraction `at` of the values does not exceed (nearest rank). NaN of nothing. */
export function percentile(values: readonly number[], at: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(at * sorted.length) - 1)] ?? NaN;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}

/** What repeated measurements say: the median and how far they lay apart. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

export const spreadOf = (values: readonly number[]): Spread => ({ median: median(values), least: Math.min(...values), most: Math.max(...values) });

/** Measured side by side in each round, so that what disturbs a round disturbs both. */
export const ratiosOf = (ours: readonly number[], theirs: readonly number[]): Spread => spreadOf(ours.map((value, i) => value / (theirs[i] ?? NaN)));
