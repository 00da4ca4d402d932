import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { isZero } from '../../../kit/decimal.js';
import { Mode, Money } from '../../../kit/figures.js';
import { Fresh, Panel } from '../../../kit/panel.js';

/** Trading days, from rollover to rollover, each mode by itself. */
export function Days({ id }: { id: string }) {
  const { query, rows } = useList('/api/v1/accounts/{accountId}/days', { path: { accountId: id } });
  return (
    <Panel title="Trading days">
      <Fresh query={query}>
        {() => (
          <DataTable label="Trading days" rows={rows} rowKey={({ day, executionMode }) => day + executionMode} more={query} empty="No day has begun: nothing was reported yet."
            tone={({ unexplained }) => (unexplained !== null && !isZero(unexplained) ? 'doubt' : undefined)} columns={[
              { name: 'Day', cell: ({ day, estimated, closedAt }) => <>{day}{closedAt === null ? <span className="small quiet"> open</span> : null}{estimated ? <span className="small doubt"> ▲ estimated</span> : null}</> },
              { name: 'Mode', cell: ({ executionMode }) => <Mode mode={executionMode} /> },
              { name: 'Began with', number: true, wide: true, cell: ({ openingEquity, currency }) => <Money value={openingEquity} currency={currency} why="nobody said" /> },
              { name: 'Lowest', number: true, wide: true, cell: ({ lowestEquity, currency }) => <Money value={lowestEquity} currency={currency} why="nobody said" /> },
              { name: 'Last', number: true, cell: ({ lastEquity, currency }) => <Money value={lastEquity} currency={currency} why="nobody said" /> },
              { name: 'Realised', number: true, cell: ({ realisedProfit, currency }) => <Money value={realisedProfit} currency={currency} signed /> },
              { name: 'In and out', number: true, wide: true, cell: ({ netCashFlows, currency }) => <Money value={netCashFlows} currency={currency} /> },
              { name: 'Unexplained', number: true, wide: true, cell: ({ unexplained, currency }) => <Money value={unexplained} currency={currency} why="a balance is not known" /> },
            ]} />
        )}
      </Fresh>
    </Panel>
  );
}
