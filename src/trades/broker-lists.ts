/**
 * An order takes its time to the broker's lists: a report so soon after an opening may still lack it, and one so soon after
 * a close may still show what it closed.
 */
export const SHOWN_WITHIN_SECONDS = 10;
