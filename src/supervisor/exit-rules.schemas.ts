import { z } from 'zod';
import { reason } from '../auth/reason-field.js';
import { exitRuleFields, shownExitRules } from '../strategies/strategies.schemas.js';
import { firedAs, judge } from './rules/judge.js';
import { iso } from './rules/confirmed.js';
import { RULES } from './rules/judged.js';
import type { Supervised } from './supervision.repository.js';

export const putExitRulesSchema = z.strictObject({
  rules: z.strictObject(exitRuleFields).describe("in place of the strategy's; one that is left out is the strategy's, null takes it off this trade"), reason: reason().nullish(),
});
export type PutExitRules = z.output<typeof putExitRulesSchema>;

export const exitRulesSchema = z.object({
  tradeId: z.uuid(), strategyId: z.uuid().nullable(), version: z.int().describe('of the override; 0 without one'),
  override: z.record(z.string(), z.unknown()).nullable(), effective: shownExitRules,
  rules: z.array(z.object({
    rule: z.enum(RULES), state: z.enum(['armed', 'pending', 'unknown', 'fired']).describe('pending: so it looks, and is not confirmed yet; unknown: what it needs is not known'),
    since: z.iso.datetime().nullable(), why: z.string().nullable().describe('of unknown'), closureId: z.uuid().nullable(),
  })).describe("those that the trade is under, with its own stop and targets"),
  judgedAt: z.iso.datetime(),
}).meta({ id: 'TradeExitRules' });

type Shown = z.output<typeof exitRulesSchema>;

export function toExitRules({ id, strategy_id, override, override_version, rules, trade, marks, now, fired }: Supervised): Shown {
  const shown = judge(trade, rules, marks, now).map(({ rule, verdict }): Shown['rules'][number] => {
    const had = fired.findLast((each) => each.rule === firedAs(rule, verdict) || each.rule.startsWith(`${rule}_`));
    if (had) return { rule, state: 'fired', since: had.at, why: null, closureId: had.closureId };
    const since = verdict.is === 'pending' ? iso(verdict.since) : null;
    // It fires by the next look, within seconds.
    const state = verdict.is === 'hold' ? 'armed' : verdict.is === 'unknown' ? 'unknown' : 'pending';
    return { rule, state, since, why: verdict.is === 'unknown' ? verdict.why : null, closureId: null };
  });
  return { tradeId: id, strategyId: strategy_id, version: override_version, override, effective: rules, rules: shown, judgedAt: iso(now) };
}
