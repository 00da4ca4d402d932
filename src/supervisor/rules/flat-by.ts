import { MIS_FLAT, WEEKDAYS } from '../../instruments/terms.js';
import type { ExitRules } from '../../strategies/strategies.schemas.js';
import { instantOf, offsetAt } from '../../strategies/in-session.js';
import { iso } from './confirmed.js';
import { type Evaluator, HOLD, unknown } from './judged.js';

const DAY_MS = 86_400_000;
const SUNDAY_FIRST = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** A rule of one day of the week came due within these, also where its clocks were changed. */
const LOOK_BACK_DAYS = 8;

/** When the rule last came due, in milliseconds since 1970. A local time that is skipped is the moment of the change, of one that comes twice the second counts. */
export function lastFlat({ time, zone, days }: NonNullable<ExitRules['flatBy']>, now: number): number {
  const today = Math.floor((now + offsetAt(now, zone)) / DAY_MS) * DAY_MS;
  const minutes = Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  for (let date = today; date >= today - LOOK_BACK_DAYS * DAY_MS; date -= DAY_MS) {
    const weekday = SUNDAY_FIRST[new Date(date).getUTCDay()];
    const at = instantOf(date + minutes * 60_000, zone);
    if (weekday !== undefined && days.includes(weekday) && at <= now) return at;
  }
  throw new Error(`flatBy ${time} ${zone} names no day`);
}

/** Whatever rules it is under, and whoever takes them off: the product itself ends then. */
export const FLAT_OF_MIS: NonNullable<ExitRules['flatBy']> = { ...MIS_FLAT, days: [...WEEKDAYS] };

/** What was entered after it came due last is for the next time. */
export const flatBy: Evaluator = ({ entryAt, product }, { flatBy: told }, _marks, now) => {
  const rules = [...(product === 'MIS' ? [FLAT_OF_MIS] : []), ...(told ? [told] : [])];
  if (rules.length === 0) return null;
  if (entryAt === null) return unknown('ENTRY_UNKNOWN');
  const over = rules.map((rule) => ({ rule, due: lastFlat(rule, now) })).find(({ due }) => entryAt < due);
  return over ? { is: 'fire', detail: { ...over.rule, due: iso(over.due), entryTime: iso(entryAt) } } : HOLD;
};
