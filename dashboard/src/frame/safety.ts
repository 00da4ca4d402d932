import { useRef } from 'react';
import { serverNow, serverTimeOf } from '../api/clock.js';
import { type Moment, momentNow, msSince } from '../api/moment.js';
import { SILENT_MS, type StreamStatus, useStream } from '../api/stream.js';
import { span, useNow } from '../kit/time.js';
import { type Overview, useOverview } from '../shared/overview.js';
import { useKeptStops } from './stop/kept-stops.js';

export type Word = Overview['light']['word'] | 'NOT KNOWN';

export interface Safety {
  word: Word;
  reasons: readonly string[];
  /** Since when it is so, ISO or milliseconds of the server's clock. */
  since: string | number | null;
  /** When the newest fact was heard, by the server's clock; null for none. */
  newestAt: number | null;
  /** As it was last read; not to be shown as present while the word is NOT KNOWN. */
  overview: Overview | undefined;
}

/** Two looks and the time that one may take. */
const OLD_MS = 11_000;

/**
 * The one word, or why there is none: an old word is never kept. It takes both, an event stream that misses nothing and
 * a look at the overview that is not old.
 */
export function useSafety(): Safety {
  useNow();
  const stream = useStream();
  const query = useOverview();
  const readAt = useMomentOf(query.dataUpdatedAt);
  const doubtSince = useRef<number | null>(null);
  const isAsked = useKeptStops().some(({ haltId, refused, said }) => haltId === null && !refused && said !== null);
  const doubts = [...(isAsked ? ['A stop was asked for, and is not answered yet.'] : []), ...doubtsOfStream(stream), ...doubtsOfLook(query, msSince(readAt))];
  if (doubts.length === 0) doubtSince.current = null;
  else doubtSince.current ??= serverNow();
  const newest = Math.max(stream.heardAt ?? 0, query.dataUpdatedAt);
  const newestAt = newest > 0 ? serverTimeOf(newest) : null;
  const overview = query.data;
  if (doubts.length > 0 || !overview) return { word: 'NOT KNOWN', reasons: doubts, since: doubtSince.current, newestAt, overview };
  return { word: overview.light.word, reasons: overview.light.reasons, since: overview.light.since, newestAt, overview };
}

function doubtsOfStream({ state, liveAt, why }: StreamStatus): string[] {
  if (state === 'behind') return [`The event stream is late${why === 'behind' || !why ? '' : `: it is ${why}`}.`];
  const silent = msSince(liveAt);
  if (silent <= SILENT_MS) return [];
  const told = why ? ` (${why})` : '';
  return [liveAt ? `Nothing was heard on the event stream for ${span(silent / 1_000)}${told}.` : `The event stream has not begun${told}.`];
}

type Look = Pick<ReturnType<typeof useOverview>, 'data' | 'error' | 'failureReason'>;

function doubtsOfLook({ data, error, failureReason }: Look, ageMs: number): string[] {
  const failure = error ?? failureReason;
  if (failure) return [failure.message];
  if (!data) return ['The state of trading is being read.'];
  return ageMs > OLD_MS ? [`The newest look at trading is ${span(ageMs / 1_000)} old.`] : [];
}

/** When a figure of the wall clock last changed, by both clocks. */
function useMomentOf(changed: number): Moment | null {
  const kept = useRef<{ of: number; at: Moment } | null>(null);
  if (changed === 0) return null;
  if (kept.current?.of !== changed) kept.current = { of: changed, at: momentNow() };
  return kept.current.at;
}
