import { describe, expect, it } from '@jest/globals';
import { afterFailure, backoffSeconds, type FailedAttempt } from './command-state.js';

const attempt = (change: Partial<FailedAttempt>): FailedAttempt => ({
  class: 'neutral', failures: 0, maxAttempts: 5, cancelRequested: false, outcome: 'not_sent', errorCode: 'X', retryable: true, ...change,
});

describe('what a failed attempt makes of a command', () => {
  it.each<[string, Partial<FailedAttempt>, string, number, number]>([
    ['not sent and retryable: again', {}, 'queued', 1, 2],
    ['the last counted attempt: dead', { failures: 4 }, 'dead', 5, 0],
    ['one before the last: again', { failures: 3 }, 'queued', 4, 16],
    ['not sent, not retryable: failed', { retryable: false }, 'failed', 1, 0],
    ['rejected: failed, retryable or not', { outcome: 'rejected' }, 'failed', 1, 0],
    ['unknown: unknown, never again by a clock', { outcome: 'unknown' }, 'unknown', 1, 0],
    ['unknown, though it reduces', { outcome: 'unknown', class: 'reduces' }, 'unknown', 1, 0],
    ['unknown, though cancelled', { outcome: 'unknown', cancelRequested: true }, 'unknown', 1, 0],
    ['cancelled meanwhile: ends', { cancelRequested: true }, 'cancelled', 1, 0],
    ['reduces, rejected: again', { class: 'reduces', outcome: 'rejected', maxAttempts: null }, 'queued', 1, 2],
    ['reduces, not retryable: again all the same', { class: 'reduces', retryable: false, maxAttempts: null }, 'queued', 1, 2],
    ['reduces, the hundredth time: again within a minute', { class: 'reduces', outcome: 'rejected', failures: 99, maxAttempts: null }, 'queued', 100, 60],
    ['reduces, market closed: parked, uncounted', { class: 'reduces', outcome: 'rejected', errorCode: 'MARKET_CLOSED', failures: 3, maxAttempts: null }, 'waiting_for_market', 3, 30],
    ['does not reduce, market closed: failed', { class: 'opens', outcome: 'rejected', errorCode: 'MARKET_CLOSED' }, 'failed', 1, 0],
  ])('%s', (_name, change, status, failures, delaySeconds) => {
    expect(afterFailure(attempt(change))).toEqual({ status, failures, delaySeconds });
  });

  it('doubles the wait up to a minute', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 1000].map(backoffSeconds)).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
  });
});
