import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Amount, Money } from '../../../kit/figures.js';
import { Fresh } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import type { Trade } from '../trade-words.js';

/** Prices that were seen while it was held: what exit rules judge by. */
export function Marks({ trade: { id }, currency }: { trade: Trade; currency: string | undefined }) {
  const { query, rows } = useList('/api/v1/trades/{tradeId}/marks', { path: { tradeId: id }, query: { limit: 50 } });
  return (
    <Fresh query={query}>{() => (
      <DataTable label="Marks" rows={rows} rowKey={({ quotedAt }) => quotedAt} more={query} empty="No marks were told. Without them no exit rule can be judged, and what went against it is known by its fills alone." columns={[
        { name: 'Quoted', cell: ({ quotedAt }) => <Time at={quotedAt} /> },
        { name: 'Bid', number: true, cell: ({ bid }) => <Amount value={bid} /> },
        { name: 'Ask', number: true, cell: ({ ask }) => <Amount value={ask} /> },
        { name: 'Floating', number: true, cell: ({ floatingProfit }) => <Money value={floatingProfit} currency={currency} signed why="not told" /> },
        { name: 'Probability', number: true, wide: true, cell: ({ probability }) => <Amount value={probability} why="not told" /> },
        { name: 'Momentum', number: true, wide: true, cell: ({ momentum }) => <Amount value={momentum} why="not told" /> },
      ]} />
    )}</Fresh>
  );
}
