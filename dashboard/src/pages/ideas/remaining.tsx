import { span, useNow, utc } from '../../kit/time.js';

/** Whole seconds that are left, on the server's clock; null where there is no end. */
export function useSecondsLeft(until: string | null): number | null {
  const now = useNow();
  return until === null ? null : Math.max(0, Math.ceil((Date.parse(until) - now) / 1_000));
}

/** `83 s left`. */
export function Remaining({ until }: { until: string | null }) {
  const left = useSecondsLeft(until);
  if (left === null || until === null) return <span className="quiet">—</span>;
  return <time dateTime={until} title={utc(until)} className={`nowrap ${left < 30 ? 'doubt' : ''}`}>{left === 0 ? '■ time is over' : left < 600 ? `${left} s left` : `${span(left)} left`}</time>;
}
