import { type ItemOf, useGet } from '../../api/queries.js';
import { compareDecimals, leftToOne } from '../../kit/compare.js';
import { Amount, Light, Unknown } from '../../kit/figures.js';
import { Age } from '../../kit/time.js';
import type { Idea } from './words.js';

type Quote = ItemOf<'/api/v1/quotes'>;

/** No event tells of a quote. */
const EVERY_MS = 3_000;

/** What the idea would be filled at: the ask of a long, the bid of a short; of the other outcome of a binary what is left to 1. */
export function sideOf({ direction, outcome }: Pick<Idea, 'direction' | 'outcome'>, { bid, ask }: Pick<Quote, 'bid' | 'ask'>): string | null {
  if (outcome === 'no') return leftToOne(direction === 'long' ? bid : ask);
  return direction === 'long' ? ask : bid;
}

/** The newest quote of its account under any of its names. */
function useQuote(idea: Pick<Idea, 'accountId' | 'symbol' | 'brokerSymbol' | 'exchange'>, enabled = true) {
  const own = useGet('/api/v1/instruments', { query: { accountId: idea.accountId, symbol: idea.symbol } }, { every: 60_000, enabled }).data?.items ?? [];
  const query = useGet('/api/v1/quotes', { query: { accountId: idea.accountId, limit: 500 } }, { every: EVERY_MS, enabled });
  const names = [idea.symbol, idea.brokerSymbol, idea.exchange && `${idea.exchange}:${idea.symbol}`, ...own.map(({ brokerSymbol }) => brokerSymbol)];
  const [quote] = (query.data?.items ?? []).filter(({ symbol }) => names.includes(symbol)).sort((a, b) => Date.parse(b.quotedAt) - Date.parse(a.quotedAt));
  return { quote, error: query.error };
}

export const isInside = (price: string, { low, high }: { low: string; high: string }): boolean => compareDecimals(price, low) >= 0 && compareDecimals(price, high) <= 0;

/** The price that it would get now, how old that is, and whether it lies between the prices that count. */
export function PriceNow({ idea, band }: { idea: Idea; band: { low: string; high: string } | null }) {
  const { quote, error } = useQuote(idea);
  if (!quote) return <Unknown why={error ? error.message : 'there is no quote of this symbol'} />;
  const price = sideOf(idea, quote);
  if (price === null) return <Unknown why="the quote is no price" />;
  return (
    <span>
      <Amount value={price} /> <span className="small quiet"><Age at={quote.quotedAt} /></span>
      {error ? <span className="small doubt"> ▲ not read since: {error.message}</span> : null}
      {band ? <> {isInside(price, band) ? <Light tone="good">inside</Light> : <Light tone="doubt">outside</Light>}</> : null}
    </span>
  );
}

export const Band = ({ band }: { band: { low: string; high: string } | null }) => (band ? <span className="nowrap"><Amount value={band.low} /> to <Amount value={band.high} /></span> : <Unknown why="nobody knew a price" />);
