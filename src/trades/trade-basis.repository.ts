import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import { canonicalSymbol } from '../instruments/canonical-symbol.js';
import type { FigureTerms } from '../instruments/figures.js';
import { type Fill, figuresOf, type Told, type TradeFigures } from './trade-figures.js';
import { pointValueOf, type Priced } from './trade-money.js';

/** What a trade's figures need of it. */
export interface Figured extends Priced {
  id: string;
  account_id: string;
  product: string | null;
  direction: 'long' | 'short';
  lot_size: string;
  origin: 'gated' | 'ungated' | 'external' | 'imported';
}

export interface MarkExtremes {
  mark_high: string | null;
  mark_high_at: string | null;
  mark_low: string | null;
  mark_low_at: string | null;
}

/** Where the marks of a trade count. Nulls: before an entry nowhere, without an exit without end. */
export interface Window {
  entry_time: string | null;
  exit_time: string | null;
}

const NO_EXTREMES: MarkExtremes = { mark_high: null, mark_high_at: null, mark_low: null, mark_low_at: null };

const FILL = 'broker_deal_id, role, price, size, profit, commission, swap, fee, requested_price, exit_reason, filled_at';

/** What the figures of a trade are made of: its fills, its instrument's terms, its marks. The trade must be locked. */
@Injectable()
export class TradeBasis {
  async figures(tx: Tx, trade: Figured, told: Told, hasFills: boolean): Promise<TradeFigures> {
    const fills = hasFills ? await this.fills(tx, trade.id) : [];
    // Before an entry no figure is made.
    const isIdle = fills.length === 0 && told.entry_time === null;
    return figuresOf(told, fills, { direction: trade.direction, lotSize: trade.lot_size, external: trade.origin === 'external' }, isIdle ? () => null : await this.pointValue(tx, trade));
  }

  private fills(tx: Tx, tradeId: string): Promise<Fill[]> {
    return tx.sql`select ${() => FILL} from trade_fills where trade_id = ${tradeId}`;
  }

  /** The terms of its product, or those of the symbol whatever the product. */
  private async pointValue(tx: Tx, trade: Figured) {
    const { symbol = '', exchange = null } = canonicalSymbol(trade.symbol, trade.exchange) ?? {};
    const [found] = await tx.sql<{ currency: string; terms: FigureTerms | null }[]>`
      select a.currency, case when i.id is not null then jsonb_build_object('kind', i.kind, 'contractSize', i.contract_size::text, 'tickSize', i.tick_size::text,
        'tickValue', i.tick_value::text, 'tickValueCurrency', i.tick_value_currency, 'baseCurrency', i.base_currency, 'quoteCurrency', i.quote_currency,
        'underlying', i.underlying) end as terms
      from accounts a left join lateral (
        select * from instruments where account_id = a.id and symbol = ${symbol} and exchange is not distinct from ${exchange}::text
          and (product is null or product = ${trade.product}::text)
        order by product nulls last limit 1
      ) i on true where a.id = ${trade.account_id}`;
    if (!found) throw new Error('the account of a trade was not there');
    return pointValueOf({ ...trade, symbol: symbol || trade.symbol }, found.terms, found.currency);
  }

  /**
   * The extremes of the marks in a window. An extreme that is known and lies in it stays, so that marks which were
   * removed since never narrow it; one that lies outside does not count any more.
   */
  async extremes(tx: Tx, trade: Figured, window: Window, known: MarkExtremes): Promise<MarkExtremes> {
    const { entry_time: from, exit_time: to } = window;
    if (from === null) return NO_EXTREMES;
    const isInside = (at: string | null) => at !== null && Date.parse(at) >= Date.parse(from) && (to === null || Date.parse(at) <= Date.parse(to));
    const high = isInside(known.mark_high_at) ? known : NO_EXTREMES;
    const low = isInside(known.mark_low_at) ? known : NO_EXTREMES;
    const [row] = await tx.sql<MarkExtremes[]>`
      with inside as (
        select ${() => (trade.direction === 'long' ? 'bid' : 'ask')} as price, quoted_at from trade_marks
        where trade_id = ${trade.id} and quoted_at >= ${from}::timestamptz and (${to}::timestamptz is null or quoted_at <= ${to}::timestamptz)
        union all select ${high.mark_high}::numeric, ${high.mark_high_at}::timestamptz where ${high.mark_high}::numeric is not null
        union all select ${low.mark_low}::numeric, ${low.mark_low_at}::timestamptz where ${low.mark_low}::numeric is not null
      ), highest as (select price, quoted_at from inside order by price desc, quoted_at limit 1),
      lowest as (select price, quoted_at from inside order by price, quoted_at limit 1)
      select h.price as mark_high, h.quoted_at as mark_high_at, l.price as mark_low, l.quoted_at as mark_low_at from highest h cross join lowest l`;
    return row ?? NO_EXTREMES;
  }
}
