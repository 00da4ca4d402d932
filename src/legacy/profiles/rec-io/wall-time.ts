import { cut } from '../../convert/cells.js';
import { timeOf } from '../../convert/times.js';
import { instantsOf, offsetAt } from '../../convert/zones.js';
import { type Reading, Reject } from '../../profile.js';
import { BadText, type Cell } from '../../source/cell.js';

/** Times of rec_io are what a clock in New York showed, most without their date or offset. */

export const ZONE = 'America/New_York';
const OPTIONS = { zone: ZONE, slashes: 'month/day' } as const;

/** A ticket is made with the row, and an order is sent within seconds. */
const MADE_TOGETHER_SECONDS = 600;

const HAS_DATE = /^\s*(?:\d{4}-|\d{1,2}\/\d{1,2}\/)/;
const CLOCK_ALONE = /^\s*\d{1,2}:\d{2}/;

/** `date` and `time` as one instant, RFC 3339. A date that came with its midnight, or a time with its date, is the same. */
export function entryTime(row: Reading): string {
  const [date, clock] = [wordOf(row.cells.date), wordOf(row.cells.time)];
  if (clock !== null && HAS_DATE.test(clock)) return instant(clock, 'time', row);
  if (date === null) throw new Reject('VALUE_MISSING', 'date is not there', 'date');
  if (clock === null) {
    // A date alone would be its midnight, at which nobody traded.
    if (!/\d:\d/.test(date)) throw new Reject('VALUE_MISSING', 'time is not there', 'time');
    return instant(date, 'date', row);
  }
  return instant(`${date.replace(/[T ]00:00(?::00(?:\.0+)?)?$/, '')} ${clock}`, 'time', row);
}

/** `closed_at`: with its date, or a time of day alone, which is that of the trade's day, or of the next when earlier than its entry. */
export function closingTime(row: Reading, entry: string): string | null {
  const written = wordOf(row.cells.closed_at);
  if (written === null) return null;
  if (!CLOCK_ALONE.test(written)) return instant(written, 'closed_at', row, entry);
  const day = localDay(entry);
  if (!isBefore(written, entry, day, row)) return instant(`${day} ${written}`, 'closed_at', row, entry);
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  row.note('CLOSED_NEXT_DAY', `closed_at ${cut(written)} is earlier than the time of the entry, so it is the next day's`);
  return instant(`${next} ${written}`, 'closed_at', row, entry);
}

/** Whether a time of day comes before the entry on the entry's own day. In March it may be one that no clock showed on that day: of an entry behind it, it is the next day's. */
function isBefore(written: string, entry: string, day: string, row: Reading): boolean {
  try {
    return seconds(instant(`${day} ${written}`, 'closed_at', row, entry, true)) < Math.floor(seconds(entry));
  } catch (error) {
    if (!(error instanceof Reject) || error.code !== 'TIME_SKIPPED') throw error;
    return Number(written.slice(0, written.indexOf(':'))) < new Date((seconds(entry) + offsetAt(Math.floor(seconds(entry)), ZONE)) * 1000).getUTCHours();
  }
}

/** The hour at which the contract of a ticker ends, of `KXBTCD-25AUG0210-T113499.99`: 10:00 on 2 August 2025. Null where the ticker does not say. */
export function contractEnd(ticker: string | null): string | null {
  const [, year, name = '', day, hour] = /-(\d{2})([A-Z]{3})(\d{2})(\d{2})(?:-|$)/.exec(ticker ?? '') ?? [];
  const month = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'].indexOf(name);
  if (month < 0 || Number(hour) > 24 || new Date(Date.UTC(2000 + Number(year), month, Number(day))).getUTCDate() !== Number(day)) return null;
  // Of the hour that is repeated the later: it ends no later than that.
  const instants = instantsOf(Date.UTC(2000 + Number(year), month, Number(day), Number(hour)) / 1000, ZONE);
  const last = instants.at(-1);
  return last === undefined ? null : `${new Date(last * 1000).toISOString().slice(0, 19)}Z`;
}

/** A wall clock's time. In the hour that is repeated the ticket says which of the two, and of an exit its entry; else the first, noted. */
function instant(written: string, name: string, row: Reading, after: string | null = null, quiet = false): string {
  let isRepeated = false;
  const notes: [string, string][] = [];
  const read = timeOf(written, name, { cells: row.cells, id: row.id, note: (code, sentence) => (code === 'TIME_REPEATED' ? (isRepeated = true) : notes.push([code, sentence])) }, OPTIONS);
  if (!quiet && /^\d{1,2}\/\d{1,2}\//.test(written)) row.note('DATE_RESPELLED', `${name} ${cut(written)} is read month first`);
  if (!quiet) for (const [code, sentence] of notes) row.note(code, sentence);
  if (!isRepeated) return read;
  const second = `${new Date(seconds(read) * 1000 + 3_600_000).toISOString().slice(0, 19)}${read.slice(19)}`;
  const said = (which: string) => quiet || row.note('TIME_REPEATED', `${name} ${cut(written)} in ${ZONE} is two instants; ${which}`);
  if (after !== null) {
    const isSecond = seconds(read) < Math.floor(seconds(after));
    said(isSecond ? 'the second is taken, for the first is before the entry' : 'the first is taken');
    return isSecond ? second : read;
  }
  const hint = ticketSeconds(row.cells.ticket_id);
  const fits = (time: string) => hint !== null && Math.abs(seconds(time) - hint) <= MADE_TOGETHER_SECONDS;
  said(fits(second) ? "the second is taken, which the ticket's own time says" : fits(read) ? "the first is taken, which the ticket's own time says" : 'the first is taken');
  return fits(second) ? second : read;
}

/** `TICKET-ddd-1762065000000` ends in milliseconds since 1970. */
function ticketSeconds(cell: Cell | undefined): number | null {
  const [, millis] = /-(\d{13})$/.exec(typeof cell === 'string' ? cell.trim() : '') ?? [];
  return millis === undefined ? null : Number(millis) / 1000;
}

const seconds = (time: string): number => Date.parse(time) / 1000;

const localDay = (time: string): string => new Date((seconds(time) + offsetAt(Math.floor(seconds(time)), ZONE)) * 1000).toISOString().slice(0, 10);

function wordOf(cell: Cell | undefined): string | null {
  if (cell === undefined || cell === null) return null;
  if (cell instanceof BadText) throw new Reject(cell.fault === 'NUL' ? 'TEXT_NUL' : 'TEXT_NOT_UTF8', 'a date or a time is no text');
  if (typeof cell !== 'string') throw new Reject('TIME_INVALID', `a date or a time is ${typeof cell}, no text`);
  return cell.trim() === '' ? null : cell.trim();
}
