/** The axis in the viewer's zone: the library itself knows UTC alone. */
const year = new Intl.DateTimeFormat(undefined, { year: 'numeric' });
const month = new Intl.DateTimeFormat(undefined, { month: 'short', year: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: '2-digit', month: 'short' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const exact = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
/** As the library counts them: year, month, day, time, time with seconds. */
const BY_TICK = [year, month, day, clock, exact];

export const tickLabel = (seconds: number, tick: number): string => (BY_TICK[tick] ?? clock).format(seconds * 1_000);
export const momentLabel = (seconds: number): string => `${day.format(seconds * 1_000)} ${exact.format(seconds * 1_000)}`;
