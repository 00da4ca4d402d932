import type { Attempt } from '../channels/channel.js';
import { oneLine } from '../channels/said.js';

/** With the pauses between them, ten refusals take a quarter of an hour. */
const REFUSALS_MOST = 10;
/** Then those who were reached no longer wait with their next message for those who were not. */
const SOME_ATTEMPTS_MOST = 5;
const FIRST_PAUSE_SECONDS = 5;
const PAUSE_MOST_SECONDS = 120;
/** What a service asks for is kept to, within reason: a night would be one in which nobody is told. */
const ASKED_MOST_SECONDS = 3_600;

/** `sent` with a fault: some were reached, the others will not be with this message. */
export type Next = { status: 'sent'; fault: string | null } | { status: 'given_up'; fault: string } | { status: 'waiting'; fault: string; inSeconds: number };

export const pauseAfter = (attempts: number): number => Math.min(PAUSE_MOST_SECONDS, FIRST_PAUSE_SECONDS * 2 ** Math.max(0, attempts - 1));

/**
 * What becomes of a message after an attempt.
 * @param attempts with this one
 * @param reachedBefore by earlier ones
 */
export function after({ reached, failures }: Attempt, attempts: number, reachedBefore: number): Next {
  if (failures.length === 0) return { status: 'sent', fault: null };
  const fault = oneLine([...new Set(failures.map(({ reason }) => reason))].join('; '), 450);
  const isRefused = failures.every((failure) => failure.isRefused);
  if (reached.length + reachedBefore > 0 && (isRefused || attempts >= SOME_ATTEMPTS_MOST)) return { status: 'sent', fault };
  if (reached.length + reachedBefore === 0 && isRefused && attempts >= REFUSALS_MOST) return { status: 'given_up', fault };
  const asked = Math.max(0, ...failures.map(({ retryAfterSeconds }) => retryAfterSeconds ?? 0));
  return { status: 'waiting', fault, inSeconds: Math.max(pauseAfter(attempts), Math.min(asked, ASKED_MOST_SECONDS)) };
}
