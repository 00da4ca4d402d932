/** How long a candle lasts. Months are no fixed number of seconds. */
export type Frame = { seconds: number } | { months: number };

/** Largest first: W1 is not written as D7. */
const UNITS: [string, number][] = [['W', 604_800], ['D', 86_400], ['H', 3_600], ['M', 60], ['S', 1]];
const SECONDS: Record<string, number> = { ...Object.fromEntries(UNITS), s: 1, m: 60, min: 60, h: 3_600, d: 86_400, w: 604_800 };
const MONTHS = new Set(['MN', 'M', 'mo']);
/** A year. */
const SECONDS_MOST = 31_622_400;
const MONTHS_MOST = 12;

/** As MetaTrader writes it (`M5 H4 D1 MN1`), or exchanges (`5m 4h 1d 1M`); null for anything else. */
export function frameOf(timeframe: string): Frame | null {
  const [, before, first] = /^(MN|[SMHDW])([1-9]\d{0,3})$/.exec(timeframe) ?? [];
  const [, second, after] = /^([1-9]\d{0,3})(s|m|min|h|d|w|mo|M)$/.exec(timeframe) ?? [];
  const count = Number(first ?? second);
  const isMonths = before === 'MN' || (after !== undefined && MONTHS.has(after));
  if (isMonths) return count <= MONTHS_MOST ? { months: count } : null;
  const seconds = count * (SECONDS[before ?? after ?? ''] ?? Number.NaN);
  return seconds <= SECONDS_MOST ? { seconds } : null;
}

/** One spelling for one length: `H1` for H1, 1h, M60 and 60m. */
export function spelled(frame: Frame): string {
  if ('months' in frame) return `MN${frame.months}`;
  const [unit, seconds] = UNITS.find(([, each]) => frame.seconds % each === 0) ?? ['S', 1];
  return `${unit}${frame.seconds / seconds}`;
}

/** When a candle that began at `openTime` has its last price; both are RFC 3339 text in UTC. */
export function closeTime(frame: Frame, openTime: string): string {
  const soon = withinItsHour(frame, openTime);
  if (soon !== null) return soon;
  const time = new Date(openTime);
  if ('seconds' in frame) return new Date(time.getTime() + frame.seconds * 1_000).toISOString();
  // The end of January plus a month is the end of February, not the beginning of March.
  const day = time.getUTCDate();
  time.setUTCDate(1);
  time.setUTCMonth(time.getUTCMonth() + frame.months);
  time.setUTCDate(Math.min(day, new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 0)).getUTCDate()));
  return time.toISOString();
}

/** As imports read them, and as the fields of requests give them. */
const WHOLE_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\d(\.000)?Z$/;
const MINUTES = Array.from({ length: 60 }, (_, minute) => String(minute).padStart(2, '0'));

/** Of a candle of minutes that ends in the hour in which it began, as nearly all do: 0.13 s for a million, by the calendar 0.75. Null elsewhere. */
function withinItsHour(frame: Frame, openTime: string): string | null {
  if (!('seconds' in frame) || frame.seconds % 60 !== 0 || !WHOLE_SECONDS.test(openTime)) return null;
  const minute = MINUTES[Number(openTime.slice(14, 16)) + frame.seconds / 60];
  return minute === undefined ? null : `${openTime.slice(0, 14)}${minute}:${openTime.slice(17, 19)}.000Z`;
}
