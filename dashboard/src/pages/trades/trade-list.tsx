import { Link } from 'wouter';
import { useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { written } from '../../kit/decimal.js';
import { Amount, Light, Mode, Money } from '../../kit/figures.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { Time } from '../../kit/time.js';
import { dayWindow } from '../../shared/day-window.js';
import { AccountName, AgentLink, useAccounts } from '../../shared/names.js';
import { BookTotals } from './book-totals.js';
import { CsvExport } from './csv-export.js';
import { short } from '../../shared/ratio.js';
import { TradeFilters } from './trade-filters.js';
import { profitUnknown, statusTone, type Trade, whatOf } from './trade-words.js';

export function TradeList() {
  const [accountId] = useFilter('account');
  const [agentId] = useFilter('agent');
  const [executionMode] = useFilter('mode');
  const [status] = useFilter('status');
  const [symbol] = useFilter('symbol');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const asked = { ...given({ accountId, agentId, executionMode, status, symbol }), ...dayWindow(from, to) } as Record<string, string>;
  const isFiltered = Object.keys(asked).length > 0;
  const { query, rows } = useList('/api/v1/trades', { query: { ...asked, limit: 100 } as never });
  const accounts = useAccounts();
  return (
    <>
      <TradeFilters names={['account', 'agent', 'mode', 'status', 'symbol', 'from', 'to']} of="entry" />
      <Panel title="Trades, newest first" actions={<CsvExport query={asked} />}>
        <Fresh query={query}>{() => (
          <DataTable
            label="Trades" rows={rows} rowKey={({ id }) => id} more={query} columns={columnsOf((id) => accounts.find((account) => account.id === id)?.currency)} tone={({ status: is, missingSince }) => (is === 'unknown' || missingSince ? 'danger' : undefined)}
            empty={isFiltered
              ? <>No trade matches these filters. <Link href="/trades">Show all trades</Link></>
              : <>There is no trade yet. An agent’s first one appears here by itself; <Link href="/start">the first run</Link> shows how to get there.</>}
          />
        )}</Fresh>
      </Panel>
      {status === '' || status === 'closed' ? <BookTotals query={{ ...given({ accountId, agentId, executionMode, symbol }), ...dayWindow(from, to) }} /> : null}
    </>
  );
}

const columnsOf = (currencyOf: (accountId: string) => string | undefined): Column<Trade>[] => [
  { name: 'Trade', cell: (trade) => <Link href={`/trades/${trade.id}`}>{whatOf(trade)}</Link> },
  { name: 'Entered', wide: true, cell: ({ entryTime, createdAt }) => (entryTime ? <Time at={entryTime} /> : <span className="quiet" title="recorded then, and not entered">(<Time at={createdAt} />)</span>) },
  {
    name: 'Status', cell: (trade) => (
      <>
        <Light tone={statusTone(trade)}>{trade.status}</Light>
        {trade.missingSince ? <div className="danger small">not at the broker since <Time at={trade.missingSince} /></div> : null}
        {trade.origin === 'gated' ? null : <div className="doubt small">▲ {trade.origin}</div>}
      </>
    ),
  },
  { name: 'Book', cell: ({ accountId, executionMode }) => <span className="row"><AccountName id={accountId} /> <Mode mode={executionMode} /></span> },
  { name: 'Agent', wide: true, cell: ({ agentId }) => <AgentLink id={agentId} /> },
  { name: 'Size', number: true, wide: true, cell: ({ lotSize }) => <Amount value={lotSize} /> },
  { name: 'Entry', number: true, wide: true, cell: ({ entryPrice }) => <Amount value={entryPrice} why="not entered, or not told" /> },
  { name: 'Exit', number: true, wide: true, cell: (trade) => <><Amount value={trade.exitPrice} why="not closed, or not told" />{trade.exitReason ? <div className="quiet small">{trade.exitReason}</div> : null}</> },
  { name: 'Net profit', number: true, cell: (trade) => <Money value={trade.netProfit} currency={currencyOf(trade.accountId)} signed why={profitUnknown(trade)} /> },
  { name: 'R', number: true, wide: true, cell: ({ rMultiple }) => (rMultiple === null ? <Amount value={null} why="no stop at the entry, or no profit known" /> : <span title={rMultiple}>{written(short(rMultiple, 2), { sign: true })}</span>) },
];

