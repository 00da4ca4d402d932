import { type ItemOf, useGet } from '../../api/queries.js';

export type MarketCandle = ItemOf<'/api/v1/snapshots/market'>;

/** As many as one answer has. */
const MOST = 500;
/** So many are asked for before and after, to see where the price came from and went. */
const AROUND = 40;
const LOOK_AROUND_MS = 4 * 3_600_000;

const secondsOf = ({ openTime, closeTime }: Pick<MarketCandle, 'openTime' | 'closeTime'>): number => (Date.parse(closeTime) - Date.parse(openTime)) / 1_000;

interface Wanted { symbol: string; agentId: string; start: string; end: string | null; frame: string }

/**
 * Candles around a time, in the finest timeframe of which all of them fit, or in that which was asked for.
 * @returns `frames` those that there are, finest first; `cut`: there are more than are shown
 */
export function useCandles({ symbol, agentId, start, end, frame }: Wanted) {
  const from = (ms: number) => new Date(Date.parse(start) - ms).toISOString();
  const to = (ms: number) => (end === null ? {} : { to: new Date(Date.parse(end) + ms).toISOString() });
  const looked = useGet('/api/v1/snapshots/market', { query: { symbol, limit: MOST, from: from(LOOK_AROUND_MS), ...to(LOOK_AROUND_MS) } as never }, { every: 60_000 });
  const frames = framesIn(looked.data?.items ?? []);
  const lasts = ((end === null ? Date.now() : Date.parse(end)) - Date.parse(start)) / 1_000;
  const chosen = frames.find(({ name }) => name === frame) ?? frames.find(({ seconds }) => lasts / seconds + 2 * AROUND <= MOST) ?? frames.at(-1);
  const around = (chosen?.seconds ?? 0) * AROUND * 1_000;
  const query = useGet('/api/v1/snapshots/market', { query: { symbol, timeframe: chosen?.name, limit: MOST, from: from(around), ...to(around) } as never }, { enabled: chosen !== undefined });
  return {
    frames, chosen, error: looked.error ?? query.error, isReading: looked.isPending || (chosen !== undefined && query.isPending),
    candles: chosen ? oneEach(query.data?.items ?? [], agentId) : [], cut: (query.data?.nextCursor ?? null) !== null,
  };
}

function framesIn(rows: readonly MarketCandle[]): { name: string; seconds: number }[] {
  const bySeconds = new Map(rows.map((row) => [secondsOf(row), row.timeframe]));
  return [...bySeconds].map(([seconds, name]) => ({ seconds, name })).sort((a, b) => a.seconds - b.seconds);
}

/** Several may send the same candle: the trade's own agent saw what it traded by. */
function oneEach(rows: readonly MarketCandle[], agentId: string) {
  const kept = new Map<string, MarketCandle>();
  for (const row of rows) if (!kept.has(row.openTime) || row.agentId === agentId) kept.set(row.openTime, row);
  return [...kept.values()].map(({ openTime: at, open, high, low, close }) => ({ at, open, high, low, close })).sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
