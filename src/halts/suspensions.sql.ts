/** Whoever renews one looks every ten seconds: what has not done so twelve times is not there, and holds nothing up any more. */
export const HOLDS_SECONDS = 120;
/** What comes back within the hour holds for twice as long each time, up to this many times as long: nine times an hour at most it begins and ends. */
export const LONGER_MOST = 8;

/**
 * Whether one holds openings. An end that no hold can reach was set by a clock that was set back since: it must not hold for hours.
 * @param s a row of opening_suspensions, `at` the time, both SQL
 */
export const suspensionHolds = (s = 'opening_suspensions', at = 'app_clock()') => `(${s}.ended_at is null and ${s}.lapses_at > ${at} and ${s}.lapses_at <= ${at} + interval '${HOLDS_SECONDS * LONGER_MOST + 60} seconds')`;

/** Why openings are held for now; null where they are not. */
export const SUSPENSION_REASON = `(select reason from opening_suspensions where ${suspensionHolds()})`;

/** Whether openings are held for now, since too much of the system fails. */
export const OPENINGS_SUSPENDED = `exists (select from opening_suspensions where ${suspensionHolds()})`;
