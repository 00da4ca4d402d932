/** From a time at a place to instants. */
export interface Zone {
  name: string;
  /** Milliseconds ahead of UTC at an instant. */
  offsetAt(instant: number): number;
}

const MINUTE = 60_000;
/** Offsets change at quarters of an hour. */
const QUARTER = 15 * MINUTE;
const DAY = 86_400_000;

/**
 * `Europe/Athens`, `+02:00`, or one beside the other: `America/New_York+7` is the clock of the brokers whose day ends with
 * New York's, which no list of zones has.
 * @returns null for what is none
 */
export function zoneOf(text: string): Zone | null {
  const fixed = shiftOf(text);
  if (fixed !== null) return { name: text, offsetAt: () => fixed };
  const whole = named(text);
  if (whole) return { name: text, offsetAt: whole };
  const [, place = '', beside = ''] = /^(.+?)([+-]\d{1,2}(?::\d{2})?)$/.exec(text) ?? [];
  const [base, shift] = [named(place), shiftOf(beside)];
  return base && shift !== null ? { name: text, offsetAt: (instant) => base(instant) + shift } : null;
}

function shiftOf(text: string): number | null {
  const [, sign, hours = '', minutes = '0'] = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(text) ?? [];
  if (sign === undefined || Number(hours) > 14 || Number(minutes) > 59) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE;
}

function named(name: string): Zone['offsetAt'] | null {
  if (!/^[A-Za-z]/.test(name)) return null;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  } catch {
    return null;
  }
  const known = new Map<number, number>();
  return (instant) => {
    const quarter = Math.floor(instant / QUARTER) * QUARTER;
    let offset = known.get(quarter);
    if (offset === undefined) {
      const { year = 0, month = 1, day, hour, minute } = Object.fromEntries(format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]));
      offset = Date.UTC(year, month - 1, day, hour, minute) - quarter;
      known.set(quarter, offset);
    }
    return offset;
  };
}

/**
 * The instants at which clocks there show this time: none where they were put forward over it, two where they were put back.
 * @param local as if it were UTC, in milliseconds
 */
export function instantsOf(local: number, { offsetAt }: Zone): number[] {
  const offsets = new Set([offsetAt(local - DAY), offsetAt(local + DAY)]);
  return [...offsets].map((offset) => local - offset).filter((instant) => local - instant === offsetAt(instant)).sort((one, other) => one - other);
}
