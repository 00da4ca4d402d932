import type { DataSource } from 'typeorm';
import type { EXECUTION_MODES } from '../../trades/trade-fields.js';

export interface OurBook {
  accountId: string;
  mode: (typeof EXECUTION_MODES)[number];
}

/** The fills that one deal of the broker is; a reversal is two. */
export interface OurDeal {
  deal_id: string;
  at: string;
  symbol: string;
  broker_symbol: string | null;
  /** `buy`, `sell`; both where our fills contradict each other. */
  side: string;
  roles: ('entry' | 'exit')[];
  size: string;
  /** Several, with commas, where they differ. */
  price: string;
  /** Null: of an exit not known. */
  profit: string | null;
  commission: string;
  fee: string;
  swap: string;
  trade_ids: string[];
}

export interface OurFlow {
  id: string;
  deal_id: string | null;
  at: string;
  kind: string;
  amount: string;
}

const DEAL = `f.broker_deal_id as deal_id, min(f.filled_at) as at, min(t.symbol) as symbol, min(t.broker_symbol) as broker_symbol,
  string_agg(distinct case when (f.role = 'entry') = (t.direction = 'long') then 'buy' else 'sell' end, '+') as side, array_agg(distinct f.role) as roles,
  trim_scale(sum(f.size))::text as size, string_agg(distinct trim_scale(f.price)::text, ', ') as price,
  case when count(*) filter (where f.role = 'exit' and f.profit is null) = 0 then trim_scale(coalesce(sum(f.profit), 0))::text end as profit,
  trim_scale(coalesce(sum(f.commission), 0))::text as commission, trim_scale(coalesce(sum(f.fee), 0))::text as fee, trim_scale(coalesce(sum(f.swap), 0))::text as swap,
  array_agg(distinct f.trade_id) as trade_ids`;

/** What is stored of a book, for who compares it. */
export class OursRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Modes in which the account has fills; without any those of its agents. */
  async modes(accountId: string): Promise<OurBook['mode'][]> {
    const rows = await this.dataSource.sql<{ mode: OurBook['mode']; filled: boolean }[]>`
      select m.mode, exists (select from fills f where f.account_id = ${accountId} and f.execution_mode = m.mode) as filled
      from unnest(array['live','paper','simulation']) m (mode)
      where exists (select from fills f where f.account_id = ${accountId} and f.execution_mode = m.mode) or exists (select from agents a where a.account_id = ${accountId} and a.mode = m.mode)`;
    const filled = rows.filter((row) => row.filled);
    return (filled.length > 0 ? filled : rows).map(({ mode }) => mode);
  }

  within({ accountId, mode }: OurBook, from: string, to: string, most: number): Promise<OurDeal[]> {
    return this.dataSource.sql`
      select ${() => DEAL} from trade_fills f join trades t on t.id = f.trade_id
      where f.account_id = ${accountId} and f.execution_mode = ${mode} and f.filled_at >= ${from}::timestamptz and f.filled_at < ${to}::timestamptz
      group by f.book_id, f.broker_deal_id order by min(f.filled_at), f.broker_deal_id limit ${most}`;
  }

  /** Whenever they were. */
  byIds({ accountId, mode }: OurBook, dealIds: readonly string[]): Promise<OurDeal[]> {
    return this.dataSource.sql`
      select ${() => DEAL} from trade_fills f join trades t on t.id = f.trade_id
      where f.account_id = ${accountId} and f.execution_mode = ${mode} and f.broker_deal_id = any(${dealIds}::text[]) group by f.book_id, f.broker_deal_id`;
  }

  /** Of the account, in whatever mode. */
  flows(accountId: string, from: string, to: string, dealIds: readonly string[]): Promise<OurFlow[]> {
    return this.dataSource.sql`
      select id, broker_deal_id as deal_id, at, kind, trim_scale(amount)::text as amount from account_cash_flows
      where account_id = ${accountId} and ((at >= ${from}::timestamptz and at < ${to}::timestamptz) or broker_deal_id = any(${dealIds}::text[])) order by at, seq`;
  }

  /** What the account's broker calls its instruments. */
  async symbols(accountId: string): Promise<Map<string, Set<string>>> {
    const rows = await this.dataSource.sql<{ broker_symbol: string; symbol: string }[]>`
      select distinct broker_symbol, symbol from instruments where account_id = ${accountId} and broker_symbol is not null`;
    return new Map([...Map.groupBy(rows, (row) => row.broker_symbol)].map(([name, listed]) => [name, new Set(listed.map(({ symbol }) => symbol))]));
  }
}
