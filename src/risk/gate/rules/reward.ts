import type { Decimal } from 'decimal.js';
import { Exact } from '../../../common/decimal.js';
import { readable } from '../../../instruments/figures.js';
import type { Facts } from '../facts.js';
import { reason, type Rule, skipped } from '../finding.js';
import { eachLimit, LIMIT_CODES, shown, whose } from '../limits.js';

/**
 * Weighted by size. What a strategy expects (`rrExpectation`) is recorded beside it and refuses nothing: it is what people
 * compare results with, over many trades; a floor for each trade is minRewardToRisk among its caps.
 */
export const reward: Rule = {
  name: 'reward',
  codes: ['REWARD_LOW', 'REWARD_UNKNOWN', ...LIMIT_CODES],
  check(facts) {
    if (facts.binary) return skipped();
    const found = rewardAndRisk(facts);
    const ratio = found && shown(found.reward.div(found.risk));
    const finding = eachLimit(facts, 'minRewardToRisk', (limit) => {
      if (limit.value.isZero()) return { actual: ratio, reasons: [] };
      if (!found) return { actual: null, reasons: [reason('REWARD_UNKNOWN', `Reward to risk needs entry, stop and take profit; minRewardToRisk ${whose(limit)} is ${limit.text}.`, null, limit.text)] };
      if (found.reward.gte(found.risk.times(limit.value))) return { actual: ratio, reasons: [] };
      return { actual: ratio, reasons: [reason('REWARD_LOW', `The reward is ${ratio} times the risk; minRewardToRisk ${whose(limit)} is ${limit.text}.`, ratio, limit.text)] };
    });
    return { ...finding, input: { ...finding.input, rewardToRisk: ratio, rrExpectation: facts.input.strategy?.rrExpectation ?? null } };
  },
};

/** Of a size of 1, in price. */
function rewardAndRisk({ price, input: { idea } }: Facts): { reward: Decimal; risk: Decimal } | null {
  const stop = idea.stopLoss === null ? null : readable(idea.stopLoss);
  if (!price || !stop || idea.takeProfit.length === 0) return null;
  const risk = price.minus(stop).abs();
  let sum: Decimal = new Exact(0);
  for (const { price: at, sizeFraction } of idea.takeProfit) {
    const [target, fraction] = [readable(at), readable(sizeFraction)];
    if (!target || !fraction) return null;
    // A target on the wrong side is a loss.
    sum = sum.plus(fraction.times(idea.direction === 'long' ? target.minus(price) : price.minus(target)));
  }
  return risk.isZero() ? null : { reward: sum, risk };
}
