import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Rate } from '../instruments/rates.js';
import { canonicalSymbol, currencyPair } from '../instruments/canonical-symbol.js';
import type { Held } from './gate/gate-input.js';
import { HELD, HELD_JSON, RATES, timeOf } from './gate/held.sql.js';

export interface QuotedRate {
  symbol: string;
  /** Of a coin, as its instrument says; else the symbol does. */
  base?: string | null;
  quote?: string | null;
  mid: string;
  asOf: string;
}

export interface BookRow {
  seq: number;
  account_id: string;
  name: string;
  currency: string;
  execution_mode: 'simulation' | 'paper' | 'live';
  now: string;
  held: Held[];
  rates: QuotedRate[];
}

@Injectable()
export class ExposureRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Books of these accounts that hold something or in which an agent works, with what they hold. */
  books(accountSeqs: readonly number[], mode: string | null, tx: Tx = this.dataSource.manager): Promise<BookRow[]> {
    return tx.sql`
      select b.seq, b.id as account_id, b.name, b.currency, m.mode as execution_mode, ${() => timeOf('app_clock()')} as now, held.held,
        (${() => RATES('b.id')}) as rates
      from accounts b cross join (values ('simulation'), ('paper'), ('live')) as m (mode)
        cross join lateral (with h as materialized (${() => HELD('b.id', 'm.mode')}) select (${() => HELD_JSON('h', 'b.id')}) as held) held
      where b.seq = any(${accountSeqs}::bigint[]) and (${mode}::text is null or m.mode = ${mode}::text)
        and (held.held <> '[]' or exists (select 1 from agents a where a.account_id = b.id and a.mode = m.mode and a.retired_at is null))
      order by b.seq, m.mode`;
  }

  /** Accounts with such a book, oldest first. */
  async inUse(tx: Tx, limit: number): Promise<number[]> {
    const rows = await tx.sql<{ seq: number }[]>`
      select seq from accounts where id in (select account_id from agents where retired_at is null union select account_id from trades where finished_at is null
        union select account_id from reservations where ended_at is null) order by seq limit ${limit}`;
    return rows.map(({ seq }) => seq);
  }

  accounts(accountId: string | null, after: string | undefined, limit: number): Promise<{ seq: number }[]> {
    return this.dataSource.sql`select seq from accounts where (${accountId}::uuid is null or id = ${accountId}::uuid) and seq > ${after ?? 0}::bigint order by seq limit ${limit + 1}`;
  }

  async accountOfAgent(agentId: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }
}

export const ratesOf = (rows: readonly QuotedRate[]): Rate[] => rows.flatMap(({ symbol, base, quote, mid, asOf }) => {
  if (base != null && quote != null) return [{ from: base, to: quote, rate: mid, asOf }];
  const canonical = canonicalSymbol(symbol);
  const pair = canonical?.exchange === null ? currencyPair(canonical.symbol) : null;
  return pair ? [{ from: pair.base, to: pair.quote, rate: mid, asOf }] : [];
});
