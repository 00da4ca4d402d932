import { Problem } from '../../common/problem.js';
import { isDatabaseAway, sqlState } from '../../database/sql-state.js';

/** A failure that stays is a person's to look at. With the pauses between them these take about three minutes. */
export const ATTEMPTS_MOST = 8;
/** An alert that fails or waits holds up its symbol for so long, from its first failure on. */
export const HOLDS_SECONDS = 10;
const PAUSE_MOST_SECONDS = 60;
const UNCOUNTED_PAUSE_SECONDS = 2;

/** Seconds until the next try after so many failed ones: 2, 4, 8 … 60. */
export const pauseAfter = (attempts: number): number => Math.min(PAUSE_MOST_SECONDS, 2 ** Math.max(1, attempts));

export type Failure =
  /** A refusal that stays one. */
  | { ends: true; code: string; detail: string }
  | { ends: false; counts: boolean; code: string; detail: string; pauseSeconds: number };

/**
 * What a thrown error means for the alert. Refusals are told as they are; of anything else only a sentence without the driver's words,
 * since a viewer reads it. While the database is away or a row is locked nothing counts: that is no fault of the alert.
 * @param attempts that were counted before this one
 */
export function failureOf(error: unknown, attempts: number): Failure {
  if (error instanceof Problem) {
    const { code, message: detail, status } = error;
    if (!error.retryable) return { ends: true, code, detail };
    const counts = status !== 503 && status !== 429;
    return { ends: false, counts, code, detail, pauseSeconds: counts ? pauseAfter(attempts + 1) : (error.extra.retryAfterSeconds ?? UNCOUNTED_PAUSE_SECONDS) };
  }
  // A statement that always takes too long would otherwise be tried for ever.
  if (isDatabaseAway(error) && sqlState(error) !== '57014') {
    return { ends: false, counts: false, code: 'DATABASE_BUSY', detail: 'The database was away, or what this alert is about was locked.', pauseSeconds: UNCOUNTED_PAUSE_SECONDS };
  }
  return {
    ends: false, counts: true, code: 'PROCESSING_FAILED', detail: 'Processing failed by a fault of the server; its log says more under the correlation id of the alert.',
    pauseSeconds: pauseAfter(attempts + 1),
  };
}
