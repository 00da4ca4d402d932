import type { StrategyFilter } from './strategies.repository.js';
import type { toStrategy } from './strategies.schemas.js';

/** A strategy as a mirror keeps it: its place in the list, and the answer. */
export interface KeptStrategy {
  seq: number;
  strategy: ReturnType<typeof toStrategy>;
}

/** As `StrategiesRepository.list` finds them, with one more than the limit where there are more. */
export function keptPage(kept: readonly KeptStrategy[], { name, isActive, retired }: StrategyFilter, limit: number, after: string | undefined): KeptStrategy[] {
  return kept.filter(({ seq, strategy }) => seq > Number(after ?? 0) && (name === undefined || strategy.name === name)
    && (isActive === undefined || strategy.isActive === isActive) && (retired === undefined || strategy.retired === retired)).slice(0, limit + 1);
}
