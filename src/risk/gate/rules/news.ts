import { readable } from '../../../instruments/figures.js';
import { timeOf } from '../facts.js';
import { off, passed, reason, rejected, type Rule, verdictOf } from '../finding.js';
import { limitsNamed, LIMIT_CODES, whose } from '../limits.js';
import type { Reason } from '../verdict.js';

/** How old a calendar may be that is fed: behind one that stopped, the next event is hidden. */
const AGE_SECONDS_MAX = 86_400;

/** Of a calendar that somebody feeds without measure: the nearest are named, the others counted. */
const NAMED_MOST = 5;

/** Before and after an event alike. Where nobody feeds a calendar, there is no embargo. */
export const news: Rule = {
  name: 'news',
  codes: ['NEWS_EMBARGO', 'CALENDAR_STALE', 'TIME_UNREADABLE', ...LIMIT_CODES],
  check(facts) {
    const { now, input: { calendar } } = facts;
    const { limits, faults } = limitsNamed(facts, 'newsEmbargoMinutes');
    const input = { fed: calendar.fed, ageSeconds: calendar.ageSeconds, events: calendar.events.length, ...Object.fromEntries(limits.map(({ from, text }) => [`newsEmbargoMinutes ${from}`, text])) };
    if (faults.length > 0) return rejected(input, ...faults);
    if (limits.length === 0 || !calendar.fed) return off(input);
    // 0 asks for nothing.
    const [widest] = limits.filter(({ value }) => !value.isZero()).sort((one, other) => other.value.cmp(one.value));
    if (!widest) return passed(input);
    const age = calendar.ageSeconds === null ? null : readable(calendar.ageSeconds);
    if (!age || age.gt(AGE_SECONDS_MAX)) return rejected(input, reason('CALENDAR_STALE', `The calendar was last fed ${calendar.ageSeconds ?? 'an unknown number of'} s ago; at most ${AGE_SECONDS_MAX} s count.`, calendar.ageSeconds, String(AGE_SECONDS_MAX)));
    const reasons: Reason[] = [];
    const apart = ({ at }: { at: string }) => Math.abs((timeOf(at) ?? now ?? 0) - (now ?? 0));
    for (const { title, currency, at } of calendar.events.toSorted((one, other) => apart(one) - apart(other))) {
      const time = timeOf(at);
      if (time === null || now === null) reasons.push(reason('TIME_UNREADABLE', `When ${title} is, is no time.`, at));
      else if (widest.value.times(60_000).gte(Math.abs(time - now))) {
        const minutes = String(Math.round(Math.abs(time - now) / 60_000));
        reasons.push(reason('NEWS_EMBARGO', `${title} (${currency}) is ${minutes} min ${time >= now ? 'ahead' : 'ago'}, at ${at}; newsEmbargoMinutes ${whose(widest)} is ${widest.text}.`, minutes, widest.text));
      }
    }
    const [first, ...others] = reasons.slice(NAMED_MOST);
    return verdictOf(input, first ? [...reasons.slice(0, NAMED_MOST), reason(first.code, `And ${others.length + 1} more.`)] : reasons);
  },
};
