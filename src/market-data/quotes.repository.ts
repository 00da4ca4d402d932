import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf } from '../database/newest-first.js';
import { Merged } from '../database/merged.js';
import { inside, type Run, type Statement, Statements } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';

export interface QuoteRow {
  seq: number;
  account_id: string;
  symbol: string;
  bid: string;
  ask: string;
  quoted_at: string;
  received_at: string;
}

export interface SentQuote {
  /** Null: a person sends it. */
  agentId: string | null;
  /** Null: of the agent's account. */
  accountId: string | null;
  symbol: string;
  bid: string;
  ask: string;
  quotedAt: string;
}

interface TakenRow {
  n: number;
  known: boolean;
  stored: boolean;
}

/** Quotes may be two minutes ahead of this process's clock, which may be off from the database's. */
const AHEAD_MOST = '5 minutes';

/**
 * The newest of each account and symbol, unless what is there is as new; two agents of an account may send the same
 * symbol at once, and a statement touches a row once. A quote that lies ahead of the clock, which was set back then, is
 * no longer newer than all others. Rows are taken in order, so that instances lock in one.
 */
const TAKE: Statement = {
  name: 'quotes',
  text: `
    with asked as materialized (
      select q.n, q.agent, q.symbol, q.bid, q.ask, q.quoted_at, coalesce(a.account_id, c.id) as account
      from jsonb_to_recordset($1::jsonb) as q (n int, agent uuid, account uuid, symbol text, bid numeric, ask numeric, quoted_at timestamptz)
        left join agents a on a.id = q.agent and (q.account is null or q.account = a.account_id)
        left join accounts c on c.id = q.account and q.agent is null
    ), newest as (
      select distinct on (account, symbol) * from asked where account is not null order by account, symbol, quoted_at desc, n desc
    ), stored as (
      insert into quotes as s (account_id, symbol, agent_id, bid, ask, quoted_at, received_at)
      select account, symbol, agent, bid, ask, quoted_at, clock.at from newest, (select app_clock() as at) clock order by account, symbol
      on conflict (account_id, symbol) do update
      set agent_id = excluded.agent_id, bid = excluded.bid, ask = excluded.ask, quoted_at = excluded.quoted_at, received_at = excluded.received_at
      where excluded.quoted_at > s.quoted_at or s.quoted_at > excluded.received_at + interval '${AHEAD_MOST}'
      returning account_id, symbol
    )
    select q.n, q.account is not null as known, s.symbol is not null as stored
    from asked q left join newest w on w.n = q.n left join stored s on s.account_id = w.account and s.symbol = w.symbol`,
};

@Injectable()
export class QuotesRepository {
  private readonly merged = new Merged((asks: readonly SentQuote[]) => this.takeAll(asks), {
    keyOf: ({ agentId, accountId, symbol }) => `${accountId} ${agentId} ${symbol}`,
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  /** Whether it was stored; null when the account is none that the sender may tell of. */
  take(quote: SentQuote): Promise<boolean | null> {
    return this.merged.do(quote);
  }

  /** The same in a transaction: all in one statement, and so in one order. */
  takeWithin(tx: Tx, quotes: readonly SentQuote[]): Promise<(boolean | null)[]> {
    return this.takeAll(quotes, inside(tx));
  }

  private async takeAll(asks: readonly SentQuote[], run: Run = this.statements.run): Promise<(boolean | null)[]> {
    const items = asks.map(({ agentId, accountId, symbol, bid, ask, quotedAt }, n) => ({ n, agent: agentId, account: accountId, symbol, bid, ask, quoted_at: quotedAt }));
    const taken: (boolean | null)[] = asks.map(() => null);
    for (const { n, known, stored } of await run<TakenRow>(TAKE, [JSON.stringify(items)])) taken[n] = known ? stored : null;
    return taken;
  }

  async accountOf(agentId: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  /** In the order in which their symbols first came. */
  list(accountId: string | null, symbol: string | undefined, limit: number, cursor: string | undefined): Promise<QuoteRow[]> {
    const lead = leadOf(['account_id', 'symbol'], { account_id: accountId, symbol });
    return this.dataSource.sql`
      select seq, account_id, symbol, bid, ask, quoted_at, received_at from quotes
      where ${() => lead.column} = any(${lead.values}) and (${lead.rest('symbol')}::text is null or symbol = ${lead.rest('symbol')}::text)
        and (${cursor ?? null}::bigint is null or seq < ${cursor ?? null}::bigint)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }
}
