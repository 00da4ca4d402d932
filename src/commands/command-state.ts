import { MARKET_AWAY_CODES, type CommandClass } from './command-types.js';

export const COMMAND_STATUSES = ['queued', 'leased', 'succeeded', 'failed', 'expired', 'cancelled', 'dead', 'unknown', 'waiting_for_market'] as const;
export type CommandStatus = (typeof COMMAND_STATUSES)[number];
export const FAIL_OUTCOMES = ['not_sent', 'rejected', 'unknown'] as const;
export type FailOutcome = (typeof FAIL_OUTCOMES)[number];

export const DEFAULT_MAX_ATTEMPTS = 5;
const BACKOFF_SECONDS_MOST = 60;
/** How often something parked for a closed market looks again. */
const MARKET_RETRY_SECONDS = 30;

export interface FailedAttempt {
  class: CommandClass;
  /** Counted failures so far, without this one. */
  failures: number;
  maxAttempts: number | null;
  cancelRequested: boolean;
  outcome: FailOutcome;
  errorCode: string;
  retryable: boolean;
}

export interface AfterFailure {
  status: CommandStatus;
  failures: number;
  /** Seconds until it may be handed out again, where it may. */
  delaySeconds: number;
}

export const backoffSeconds = (failures: number): number => Math.min(BACKOFF_SECONDS_MOST, 2 ** Math.min(failures, 10));

/**
 * What a reported failure makes of a command. A repetition is made only after `not_sent`; what reduces comes again
 * whatever was said, since a position that stays open is worse than a second try; and what is unknown stays unknown
 * until a reconciliation or a person says more.
 */
export function afterFailure(attempt: FailedAttempt): AfterFailure {
  const failures = attempt.failures + 1;
  const ends = (status: CommandStatus): AfterFailure => ({ status, failures, delaySeconds: 0 });
  const again: AfterFailure = { status: 'queued', failures, delaySeconds: backoffSeconds(failures) };
  if (attempt.outcome === 'unknown') return ends('unknown');
  if (attempt.cancelRequested) return ends('cancelled');
  if (attempt.class === 'reduces') {
    return MARKET_AWAY_CODES.includes(attempt.errorCode)
      ? { status: 'waiting_for_market', failures: attempt.failures, delaySeconds: MARKET_RETRY_SECONDS }
      : again;
  }
  if (attempt.outcome === 'rejected' || !attempt.retryable) return ends('failed');
  return failures >= (attempt.maxAttempts ?? DEFAULT_MAX_ATTEMPTS) ? ends('dead') : again;
}
