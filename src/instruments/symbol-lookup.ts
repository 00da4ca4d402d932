import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { canonicalSymbol, currencyPair, symbolKey } from './canonical-symbol.js';
import type { InstrumentKind } from './terms.js';

/** What a sender calls an instrument, and what it is here. */
export interface NamedInstrument {
  symbol: string;
  exchange: string | null;
  /** As it was told; null where that is the symbol. */
  brokerSymbol: string | null;
}

/** The symbol of what no list of instruments knows, as one text with its exchange. */
export const symbolOf = (told: string): string => {
  const canonical = canonicalSymbol(told);
  return canonical === null ? told : symbolKey(canonical);
};

/**
 * SQL of the symbol under which the account itself lists what its broker calls so; null without one, and where the name
 * stands for several. Operands are SQL written in the code, never input.
 */
export const listedSymbol = (account: string, told: string, exchange = 'null::text') => `
  (select min(i.symbol) from instruments i where i.account_id = ${account} and i.broker_symbol = ${told} and (${exchange} is null or i.exchange = upper(${exchange}))
   having count(distinct i.symbol) = 1)`;

/** One instrument under one symbol, however its broker spells it (trading-rules 1.2). The account's own list decides first. */
@Injectable()
export class SymbolLookup {
  constructor(private readonly dataSource: DataSource) {}

  /** What the account lists it as, or what its symbol says; null: nobody knows, or not one kind. */
  async kindOf(tx: Tx, accountId: string, { symbol, exchange }: Pick<NamedInstrument, 'symbol' | 'exchange'>): Promise<InstrumentKind | null> {
    const [row] = await tx.sql<{ kind: InstrumentKind | null }[]>`select min(kind) as kind from instruments
      where account_id = ${accountId} and symbol = ${symbol} and (${exchange}::text is null or exchange = upper(${exchange}::text)) having count(distinct kind) = 1`;
    // What an exchange calls by the name of a pair may be a future on it.
    return row?.kind ?? (exchange === null && currencyPair(symbol) !== null ? 'fx' : null);
  }

  /** @param exchange where it was said beside the symbol, in any case */
  async named(tx: Tx, accountId: string, told: string, exchange: string | null): Promise<NamedInstrument> {
    const [row] = await tx.sql<{ listed: string | null }[]>`select ${() => listedSymbol('a.id', 'a.told', 'a.exchange')} as listed
      from (select ${accountId}::uuid as id, ${told}::text as told, ${exchange}::text as exchange) a`;
    const canonical = canonicalSymbol(told, exchange === null ? null : exchange.toUpperCase());
    const symbol = row?.listed ?? canonical?.symbol ?? told;
    return { symbol, exchange: exchange ?? (row?.listed == null ? (canonical?.exchange ?? null) : null), brokerSymbol: symbol === told ? null : told };
  }

  /**
   * Under what an instrument may be stored that a reader calls so: as written, in its one spelling, and as it is listed by
   * the account of this agent, or (null) by any: what two accounts call GOLD may be two instruments.
   */
  async spellings(agentId: string | null, written: string): Promise<string[]> {
    const listed: { symbol: string }[] = await this.dataSource.sql`
      select distinct symbol from instruments
      where broker_symbol = ${written} and (${agentId}::uuid is null or account_id = (select account_id from agents where id = ${agentId}::uuid))
      order by symbol limit 20`;
    return [...new Set([written, symbolOf(written), canonicalSymbol(written)?.symbol ?? written, ...listed.map(({ symbol }) => symbol)])];
  }
}
