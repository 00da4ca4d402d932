import type { NoSignal } from './signal.js';

/** Ends a mapping with its reason; never leaves `mapSignal`. */
export class NoSignalAs extends Error {
  constructor(readonly reason: NoSignal) {
    super(reason.detail);
  }
}

export const quarantined = (code: string, detail: string) => new NoSignalAs({ outcome: 'quarantined', code, detail });

/** Of a sender, in a sentence; never half a character, which PostgreSQL does not take. */
export const shown = (said: string): string => said.replace(/[\p{Cc}\p{Cf}]/gu, ' ').slice(0, 60).toWellFormed();
