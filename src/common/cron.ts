/** When something is due, in UTC: minute, hour, day of month, month, day of week, as cron reads them. */
export interface Cron {
  /** The newest minute that fits, at this time or before; null when none did for nine years. */
  before(time: Date): Date | null;
}

const FIELDS = [
  { name: 'minute', least: 0, most: 59 }, { name: 'hour', least: 0, most: 23 }, { name: 'day of month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 }, { name: 'day of week', least: 0, most: 7 },
] as const;

const DAY_MS = 86_400_000;
/** From 29 February to the next over a year that is no leap year though it ends in 00. */
const DAYS_MOST = 366 * 9;

/**
 * `30 2 * * 1-5`, with lists, ranges and steps. Where both days are given, either is enough, as cron has it.
 * @throws {Error} naming the field
 */
export function parseCron(text: string): Cron {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) throw new Error('must have five fields: minute, hour, day of month, month, day of week');
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, at) => valuesOf(parts[at] ?? '', field)) as [number[], number[], number[], number[], number[]];
  const onWeekday = new Set(weekdays.map((day) => day % 7));
  const isAny = (at: number) => parts[at]?.startsWith('*') === true;
  const isDay = (date: Date): boolean => {
    if (!months.includes(date.getUTCMonth() + 1)) return false;
    const [byDate, byWeekday] = [days.includes(date.getUTCDate()), onWeekday.has(date.getUTCDay())];
    return isAny(2) || isAny(4) ? byDate && byWeekday : byDate || byWeekday;
  };
  return {
    before(time) {
      const today = Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate());
      for (let back = 0; back < DAYS_MOST; back++) {
        const day = today - back * DAY_MS;
        if (!isDay(new Date(day))) continue;
        const latest = back === 0 ? time.getUTCHours() * 60 + time.getUTCMinutes() : 24 * 60;
        const minute = hours.flatMap((hour) => minutes.map((each) => hour * 60 + each)).filter((each) => each <= latest).at(-1);
        if (minute !== undefined) return new Date(day + minute * 60_000);
      }
      return null;
    },
  };
}

function valuesOf(text: string, { name, least, most }: (typeof FIELDS)[number]): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [, range = '', from, to, step] = /^(\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const first = range === '*' ? least : Number(from);
    const last = range === '*' || (to === undefined && step !== undefined) ? most : Number(to ?? from);
    const by = step === undefined ? 1 : Number(step);
    if (range === '' || by < 1 || first < least || last > most || first > last) throw new Error(`has a ${name} that is none: ${part === '' ? 'nothing' : part}`);
    for (let value = first; value <= last; value += by) found.add(value);
  }
  return [...found].sort((one, other) => one - other);
}

/** For a setting: what is wrong with it, or null. */
export function cronFault(text: string): string | null {
  try {
    parseCron(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
