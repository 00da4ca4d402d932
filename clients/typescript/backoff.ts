/** A server's Retry-After is honoured up to here: a wrong one must not silence an agent for a day. */
export const RETRY_AFTER_MAX_MS = 300_000;

/** How long to wait after a failure: doubling from `firstMs` to `maxMs`, with jitter, so that agents do not return as one. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly firstMs = 250,
    private readonly maxMs = 30_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds until the next attempt: half fixed, half random; never less than what the server asked for. */
  next(retryAfterMs = 0): number {
    const ceiling = Math.min(this.maxMs, this.firstMs * 2 ** Math.min(this.failures, 20));
    this.failures += 1;
    return Math.max(Math.min(retryAfterMs, RETRY_AFTER_MAX_MS), Math.round(ceiling / 2 + (ceiling / 2) * this.random()));
  }

  reset(): void {
    this.failures = 0;
  }
}

/** Waits, or returns early when the signal fires; it never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted || ms <= 0) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/** Waits for the work, but no longer than `ms`; then it goes on by itself and nobody looks at its end. */
export async function patiently(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const settled = work.finally(() => done.abort());
  settled.catch(() => undefined);
  await Promise.race([settled, pause(ms, done.signal)]);
}
