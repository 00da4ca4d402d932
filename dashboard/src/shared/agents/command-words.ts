import type { ItemOf } from '../../api/queries.js';
import type { Tone } from '../../kit/figures.js';

export type CommandRow = ItemOf<'/api/v1/commands'>;
export type Status = CommandRow['status'];

/** No further step comes by itself. What is unknown waits for a person or a reconciliation, so it is not among them. */
const FINAL: readonly Status[] = ['succeeded', 'failed', 'expired', 'cancelled', 'dead'];
export const isFinal = (status: Status): boolean => FINAL.includes(status);

export const STATUSES: readonly Status[] = ['queued', 'leased', 'waiting_for_market', 'unknown', 'succeeded', 'failed', 'dead', 'cancelled', 'expired'];
export const STATUS_WORDS: Record<Status, string> = {
  queued: 'queued', leased: 'being carried out', waiting_for_market: 'waits for its market', unknown: 'outcome unknown', succeeded: 'done', failed: 'failed', dead: 'given up', cancelled: 'cancelled', expired: 'expired',
};
export const STATUS_TONES: Record<Status, Tone> = {
  queued: 'off', leased: 'off', waiting_for_market: 'doubt', unknown: 'danger', succeeded: 'good', failed: 'danger', dead: 'danger', cancelled: 'off', expired: 'doubt',
};

export const CLASS_WORDS: Record<string, string> = {
  opens: 'held back by every halt', reduces: 'passes also under a halt, and is tried until it is done', neutral: 'passes also under a halt', computed: 'judged by its payload: what risks more counts as opening',
};

export const times = (failures: number): string => `${failures} ${failures === 1 ? 'failure' : 'failures'}`;

/** What is true now, and what comes next. */
export function standing(command: CommandRow, nowMs: number): string {
  switch (command.status) {
    case 'queued':
      if (Date.parse(command.notBefore) > nowMs) return command.attempt > 0 ? 'The last attempt was not the end of it: it is handed out again later.' : 'It is not handed out before its time.';
      return command.attempt > 0 ? 'It waits to be handed out again.' : 'It waits for its agent to fetch it.';
    case 'leased': return `Its agent has it (attempt ${command.attempt})${command.cancelRequested ? ', and is asked to give it up' : ''}.`;
    case 'waiting_for_market': return 'Its market is closed or its broker away: it is looked at again every 30 s, and no failure is counted.';
    case 'unknown': return 'Nobody knows whether it was done. What the broker shows settles it, or a person.';
    case 'succeeded': return 'It is done.';
    case 'failed': return 'It failed, and is not tried again.';
    case 'dead': return `It was given up after ${times(command.failures)}. Requeue it to try again.`;
    case 'cancelled': return 'It was cancelled: nothing of it is handed out any more.';
    case 'expired': return 'Its time ran out before it was handed out.';
  }
}
