import { Exact } from '../common/decimal.js';
import type { BreakerKind } from './breakers.js';
import type { Settings } from './breaker-settings.js';

/** What was measured of a scope. Nobody measured anything: there is no figure. */
export interface Figure {
  /** Decimals in one unit. */
  value: string;
  limit: string;
  /** Null: it has none. */
  samples: number | null;
}

/** `unknown`: nothing was measured, or too little. That trips nothing, and clears nothing that time has to clear. */
export type Verdict = 'unknown' | 'fine' | 'warning' | 'tripped';

/** What a figure means. On the limit `atLeast` trips and `below` does not. */
export function verdictOf({ trips }: Pick<BreakerKind, 'trips'>, { enabled, minimumSamples, warningFraction }: Pick<Settings, 'enabled' | 'minimumSamples' | 'warningFraction'>, figure: Figure | null): Verdict {
  if (!enabled || figure === null) return 'unknown';
  if (minimumSamples !== null && (figure.samples ?? 0) < minimumSamples) return 'unknown';
  const value = new Exact(figure.value);
  const limit = new Exact(figure.limit);
  if (trips === 'below') {
    if (value.lt(limit)) return 'tripped';
    return warningFraction !== null && value.times(warningFraction).lt(limit) ? 'warning' : 'fine';
  }
  if (value.gte(limit)) return 'tripped';
  return warningFraction !== null && value.gt(0) && value.gte(limit.times(warningFraction)) ? 'warning' : 'fine';
}
