import { type Facts, factsOf } from './facts.js';
import { reason, rejected, type Rule } from './finding.js';
import type { GateInput } from './gate-input.js';
import { account } from './rules/account.js';
import { agent } from './rules/agent.js';
import { approval } from './rules/approval.js';
import { broker } from './rules/broker.js';
import { closing } from './rules/closing.js';
import { concurrentTrades } from './rules/concurrent-trades.js';
import { confidence } from './rules/confidence.js';
import { cooldown } from './rules/cooldown.js';
import { dailyLoss } from './rules/daily-loss.js';
import { dailyTarget } from './rules/daily-target.js';
import { drawdown } from './rules/drawdown.js';
import { duplicate } from './rules/duplicate.js';
import { entryRange } from './rules/entry-range.js';
import { grossExposure } from './rules/gross-exposure.js';
import { halt } from './rules/halt.js';
import { instance } from './rules/instance.js';
import { instrument } from './rules/instrument.js';
import { lease } from './rules/lease.js';
import { lossHeadroom } from './rules/loss-headroom.js';
import { lotSize } from './rules/lot-size.js';
import { margin } from './rules/margin.js';
import { netExposure } from './rules/net-exposure.js';
import { news } from './rules/news.js';
import { openRisk } from './rules/open-risk.js';
import { ownership } from './rules/ownership.js';
import { positions } from './rules/positions.js';
import { price } from './rules/price.js';
import { reward } from './rules/reward.js';
import { session } from './rules/session.js';
import { size } from './rules/size.js';
import { stop } from './rules/stop.js';
import { strategy } from './rules/strategy.js';
import { suspension } from './rules/suspension.js';
import { takeProfit } from './rules/take-profit.js';
import { trading } from './rules/trading.js';
import { tradesPerDay } from './rules/trades-per-day.js';
import { tradesPerSymbol } from './rules/trades-per-symbol.js';
import { value } from './rules/value.js';
import { watchlist } from './rules/watchlist.js';
import type { Assessment, RuleResult } from './verdict.js';

/**
 * Who may trade at all, then what, then how much; last who or what is waited for. The order is that in which refusals count:
 * a limit that is reached is named before one that could be.
 */
export const RULES: readonly Rule[] = [
  halt, suspension, trading, agent, lease, instance, account, positions, broker,
  strategy, instrument, closing, size, price, stop, takeProfit, confidence, watchlist, session, news, reward, value,
  lotSize, grossExposure, netExposure, openRisk, concurrentTrades, tradesPerSymbol, tradesPerDay,
  dailyLoss, dailyTarget, drawdown, lossHeadroom, cooldown, duplicate, ownership, margin,
  approval, entryRange,
];

/**
 * What is to become of an idea, and what each rule looked at. Every rule is run and recorded, also after a refusal. The
 * first refusal decides; a rule that only asks for approval hides none that comes later, and only an idea that nobody has
 * to approve waits for its price.
 */
export function assess(input: GateInput): Assessment {
  const facts = factsOf(input);
  const rules = RULES.map((rule) => resultOf(rule, facts));
  const deciding = ([['halted_by_risk', 'rejected'], ['needs_approval'], ['waiting']] as const)
    .map((outcomes) => rules.find(({ outcome }) => (outcomes as readonly string[]).includes(outcome))).find((found) => found !== undefined);
  const reasons = deciding?.outcome === 'needs_approval' ? rules.flatMap((rule) => (rule.outcome === 'needs_approval' ? rule.reasons : [])) : (deciding?.reasons ?? []);
  return { verdict: (deciding?.outcome as Assessment['verdict'] | undefined) ?? 'approved', reasons, rules, price: facts.price?.toFixed() ?? null };
}

/** A rule that throws would take the record of the refusal with it. */
function resultOf(rule: Rule, facts: Facts): RuleResult {
  try {
    return { rule: rule.name, ...rule.check(facts) };
  } catch (error) {
    return { rule: rule.name, ...rejected({}, reason('RULE_FAILED', `The rule ${rule.name} could not be carried out: ${error instanceof Error ? error.message : 'unknown'}.`)) };
  }
}
