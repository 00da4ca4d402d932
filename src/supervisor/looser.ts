import { canonicalJson } from '../common/canonical-json.js';
import { Exact } from '../common/decimal.js';
import type { ExitRules } from '../strategies/strategies.schemas.js';

type Compare = { [Name in keyof Required<ExitRules>]: (before: NonNullable<ExitRules[Name]>, after: NonNullable<ExitRules[Name]>) => boolean };

/** Whether the second closes later, or on less, than the first. */
const IS_LOOSER: Compare = {
  trailingDistance: (before, after) => new Exact(after).gt(before),
  maxHoldingSeconds: (before, after) => after > before,
  probabilityFloor: (before, after) => new Exact(after.below).lt(before.below) || after.verifySeconds > before.verifySeconds,
  momentumSpike: (before, after) => new Exact(after).gt(before),
  minSecondsToClose: (before, after) => after < before,
  // Another time of day is earlier on one day and later on the next.
  flatBy: (before, after) => canonicalJson(before) !== canonicalJson(after),
};

/** Which rules would close a trade later, on less, or not at all any more. */
export function looser(before: ExitRules, after: ExitRules): string[] {
  return Object.keys(IS_LOOSER).filter((name) => {
    const [was, is] = [before[name as keyof ExitRules], after[name as keyof ExitRules]];
    return was !== undefined && (is === undefined || IS_LOOSER[name as keyof ExitRules](was as never, is as never));
  });
}
