import { createHash } from 'node:crypto';
import { Decimal } from 'decimal.js';
import { POINTS_PER_TICK, type Instrument, type Points } from './instrument.js';
import type { IndicatorPeriods, Reading } from './signals.js';

export type Direction = 'long' | 'short';

/** What `update_config` may change. Sizes and multiples are decimal texts, periods are candles. */
export interface StrategyConfig extends IndicatorPeriods {
  lotSize: string;
  /** A long needs an RSI between 50 and this; a short one between 100 less this and 50. */
  rsiLimit: number;
  /** Distance of the stop in average true ranges. */
  stopAtr: string;
  /** Distance of the target in stop distances. */
  rewardToRisk: string;
  /** No entry while the spread is wider. */
  maxSpreadPips: string;
  /** US dollars for each lot and side. The spread is paid anyway, inside the fill prices. */
  commissionPerLot: string;
}

export const DEFAULT_CONFIG: Readonly<StrategyConfig> = {
  fastPeriod: 12,
  slowPeriod: 48,
  rsiPeriod: 14,
  atrPeriod: 14,
  rsiLimit: 70,
  lotSize: '0.10',
  stopAtr: '2',
  rewardToRisk: '2',
  maxSpreadPips: '3',
  commissionPerLot: '0',
};

const LIMITS: Record<keyof StrategyConfig, { from: string; to: string; whole?: true }> = {
  fastPeriod: { from: '2', to: '200', whole: true },
  slowPeriod: { from: '3', to: '500', whole: true },
  rsiPeriod: { from: '2', to: '100', whole: true },
  atrPeriod: { from: '2', to: '100', whole: true },
  rsiLimit: { from: '50', to: '100', whole: true },
  lotSize: { from: '0.01', to: '100' },
  stopAtr: { from: '0.5', to: '20' },
  rewardToRisk: { from: '0.1', to: '20' },
  maxSpreadPips: { from: '0', to: '1000' },
  commissionPerLot: { from: '0', to: '100' },
};

/** The same for the same settings, in whatever order they stand: another one tells a person that something else trades from here on. */
export const configHashOf = (config: StrategyConfig): string =>
  createHash('sha256').update(JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)))).digest('hex');

/**
 * The configuration with the changes in it. Everything is checked before anything is taken over: a change with one bad
 * value changes nothing.
 * @throws Error that names every fault.
 */
export function withChanges(config: StrategyConfig, changes: Record<string, unknown>): StrategyConfig {
  const faults: string[] = [];
  const next: Record<string, string | number> = { ...config };
  for (const [name, value] of Object.entries(changes)) {
    const limit = Object.hasOwn(LIMITS, name) ? LIMITS[name as keyof StrategyConfig] : undefined;
    if (!limit) {
      faults.push(`${name} is not a setting of this agent`);
      continue;
    }
    const number = asDecimal(value);
    const fits = number?.gte(limit.from) && number.lte(limit.to) && (!limit.whole || number.isInteger());
    if (name === 'lotSize' && number && !number.mod('0.01').isZero()) faults.push('lotSize must be a multiple of 0.01');
    if (!number || !fits) {
      faults.push(`${name} must be ${limit.whole ? 'a whole number' : 'a number'} from ${limit.from} to ${limit.to}`);
    } else {
      next[name] = limit.whole ? number.toNumber() : number.toFixed(name === 'lotSize' ? 2 : undefined);
    }
  }
  if (Number(next.fastPeriod) >= Number(next.slowPeriod)) faults.push('fastPeriod must be shorter than slowPeriod');
  if (faults.length > 0) throw new Error(faults.join('; '));
  return next as unknown as StrategyConfig;
}

function asDecimal(value: unknown): Decimal | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  try {
    const number = new Decimal(value);
    return number.isFinite() ? number : null;
  } catch {
    return null;
  }
}

export interface Signal {
  direction: Direction;
  /** Distances from the entry price, whole ticks. */
  stopDistance: Points;
  targetDistance: Points;
}

/** What a reading leads to: a signal, or why a crossing was not followed; null when there was no crossing. */
export type Decision = { signal: Signal } | { declined: string } | null;

/**
 * The strategy: follow the crossing of the two averages, unless the RSI says that the move has no strength yet (on the
 * wrong side of 50) or is spent (past `rsiLimit`). The stop is never nearer than three spreads, since the spread alone
 * would touch a nearer one.
 */
export function decide(reading: Reading, spread: Points, config: StrategyConfig, instrument: Instrument): Decision {
  if (!reading.cross) return null;
  const direction: Direction = reading.cross === 'up' ? 'long' : 'short';
  const strength = direction === 'long' ? reading.rsi : 100 - reading.rsi;
  if (strength < 50) return { declined: `RSI ${reading.rsi.toFixed(1)} is on the other side of 50` };
  if (strength > config.rsiLimit) return { declined: `RSI ${reading.rsi.toFixed(1)} says that the move is spent` };
  if (new Decimal(spread).div(instrument.pipPoints).gt(config.maxSpreadPips)) {
    return { declined: `the spread is wider than ${config.maxSpreadPips} pips` };
  }
  const wanted = new Decimal(config.stopAtr).mul(Math.round(reading.atr));
  const stopDistance = ticksUp(Decimal.max(wanted, 3 * spread));
  return { signal: { direction, stopDistance, targetDistance: ticksUp(new Decimal(config.rewardToRisk).mul(stopDistance)) } };
}

function ticksUp(points: Decimal): Points {
  return points.div(POINTS_PER_TICK).ceil().mul(POINTS_PER_TICK).toNumber();
}

/** Which way the averages lean between crossings; what the hourly prediction says. */
export function leaning(reading: Reading): Direction {
  return reading.fast >= reading.slow ? 'long' : 'short';
}

/** A name for the market's condition: the averages at least one average range apart make a trend. */
export function regimeOf(reading: Reading): string {
  if (Math.abs(reading.fast - reading.slow) < reading.atr) return 'ranging';
  return reading.fast > reading.slow ? 'trending_up' : 'trending_down';
}
