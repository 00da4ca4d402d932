import { Exact } from '../../common/decimal.js';
import { isStale, type Mark, unknown, type Verdict } from './judged.js';

const APART_MS = 1_000;
const WIDE_TIMES = 5;

/**
 * Whether marks say so twice: the newest is fresh and of a normal spread, and back to one at least a second older no mark says
 * otherwise. Marks of a wide spread speak for neither side.
 */
export function confirmed(marks: readonly Mark[], now: number, says: (mark: Mark) => boolean, detail: (mark: Mark) => Record<string, unknown>): Verdict {
  const newest = marks.at(-1);
  if (!newest) return unknown('NO_MARKS');
  if (isStale(newest, now)) return unknown('MARKS_STALE');
  if (!says(newest)) return { is: 'hold' };
  const most = widest(marks);
  const isWide = (mark: Mark) => most !== null && spreadOf(mark).gt(most);
  if (isWide(newest)) return unknown('SPREAD_WIDE');
  let since = newest.quotedAt;
  for (const mark of [...marks].reverse()) {
    if (isWide(mark)) continue;
    if (!says(mark)) break;
    since = mark.quotedAt;
    if (newest.quotedAt - since >= APART_MS) {
      return { is: 'fire', detail: { ...detail(newest), bid: newest.bid, ask: newest.ask, quotedAt: iso(newest.quotedAt), since: iso(since) } };
    }
  }
  return { is: 'pending', since };
}

const spreadOf = ({ bid, ask }: Mark) => new Exact(ask).minus(bid);
export const iso = (at: number): string => new Date(at).toISOString();

/** Five times the median, the lower of two. Feeds without a spread say nothing of what is usual; null: nobody knows. */
function widest(marks: readonly Mark[]) {
  const spreads = marks.map(spreadOf).filter((spread) => spread.gt(0)).sort((a, b) => a.comparedTo(b));
  return spreads[(spreads.length - 1) >> 1]?.times(WIDE_TIMES) ?? null;
}
