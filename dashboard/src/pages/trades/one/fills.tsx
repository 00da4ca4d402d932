import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Amount, Light, Money } from '../../../kit/figures.js';
import { Fresh } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';

export function Fills({ tradeId, currency }: { tradeId: string; currency: string | undefined }) {
  const { query, rows } = useList('/api/v1/trades/{tradeId}/fills', { path: { tradeId }, query: { limit: 100 } });
  return (
    <Fresh query={query}>{() => (
      <DataTable label="Fills" rows={rows} rowKey={({ id }) => id} more={query} empty="The broker has filled nothing of this trade, or nobody told of it." columns={[
        { name: 'Time', cell: ({ at, late }) => <><Time at={at} />{late ? <div className="doubt small">▲ told late</div> : null}</> },
        { name: 'Side', cell: ({ role, exitReason }) => <Light tone={role === 'entry' ? 'good' : 'off'}>{role}{exitReason ? ` by ${exitReason.replaceAll('_', ' ')}` : ''}</Light> },
        { name: 'Size', number: true, cell: ({ size }) => <Amount value={size} /> },
        { name: 'Price', number: true, cell: ({ price, requestedPrice }) => <><Amount value={price} />{requestedPrice !== null && requestedPrice !== price ? <div className="quiet small">asked <Amount value={requestedPrice} /></div> : null}</> },
        { name: 'Profit', number: true, cell: ({ profit, role }) => (profit === null && role === 'entry' ? null : <Money value={profit} currency={currency} signed why="not told" />) },
        { name: 'Deal', wide: true, cell: ({ brokerDealId }) => <code>{brokerDealId}</code> },
      ]} />
    )}</Fresh>
  );
}
