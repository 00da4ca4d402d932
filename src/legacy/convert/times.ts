import { type Column, type Reading, Reject } from '../profile.js';
import { type Cell, JsonNumber } from '../source/cell.js';
import { columnOfWords, cut, type Filled, refused } from './cells.js';
import { decimalOf, shifted } from './decimals.js';
import { instantsOf } from './zones.js';

export interface TimeOptions {
  /** IANA name: of times that are written without an offset. */
  zone: string;
  /** What a number is. `either`: by its size, for the years 1990 to 2100 the two do not meet. */
  epoch?: 'seconds' | 'milliseconds' | 'either';
  /** A date alone is its midnight there. */
  dateOnly?: boolean;
  /** What 11/02/2025 is; refused where it is not said. */
  slashes?: 'month/day' | 'day/month';
  /** The column whose date this time of day belongs to. */
  dateIn?: string;
}

const LEAST = Date.UTC(1990, 0, 1) / 1000;
const MOST = Date.UTC(2101, 0, 1) / 1000;

const DATE = String.raw`(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})|(?<first>\d{1,2})\/(?<second>\d{1,2})\/(?<slashYear>\d{4})`;
const CLOCK = String.raw`(?<hour>\d{1,2}):(?<minute>\d{1,2})(?::(?<seconds>\d{1,2})(?:[.,](?<behind>\d{1,30}))?)?\s*(?<half>[AaPp]\.?[Mm]\.?)?`;
const OFFSET = String.raw`(?<offset>Z|z|UTC|GMT|EST|EDT|IST|[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)`;
const FORM = new RegExp(`^(?:${DATE})(?:(?:[Tt]|\\s+)${CLOCK}(?:\\s*${OFFSET})?)?$`);

/** What the abbreviation says in its zone: it decides the repeated hour. Elsewhere IST is Irish, or Israel's. */
const ABBREVIATED: Record<string, Record<string, number>> = {
  'America/New_York': { EST: -18_000, EDT: -14_400 },
  'Asia/Kolkata': { IST: 19_800 },
};

/** A time as RFC 3339 in UTC, to the microsecond. */
export const time = (to: string | null, options: TimeOptions): Column<string | null> =>
  columnOfWords(to, saysOf(options), (cell, name, row) => timeOf(cell, name, row, options));

function saysOf({ zone, epoch, dateIn }: TimeOptions): string {
  const number = epoch === undefined ? '' : epoch === 'either' ? ', or seconds or milliseconds since 1970,' : `, or ${epoch} since 1970,`;
  return `${zone === 'UTC' ? 'naive UTC' : `wall clock of ${zone}`}${dateIn === undefined ? '' : ` on the day in ${dateIn}`}${number} to time`;
}

/**
 * @param cell of a column `name`, not null
 * @returns RFC 3339 in UTC, to the microsecond
 * @throws {Reject} TIME_INVALID, TIME_AMBIGUOUS, TIME_SKIPPED, TIME_OUT_OF_RANGE
 */
export function timeOf(cell: Filled, name: string, row: Reading, options: TimeOptions): string {
  const { epoch, dateIn } = options;
  const isNumber = typeof cell === 'number' || typeof cell === 'bigint' || cell instanceof JsonNumber;
  if (isNumber || (epoch !== undefined && typeof cell === 'string' && /^\s*-?\d+(?:\.\d+)?\s*$/.test(cell))) {
    if (epoch === undefined) throw refused('TIME_INVALID', name, cell, 'a time as text');
    return ofEpoch(decimalOf(cell, name), epoch, name, cell, row);
  }
  if (typeof cell !== 'string') throw refused('TIME_INVALID', name, cell, 'a time');
  const day = dateIn === undefined ? null : row.cells[dateIn];
  if (dateIn !== undefined && typeof day !== 'string') throw new Reject('TIME_INVALID', `${name} is a time of day, and ${dateIn} holds no day`, name);
  return ofText(typeof day === 'string' ? `${day.trim()} ${cell.trim()}` : cell.trim(), name, cell, row, options);
}

function ofEpoch(number: string, unit: NonNullable<TimeOptions['epoch']>, name: string, cell: Cell, row: Reading): string {
  const isMillis = unit === 'milliseconds' || (unit === 'either' && Number(number) >= MOST);
  const [whole = '', behind = ''] = (isMillis ? shifted(number, 3) : number).split('.');
  const negative = number.startsWith('-');
  if (negative || whole.length > 12) throw refused('TIME_OUT_OF_RANGE', name, cell, 'a time of 1990 to 2100');
  return written(Number(whole), behind, name, cell, row);
}

/** As almost all old rows have it; SQLAlchemy writes its noughts too. Of a million candles the general way took a second and a half more. */
const PLAIN = /^(?:199\d|20\d\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.0{1,6})?$/;

function ofText(text: string, name: string, cell: Cell, row: Reading, { zone, dateOnly, slashes }: TimeOptions): string {
  if (zone === 'UTC' && PLAIN.test(text)) return `${text.slice(0, 10)}T${text.slice(11, 19)}Z`;
  const found = FORM.exec(text)?.groups;
  if (found === undefined) throw refused('TIME_INVALID', name, cell, 'a time as 2025-11-02 09:30:00');
  if (found.first !== undefined && slashes === undefined) throw refused('TIME_AMBIGUOUS', name, cell, 'a date as 2025-11-02: month and day cannot be told apart');
  if (found.hour === undefined && !dateOnly) throw refused('TIME_INVALID', name, cell, 'a time of day beside the date');
  const local = localSeconds(found, slashes);
  if (local === null) throw refused('TIME_INVALID', name, cell, 'a day and an hour that there are');
  const offset = offsetOf(found.offset, zone);
  if (offset === null) throw refused('TIME_INVALID', name, cell, `an offset that there is; ${found.offset} is none of ${zone}`);
  if (found.seconds === '60') row.note('TIME_LEAP_SECOND', `${name} ${cut(text)}: the leap second is the first of the next minute`);
  if (found.hour === '24') row.note('TIME_END_OF_DAY', `${name} ${cut(text)}: 24:00 is the next day's first second`);
  const seconds = offset === undefined ? ofWallClock(local, zone, text, name, row) : local - offset;
  if (found.seconds === '60' && seconds % 86_400 !== 0) throw refused('TIME_INVALID', name, cell, 'a 60th second at the end of a day in UTC, where leap seconds are');
  return written(seconds, found.behind ?? '', name, cell, row);
}

/** Seconds of the wall clock as if it were UTC; null where the calendar or the clock has no such time. */
function localSeconds(found: Record<string, string | undefined>, slashes: TimeOptions['slashes']): number | null {
  const [first, second] = slashes === 'day/month' ? [found.second, found.first] : [found.first, found.second];
  const [year, month, day] = [Number(found.year ?? found.slashYear), Number(found.month ?? first), Number(found.day ?? second)];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (year < 1000 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const [minute, seconds] = [Number(found.minute ?? 0), Number(found.seconds ?? 0)];
  let hour = Number(found.hour ?? 0);
  if (found.half !== undefined) {
    if (hour < 1 || hour > 12) return null;
    hour = (hour % 12) + (/^p/i.test(found.half) ? 12 : 0);
  }
  const isEnd = hour === 24 && minute === 0 && seconds === 0 && !/[1-9]/.test(found.behind ?? '');
  if ((hour > 23 && !isEnd) || minute > 59 || seconds > 60 || (seconds === 60 && minute !== 59)) return null;
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + seconds;
}

/** Seconds east of UTC; undefined where none is written, null where there is no such. */
function offsetOf(written: string | undefined, zone: string): number | null | undefined {
  if (written === undefined) return undefined;
  if (/^(?:z|utc|gmt)$/i.test(written)) return 0;
  const [, sign, hours, minutes = '0', seconds = '0'] = /^([+-])(\d{2}):?(\d{2})?(?::(\d{2}))?$/.exec(written) ?? [];
  if (sign === undefined) return ABBREVIATED[zone]?.[written] ?? null;
  // No place is farther from UTC than 15 hours.
  if (Number(hours) > 15 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

function ofWallClock(local: number, zone: string, text: string, name: string, row: Reading): number {
  const [first, second] = instantsOf(local, zone);
  if (first === undefined) throw new Reject('TIME_SKIPPED', `${name} is ${cut(text)}, which no clock showed in ${zone}: it was set forward over it`, name);
  if (second !== undefined) row.note('TIME_REPEATED', `${name} ${cut(text)} in ${zone} is two instants; the first is taken`);
  return first;
}

/** PostgreSQL keeps microseconds; of more digits the nearest is taken, and said. */
function written(seconds: number, behind: string, name: string, cell: Cell, row: Reading): string {
  let [whole, micros] = [seconds, Number(behind.slice(0, 6).padEnd(6, '0'))];
  if (/[1-9]/.test(behind.slice(6))) {
    if (behind.charAt(6) >= '5') micros += 1;
    if (micros === 1_000_000) [whole, micros] = [whole + 1, 0];
    row.note('TIME_ROUNDED', `${name} has ${behind.length} digits behind the second; 6 are kept`);
  }
  if (whole < LEAST || whole >= MOST) throw refused('TIME_OUT_OF_RANGE', name, cell, 'a time of 1990 to 2100');
  const fraction = micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
  return `${new Date(whole * 1000).toISOString().slice(0, 19)}${fraction}Z`;
}
