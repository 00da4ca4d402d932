const clocks = new Map<string, Intl.DateTimeFormat>();
/** By zone and quarter of an hour, on which every zone's clocks have been changed since 1990: asking Intl takes 3 µs, and a table of candles asks a million times. */
const known = new Map<string, number[]>();
const KNOWN_MOST = 50_000;
const QUARTER = 900;

/**
 * The instants at which the clocks of a zone showed this: one; two in the hour that is repeated, the earlier first; none in
 * the one that is skipped.
 * @param local seconds of the wall clock, as if it were UTC
 * @returns seconds since 1970
 */
export function instantsOf(local: number, zone: string): number[] {
  if (zone === 'UTC') return [local];
  const quarter = Math.floor(local / QUARTER) * QUARTER;
  const name = `${zone} ${quarter}`;
  let offsets = known.get(name);
  if (offsets === undefined) {
    if (known.size >= KNOWN_MOST) known.clear();
    known.set(name, (offsets = offsetsAt(quarter, zone)));
  }
  return offsets.map((offset) => local - offset);
}

/** A day before and a day after, an old and a new offset have been in force; more than one change in two days there never was. */
function offsetsAt(local: number, zone: string): number[] {
  const candidates = new Set([offsetAt(local - 86_400, zone), offsetAt(local + 86_400, zone)]);
  return [...candidates].filter((offset) => offsetAt(local - offset, zone) === offset).sort((one, other) => other - one);
}

/** Seconds east of UTC at an instant. */
export function offsetAt(instant: number, zone: string): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const numeric = 'numeric';
    clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric });
    clocks.set(zone, clock);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of clock.formatToParts(instant * 1000)) part[type] = Number(value);
  return Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second) / 1000 - instant;
}
