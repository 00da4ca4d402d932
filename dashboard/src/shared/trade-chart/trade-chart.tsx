import { useMemo } from 'react';
import { type ItemOf, useGet } from '../../api/queries.js';
import { useFilter } from '../../kit/address.js';
import { Chart } from '../../kit/chart/chart.js';
import type { ChartData, Moment } from '../../kit/chart/chart-data.js';
import { Empty } from '../../kit/panel.js';
import { ProblemNote } from '../../kit/problem-note.js';
import { levelsOf, marksOn, momentsOf } from './moments.js';
import { useCandles } from './use-candles.js';

type Trade = ItemOf<'/api/v1/trades'>;
const NONE: readonly Moment[] = [];

/** Candles around a trade with what it did among them; without candles its marks as a line; without either it says so. */
export function TradeChart({ trade, more = NONE }: { trade: Trade; more?: readonly Moment[] }) {
  const [frame, setFrame] = useFilter('frame');
  const start = trade.entryTime ?? trade.createdAt;
  const { candles, frames, chosen, cut, error, isReading } = useCandles({ symbol: trade.symbol, agentId: trade.agentId, start, end: trade.exitTime ?? trade.finishedAt, frame });
  const fills = useGet('/api/v1/trades/{tradeId}/fills', { path: { tradeId: trade.id }, query: { limit: 500 } });
  const marks = useGet('/api/v1/trades/{tradeId}/marks', { path: { tradeId: trade.id }, query: { limit: 500 } });
  const key = JSON.stringify([candles, trade.version, fills.data?.items.length, marks.data?.items[0]?.quotedAt, marks.data?.items.length, more]);
  const data = useMemo((): ChartData => {
    const seen = marksOn(trade, marks.data?.items ?? [], candles);
    return {
      ...(candles.length > 0 ? { candles } : {}), lines: seen.length > 0 ? [{ name: trade.direction === 'long' ? 'Marks, bid' : 'Marks, ask', points: seen, colour: 'accent' }] : [],
      moments: [...momentsOf(trade, fills.data?.items ?? []), ...more], levels: levelsOf(trade),
    };
    // What it is made of, as text: each look makes new objects of the same figures.
  }, [key]);
  if (isReading || marks.isPending) return <p className="quiet" role="status">Reading …</p>;
  const hasMarks = (data.lines?.[0]?.points.length ?? 0) > 0;
  return (
    <div className="stack">
      <ProblemNote error={error ?? fills.error ?? marks.error} holds="The chart is not complete; the facts of the trade stand." />
      {candles.length === 0 ? <Empty>There are no candles of {trade.symbol} around this trade: nobody sent any (POST /snapshots/market).{hasMarks ? ' The line is made of its marks.' : ' It has no marks either, so there is nothing to draw; its fills are below.'}</Empty> : null}
      {frames.length > 1 ? (
        <label className="row small">Candles of
          <select value={chosen?.name} onChange={({ target }) => setFrame(target.value)} style={{ width: 'auto' }}>{frames.map(({ name }) => <option key={name}>{name}</option>)}</select>
        </label>
      ) : null}
      {cut ? <p className="doubt">▲ These are the newest of more candles; a longer timeframe shows all of the trade.</p> : null}
      {candles.length > 0 || hasMarks ? <Chart label={`${candles.length > 0 ? `Candles of ${trade.symbol}, ${chosen?.name}` : `Marks of ${trade.symbol}`}${hasMarks && candles.length > 0 ? ', with marks as a line' : ''}`} data={data} /> : null}
    </div>
  );
}
