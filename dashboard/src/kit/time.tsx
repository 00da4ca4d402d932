import { useSyncExternalStore } from 'react';
import { serverNow } from '../api/clock.js';

let now = serverNow();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = serverNow();
    for (const each of listeners) each();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time, told anew each second by one timer for the whole page. */
export const useNow = (): number => useSyncExternalStore(listen, () => now);

export const utc = (at: string | number): string => `${new Date(at).toISOString().replace('T', ' ').replace(/\.?0*Z$/, '')} UTC`;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const dayAndClock = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const isSameDay = (a: number, b: number) => new Date(a).toDateString() === new Date(b).toDateString();

/** In the viewer's zone: the clock alone for today. */
export const local = (at: string | number, today = serverNow()): string => {
  const ms = new Date(at).getTime();
  return (isSameDay(ms, today) ? clock : dayAndClock).format(ms);
};

/** `45 s`, `3 min`, `2 h 05 min`, `4 d`. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${String(Math.floor((s % 3_600) / 60)).padStart(2, '0')} min`;
  return `${Math.floor(s / 86_400)} d`;
}

/** A moment in the viewer's zone, with the exact UTC time on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="quiet">—</span>;
  return <time dateTime={at} title={utc(at)} className="nowrap">{local(at)}</time>;
}

/** `3 s ago`, or `in 3 s`, counted on the server's clock. */
export function Age({ at, never = 'never' }: { at: string | number | null | undefined; never?: string }) {
  const present = useNow();
  if (at === null || at === undefined) return <span className="quiet">{never}</span>;
  const seconds = (present - new Date(at).getTime()) / 1_000;
  return <time dateTime={new Date(at).toISOString()} title={utc(at)} className="nowrap">{seconds < -1 ? `in ${span(-seconds)}` : `${span(seconds)} ago`}</time>;
}
