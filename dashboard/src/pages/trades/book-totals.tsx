import { useGet } from '../../api/queries.js';
import { DataTable } from '../../kit/data-table.js';
import { Amount, Mode, Money, Percent } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { short } from '../../shared/ratio.js';

/** What came of them, a line for each book: sums over currencies or modes would be of nothing. */
export function BookTotals({ query: asked }: { query: Record<string, string> }) {
  const query = useGet('/api/v1/trades/stats', { query: asked as never });
  return (
    <Panel title="Closed in this time, by book">
      <p className="small quiet">By the time of the exit; each account in each mode for itself, in its own currency.</p>
      <Fresh query={query}>{({ items }) => (
        <DataTable label="Totals by book" rows={items} rowKey={({ accountId, executionMode }) => `${accountId} ${executionMode}`} empty="Nothing was closed in this time." columns={[
          { name: 'Book', cell: ({ account, executionMode }) => <span className="row">{account} <Mode mode={executionMode} /></span> },
          { name: 'Closed', number: true, cell: ({ closedTrades }) => <Amount value={closedTrades} /> },
          { name: 'Won', number: true, wide: true, cell: ({ wins, winRate }) => <><Amount value={wins} /> <span className="quiet small">{winRate === null ? '' : <>· <Percent fraction={short(winRate)} /></>}</span></> },
          { name: 'Net profit', number: true, cell: ({ netProfit, currency }) => <Money value={netProfit} currency={currency} signed why="no profit of these is known" /> },
          { name: 'Costs', number: true, wide: true, cell: ({ costs, currency }) => <Money value={costs} currency={currency} why="no profit of these is known" /> },
          { name: 'Profit not known', number: true, cell: ({ unpricedTrades }) => (unpricedTrades === 0 ? <Amount value={0} /> : <span className="doubt">▲ {unpricedTrades}</span>) },
        ]} />
      )}</Fresh>
    </Panel>
  );
}
