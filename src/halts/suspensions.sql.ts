/** Whether openings are held for now, since too much of the system fails. */
export const OPENINGS_SUSPENDED = `exists (select from opening_suspensions where ended_at is null and lapses_at > app_clock())`;
