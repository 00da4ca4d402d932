import { useList } from '../../../api/queries.js';
import { DataTable } from '../../../kit/data-table.js';
import { Figure, Mode, Money, Amount } from '../../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../../kit/panel.js';
import { Age } from '../../../kit/time.js';
import { AgentLink } from '../../../shared/names.js';
import type { ItemOf } from '../../../api/queries.js';
import { Link } from 'wouter';
import { Against, whyOf } from './against.js';
import css from './exposure.module.css';

type Book = ItemOf<'/api/v1/risk/exposure'>;

/** What is held and reserved, of each account in each mode, against its limits. Nothing is added over accounts. */
export function ExposureTab() {
  const { query, rows } = useList('/api/v1/risk/exposure');
  return (
    <Fresh query={query}>
      {() => (
        <div className="stack">
          {rows.length === 0 ? <Panel title="Exposure"><Empty>Nothing is held and nothing is reserved. Positions and openings under way are shown here, each account by itself.</Empty></Panel> : null}
          {rows.map((book) => <BookPanel key={`${book.accountId}-${book.executionMode}`} book={book} />)}
          {query.hasNextPage ? <button type="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</button> : null}
        </div>
      )}
    </Fresh>
  );
}

function BookPanel({ book }: { book: Book }) {
  const { account, executionMode, currency, limits } = book;
  const why = whyOf(book.unknown);
  const underlyings = Object.entries(book.netByUnderlying ?? {});
  return (
    <Panel title={`${account}, ${executionMode === 'live' ? 'LIVE' : executionMode}`} actions={<><Mode mode={executionMode} /><span className="quiet small"><Age at={book.at} /></span></>}>
      {book.unknown.length > 0 ? <ul className="doubt small">{book.unknown.map(({ code, detail }) => <li key={code + detail}>▲ {detail} <code>{code}</code></li>)}</ul> : null}
      <div className={css.figures}>
        <div><Figure name="Open risk, to the stops"><Money value={book.openRisk} currency={currency} why={why} /></Figure><Against name="Open risk" value={book.openRisk} bounds={limits.maxOpenRiskAmount} currency={currency} />
          <p className="small quiet">of it reserved: <Money value={book.reservedRisk} currency={currency} why={why} /></p></div>
        <div><Figure name="Gross exposure"><Money value={book.grossNotional} currency={currency} why={why} /></Figure><Against name="Gross exposure" value={book.grossNotional} bounds={limits.maxGrossExposureAmount} currency={currency} /></div>
        <div><Figure name="Trades and openings under way"><Amount value={book.trades + book.reservations} /></Figure><Against name="Trades" value={String(book.trades + book.reservations)} bounds={limits.maxConcurrentTrades} currency={null} />
          <p className="small quiet">{book.trades} open, {book.reservations} reserved</p></div>
      </div>
      <div className="grid2">
        <Panel title="By currency, net" level={3}>
          {book.netByCurrency === null ? <Money value={null} why={why} /> : (
            <DataTable label="Net by currency" rows={Object.entries(book.netByCurrency)} rowKey={([code]) => code} empty="No currency is exposed." columns={[
              { name: 'Currency', cell: ([code]) => code }, { name: `Net, in ${currency}`, number: true, cell: ([, net]) => <Money value={net} currency={currency} /> },
              { name: 'Limit', cell: ([code, net]) => <Against name={`Net ${code}`} value={net} bounds={limits.maxNetCurrencyExposureAmount} currency={currency} /> },
            ]} />
          )}
          {underlyings.length > 0 ? <p className="small quiet">By underlying: {underlyings.map(([name, net]) => <span key={name} className="nowrap">{name} <Money value={net} currency={currency} />; </span>)}</p> : null}
        </Panel>
        <Panel title="By symbol" level={3}>
          <DataTable label="By symbol" rows={book.symbols} rowKey={({ symbol, exchange }) => `${exchange}:${symbol}`} empty="No symbol is held." columns={[
            { name: 'Symbol', cell: ({ symbol, exchange }) => <>{exchange ? `${exchange}:` : ''}{symbol}{book.assumed.includes(symbol) ? <span className="doubt small"> ▲ terms assumed</span> : null}</> },
            { name: 'Trades', number: true, cell: ({ trades, reservations }) => `${trades}${reservations > 0 ? ` + ${reservations}` : ''}` },
            { name: 'Limit', cell: ({ symbol, trades, reservations }) => <Against name={`Trades of ${symbol}`} value={String(trades + reservations)} bounds={limits.maxTradesPerSymbol} currency={null} /> },
            { name: 'Open risk', number: true, cell: ({ openRisk, unknown }) => <Money value={openRisk} currency={currency} why={whyOf(unknown)} /> },
            { name: 'Gross', number: true, wide: true, cell: ({ grossNotional, unknown }) => <Money value={grossNotional} currency={currency} why={whyOf(unknown)} /> },
          ]} />
        </Panel>
      </div>
      <Panel title="Positions and reservations" level={3}>
        <DataTable label="Positions and reservations" rows={book.held} rowKey={({ kind, id }) => kind + id} empty="Nothing is held." tone={({ stop }) => (stop === null ? 'doubt' : undefined)} columns={[
          { name: 'What', cell: ({ kind, id, external }) => (kind === 'trade' ? <Link href={`/trades/${id}`}>{external ? 'external position' : 'trade'}</Link> : <Link href={`/why/${id}`}>reservation</Link>) },
          { name: 'Symbol', cell: ({ symbol, direction, outcome }) => <>{symbol} {outcome ?? direction}</> },
          { name: 'Size', number: true, cell: ({ size }) => <Amount value={size} /> },
          { name: 'Entry', number: true, wide: true, cell: ({ entryPrice }) => <Amount value={entryPrice} why="no entry was told" /> },
          { name: 'Now', number: true, wide: true, cell: ({ markPrice }) => <Amount value={markPrice} why="no price was told" /> },
          { name: 'Stop', number: true, cell: ({ stop }) => (stop === null ? <span className="doubt">▲ none</span> : <Amount value={stop} />) },
          { name: 'Agent', wide: true, cell: ({ agentId }) => <AgentLink id={agentId} /> },
        ]} />
      </Panel>
    </Panel>
  );
}
