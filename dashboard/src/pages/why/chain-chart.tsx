import { useMemo } from 'react';
import { Link } from 'wouter';
import { useGet } from '../../api/queries.js';
import type { Moment } from '../../kit/chart/chart-data.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { TradeChart } from '../../shared/trade-chart/trade-chart.js';
import { nameOf, type Step } from './step.js';

/** Fills are marked by the trade's own chart; these are the steps that led there and came of it. */
const SIGNS: Partial<Record<Step['type'], Pick<Moment, 'sign' | 'colour' | 'shape'>>> = {
  alert: { sign: 'signal', colour: 'quiet', shape: 'circle' }, prediction: { sign: 'prediction', colour: 'quiet', shape: 'circle' }, idea: { sign: 'idea', colour: 'text', shape: 'circle' },
  decision: { sign: 'verdict', colour: 'text', shape: 'square' }, command: { sign: 'command', colour: 'accent', shape: 'square' }, closure: { sign: 'closure', colour: 'doubt', shape: 'square' },
  halt: { sign: 'halt', colour: 'danger', shape: 'square' },
};

export function ChainChart({ tradeId, chain }: { tradeId: string; chain: readonly Step[] }) {
  const query = useGet('/api/v1/trades/{tradeId}', { path: { tradeId } });
  const moments = useMemo(() => chain.flatMap((step): Moment[] => {
    const sign = SIGNS[step.type];
    return sign ? [{ at: step.at, text: `${nameOf(step)}: ${step.summary.slice(0, 120)}`, ...sign }] : [];
  }), [chain]);
  return (
    <Panel title="The same moments on the chart" actions={<Link href={`/trades/${tradeId}`}>The trade</Link>}>
      <Fresh query={query}>{(trade) => <TradeChart trade={trade} more={moments} />}</Fresh>
    </Panel>
  );
}
