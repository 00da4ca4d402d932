import { Reject } from '../../profile.js';
import { WEEKDAYS } from '../../../instruments/terms.js';
import type { SessionWindow, Weekday } from '../../../strategies/in-session.js';

const WORKDAYS: Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri'];
/** Clocks there are never changed. */
const ZONE = 'Africa/Johannesburg';

/**
 * Trading sessions as the old program really told them apart: by the local hour in Johannesburg, one session for each,
 * London before the others. By its own hours New York begins only when London has ended.
 */
const NAMED: Record<string, Omit<SessionWindow, 'zone'>> = {
  london: { days: WORKDAYS, from: '09:00', to: '17:00' },
  newyork: { days: WORKDAYS, from: '17:00', to: '23:00' },
  tokyo: { days: WORKDAYS, from: '02:00', to: '09:00' },
  // Over midnight, from the evening before a working day.
  sydney: { days: ['mon', 'tue', 'wed', 'thu', 'sun'], from: '23:00', to: '02:00' },
};

/** Windows of the sessions' names. @throws {Reject} SESSION_UNKNOWN: without it the strategy would trade at other times */
export function windowsOfNames(names: readonly unknown[]): SessionWindow[] {
  return names.map((name) => {
    const window = typeof name === 'string' ? NAMED[name.toLowerCase().replace(/[\s_-]+/g, '').replace(/session$/, '')] : undefined;
    if (window === undefined) throw new Reject('SESSION_UNKNOWN', `sessions has ${JSON.stringify(name).slice(0, 100)}; expected London, NewYork, Tokyo or Sydney`, 'sessions');
    return { ...window, zone: ZONE };
  });
}

interface StoredWindow {
  start?: unknown;
  end?: unknown;
  days?: unknown;
}

/** Windows as the tables have them: `{start: "07:00Z", end: "11:00Z", days: ["Mon", "Fri"]}`. @throws {Reject} SESSION_UNKNOWN */
export function windowsOfTimes(stored: readonly unknown[]): SessionWindow[] {
  return stored.map((each) => {
    if (each === null || typeof each !== 'object') throw unknown(each);
    const { start, end, days } = each as StoredWindow;
    return { days: daysOf(days, each), from: clock(start, each), to: clock(end, each), zone: 'UTC' };
  });
}

/** UTC where no zone is said: so the old program took all its times. Seconds are cut, which closes a window a little earlier. */
function clock(text: unknown, window: unknown): string {
  const [, hour = '', minute = ''] = typeof text === 'string' ? (/^\s*(\d{1,2}):(\d{2})(?::\d{2})?\s*(?:Z|UTC|\+00:?00)?\s*$/i.exec(text) ?? []) : [];
  const time = `${hour.padStart(2, '0')}:${minute}`;
  if (!/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/.test(time)) throw unknown(window);
  return time;
}

const dayOf = (text: unknown): Weekday | undefined => (typeof text === 'string' ? WEEKDAYS.find((day) => text.trim().toLowerCase().startsWith(day)) : undefined);

/** Every day where none is said; `Mon-Fri` is a range. */
function daysOf(given: unknown, window: unknown): Weekday[] {
  if (given === undefined || given === null) return [...WEEKDAYS];
  const listed = Array.isArray(given) ? (given as unknown[]) : typeof given === 'string' ? given.split(',') : [];
  const days = listed.flatMap((each) => {
    const [first, last, more] = (typeof each === 'string' ? each.split(/\.{2,3}|-|–/) : []).map(dayOf);
    if (first === undefined || more !== undefined) throw unknown(window);
    if (typeof each === 'string' && last === undefined && /\.\.|-|–/.test(each)) throw unknown(window);
    return last === undefined ? [first] : range(first, last);
  });
  if (days.length === 0) throw unknown(window);
  return WEEKDAYS.filter((day) => days.includes(day));
}

function range(first: Weekday, last: Weekday): Weekday[] {
  const [from, to] = [WEEKDAYS.indexOf(first), WEEKDAYS.indexOf(last)];
  return WEEKDAYS.filter((_, n) => (from <= to ? from <= n && n <= to : n >= from || n <= to));
}

const unknown = (window: unknown): Reject => new Reject('SESSION_UNKNOWN', `session_windows has ${(JSON.stringify(window) ?? 'nothing').slice(0, 100)}; expected {start: "07:00Z", end: "11:00Z", days: ["Mon"]}`, 'session_windows');
