/** A fact told this long after it happened is marked `late`: more than a slow network or a missed poll explains. */
export const LATE_AFTER_SECONDS = 60;

/** How old a fact may be that is dated instead of guarded by a version. */
export const FACT_AGE_DAYS_MAX = 7;
export const FACT_AGE_SECONDS_MAX = FACT_AGE_DAYS_MAX * 86_400;

/** From one RFC 3339 time to another; negative when the second is earlier. */
export const secondsBetween = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1_000;

/** The reason of the line with which an agent says that an adopted trade is its own: it holds what the request said. */
export const CLAIMED = 'POSITION_CLAIMED';
