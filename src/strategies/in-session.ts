import type { WEEKDAYS } from '../instruments/terms.js';

export type Weekday = (typeof WEEKDAYS)[number];

/** Local times `HH:MM`. An end before its beginning lies on the next day; the window belongs to the day on which it began. */
export interface SessionWindow {
  days: Weekday[];
  from: string;
  /** Also 24:00. */
  to: string;
  /** IANA. */
  zone: string;
}

/** A day in the zone of each window: windows that begin on it do not open, or end at `closesAt` at the latest. */
export type Holiday = { date: string; closed: true } | { date: string; closesAt: string };

export interface SessionState {
  open: boolean;
  /** When it opens or closes next; null when it does not within 31 days. */
  nextChange: Date | null;
}

interface Span {
  start: number;
  end: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** How far is looked, in days: nearly always the first is enough, and windows cost two conversions a day. */
const LOOKS = [4, 11, 33];
const SUNDAY_FIRST: Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/**
 * Whether one of the windows is open at a moment.
 *
 * A local time that the clocks skip is the moment at which they are put forward; of one that comes twice, the second
 * counts, as everywhere here.
 * @param windows null: always open
 */
export function inSession(windows: readonly SessionWindow[] | null, holidays: readonly Holiday[], at: Date): SessionState {
  if (windows === null) return { open: true, nextChange: null };
  const now = at.getTime();
  let open = false;
  for (const days of LOOKS) {
    const spans = merged(windows.flatMap((window) => spansOf(window, holidays, now, days)));
    const current = spans.find(({ start, end }) => start <= now && now < end);
    const next = current ? current.end : spans.find(({ start }) => start > now)?.start;
    open = current !== undefined;
    // Later than that, windows of days that were not looked at may come into it.
    if (next !== undefined && next <= now + (days - 2) * DAY_MS) return { open, nextChange: new Date(next) };
  }
  return { open, nextChange: null };
}

/** From yesterday, whose window may go on over midnight. */
function spansOf({ days, from, to, zone }: SessionWindow, holidays: readonly Holiday[], now: number, ahead: number): Span[] {
  const today = Math.floor((now + offsetAt(now, zone)) / DAY_MS) * DAY_MS;
  const spans: Span[] = [];
  for (let date = today - DAY_MS; date <= today + ahead * DAY_MS; date += DAY_MS) {
    const weekday = SUNDAY_FIRST[new Date(date).getUTCDay()];
    const holiday = holidays.find((each) => each.date === new Date(date).toISOString().slice(0, 10));
    if (weekday === undefined || !days.includes(weekday) || (holiday && 'closed' in holiday)) continue;
    const [begins, ends] = [minutesOf(from), minutesOf(to)];
    const start = instantOf(date + begins * MINUTE_MS, zone);
    const usual = instantOf(date + ends * MINUTE_MS + (ends <= begins ? DAY_MS : 0), zone);
    const end = holiday ? Math.min(usual, instantOf(date + minutesOf(holiday.closesAt) * MINUTE_MS, zone)) : usual;
    if (start < end) spans.push({ start, end });
  }
  return spans;
}

function merged(spans: Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of spans.sort((one, other) => one.start - other.start)) {
    const last = result.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** @param local milliseconds since 1970 as the clocks there would count them */
export function instantOf(local: number, zone: string): number {
  const [before, after] = [offsetAt(local - DAY_MS, zone), offsetAt(local + DAY_MS, zone)];
  const found = [local - before, local - after].filter((instant) => instant + offsetAt(instant, zone) === local);
  return found.length > 0 ? Math.max(...found) : changeBetween(local - Math.max(before, after), local - Math.min(before, after), zone);
}

/** When the clocks there are changed, to the second. */
function changeBetween(low: number, high: number, zone: string): number {
  const later = offsetAt(high, zone);
  while (high - low > 1_000) {
    const middle = low + Math.floor((high - low) / 2_000) * 1_000;
    if (offsetAt(middle, zone) === later) high = middle;
    else low = middle;
  }
  return high;
}

/** Making one takes longer than using it a hundred times; there are some 600 zones, in whatever case they are written. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const key = zone.toLowerCase();
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
    formats.set(key, format);
  }
  return format;
}

/** How far local clocks are ahead of UTC, in milliseconds. */
export function offsetAt(instant: number, zone: string): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) part[type] = Number(value);
  const { year = NaN, month = NaN, day = NaN, hour = NaN, minute = NaN, second = NaN } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}
