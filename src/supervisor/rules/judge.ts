import type { ExitRules } from '../../strategies/strategies.schemas.js';
import { flatBy } from './flat-by.js';
import { HOLD, type Judged, type Mark, type Rule, RULES, type Verdict } from './judged.js';
import { maxHolding } from './max-holding.js';
import { momentumSpike } from './momentum-spike.js';
import { probabilityFloor } from './probability-floor.js';
import { secondsToClose } from './seconds-to-close.js';
import { stop } from './stop.js';
import { target } from './target.js';
import { trailing } from './trailing.js';

const EVALUATORS = {
  stop, trailing, probability_floor: probabilityFloor, momentum_spike: momentumSpike, target, seconds_to_close: secondsToClose, flat_by: flatBy, max_holding: maxHolding,
};

export interface RuleVerdict {
  rule: Rule;
  verdict: Verdict;
}

/** What each rule that a trade is under says of it now. A binary contract that has closed waits for its settlement, whatever they say. */
export function judge(trade: Judged, rules: ExitRules, marks: readonly Mark[], now: number): RuleVerdict[] {
  const awaitsSettlement = trade.isBinary && trade.closesAt !== null && now >= trade.closesAt;
  return RULES.flatMap((rule) => {
    const verdict = EVALUATORS[rule](trade, rules, marks, now);
    return verdict === null ? [] : [{ rule, verdict: awaitsSettlement ? HOLD : verdict }];
  });
}

/** The name under which a rule fires once for a trade. */
export const firedAs = (rule: Rule, verdict: Verdict): string => (verdict.is === 'fire' && verdict.step !== undefined ? `${rule}_${verdict.step}` : rule);
