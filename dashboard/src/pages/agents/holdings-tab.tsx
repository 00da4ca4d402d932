import { Link } from 'wouter';
import { type ItemOf, useList } from '../../api/queries.js';
import { DataTable } from '../../kit/data-table.js';
import { Amount, Light, Mode, Money } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Age } from '../../kit/time.js';
import { sideOf } from '../../shared/side.js';

type Position = ItemOf<'/api/v1/positions'>;
type Order = ItemOf<'/api/v1/positions/orders'>;

/** What the broker shows of this agent, as of its last report; the broker is right. */
export function HoldingsTab({ agentId }: { agentId: string }) {
  return (
    <div className="stack">
      <Positions agentId={agentId} />
      <Orders agentId={agentId} />
      <p><Link href={`/trades?agent=${agentId}`}>All trades of this agent</Link></p>
    </div>
  );
}

function What({ row: { symbol, brokerSymbol, direction, outcome, executionMode, tradeId } }: { row: Position | Order }) {
  const words = <>{sideOf({ direction, outcome })} {symbol}</>;
  return <>{tradeId ? <Link href={`/trades/${tradeId}`}>{words}</Link> : words} <Mode mode={executionMode} />{brokerSymbol && brokerSymbol !== symbol ? <div className="small quiet">{brokerSymbol}</div> : null}</>;
}

/** The one thing that is wrong with it, first. */
function Wrong({ row }: { row: Position }) {
  if (row.missingSince) return <Light tone="danger">gone since <Age at={row.missingSince} /></Light>;
  if (row.stopLoss === null) return <Light tone="danger">no stop at the broker</Light>;
  if (row.origin !== 'gated') return <Light tone="doubt">{row.origin === 'external' ? 'opened elsewhere' : 'passed no gate'}</Light>;
  if (row.differsSince) return <Light tone="doubt">differs since <Age at={row.differsSince} /></Light>;
  return <span className="quiet">nothing</span>;
}

function Positions({ agentId }: { agentId: string }) {
  const { query, rows } = useList('/api/v1/positions', { query: { agentId } });
  return (
    <Panel title="Positions">
      <Fresh query={query}>
        {() => (
          <DataTable<Position>
            label="Positions" rows={rows} rowKey={({ id }) => id} more={query} empty="It holds nothing that is known here." tone={({ missingSince }) => (missingSince ? 'danger' : undefined)}
            columns={[
              { name: 'Position', cell: (row) => <What row={row} /> },
              { name: 'Size', number: true, cell: ({ size }) => <Amount value={size} /> },
              { name: 'Wrong', cell: (row) => <Wrong row={row} /> },
              { name: 'Stop', number: true, wide: true, cell: ({ stopLoss }) => (stopLoss ? <Amount value={stopLoss} /> : <Light tone="danger">no stop</Light>) },
              { name: 'Entry', number: true, wide: true, cell: ({ entryPrice }) => <Amount value={entryPrice} /> },
              { name: 'Floating', number: true, wide: true, cell: ({ floatingProfit }) => <Money value={floatingProfit} signed why="it did not tell" /> },
              { name: 'As of', wide: true, cell: ({ asOf }) => <Age at={asOf} /> },
            ]}
          />
        )}
      </Fresh>
    </Panel>
  );
}

function Orders({ agentId }: { agentId: string }) {
  const { query, rows } = useList('/api/v1/positions/orders', { query: { agentId } });
  return (
    <Panel title="Working orders">
      <Fresh query={query}>
        {() => (
          <DataTable<Order>
            label="Orders" rows={rows} rowKey={({ id }) => id} more={query} empty="No order of it is working."
            columns={[
              { name: 'Order', cell: (row) => <What row={row} /> },
              { name: 'Kind', cell: ({ role, type }) => `${role}, ${type}` },
              { name: 'Size', number: true, cell: ({ size }) => <Amount value={size} /> },
              { name: 'Price', number: true, cell: ({ price }) => <Amount value={price} why="a market order has none" /> },
              { name: 'Placed', wide: true, cell: ({ placedAt }) => <Age at={placedAt} never="not told" /> },
              { name: 'As of', wide: true, cell: ({ asOf }) => <Age at={asOf} /> },
            ]}
          />
        )}
      </Fresh>
    </Panel>
  );
}
