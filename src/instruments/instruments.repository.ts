import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { leadOf } from '../database/newest-first.js';
import type { Tx } from '../database/transaction.js';
import type { InstrumentKind, Product, Sessions, Terms } from './terms.js';

export interface InstrumentRow {
  id: string; seq: number; account_id: string; symbol: string; exchange: string | null; product: Product | null; version: number;
  broker_symbol: string; kind: InstrumentKind; size_unit: string; contract_size: string; tick_size: string; tick_value: string;
  tick_value_currency: string | null; min_size: string; size_step: string; max_size: string | null; stop_level: string | null; base_currency: string | null;
  quote_currency: string; underlying: string | null; sessions: Sessions | null; closes_at: string | null; created_at: string; updated_at: string;
}

/** As it is written; a new one and a change alike. */
export type WrittenInstrument = Omit<InstrumentRow, 'seq' | 'created_at' | 'updated_at'>;

export interface VersionRow {
  seq: number; instrument_id: string; version: number; terms: Terms; changed: string[]; reason: string | null; actor: string;
  correlation_id: string | null; recorded_at: string;
}

export type NewVersion = Omit<VersionRow, 'seq' | 'recorded_at'>;

export interface InstrumentFilter {
  /** Null: of all accounts. */
  accountId: string | null;
  symbol?: string | undefined;
  exchange?: string | undefined;
  product?: Product | undefined;
  kind?: InstrumentKind | undefined;
  brokerSymbol?: string | undefined;
}

const TERMS = `broker_symbol, kind, size_unit, contract_size, tick_size, tick_value, tick_value_currency, min_size, size_step, max_size, stop_level,
  base_currency, quote_currency, underlying, sessions, closes_at`;
const WRITTEN = `id, account_id, symbol, exchange, product, version, ${TERMS}`;
const COLUMNS = `${WRITTEN}, seq, created_at, updated_at`;
/** For rows that come as JSON. */
const WRITTEN_TYPES = `id uuid, account_id uuid, symbol text, exchange text, product text, version int, broker_symbol text, kind text, size_unit text,
  contract_size numeric, tick_size numeric, tick_value numeric, tick_value_currency text, min_size numeric, size_step numeric, max_size numeric, stop_level numeric,
  base_currency text, quote_currency text, underlying text, sessions jsonb, closes_at timestamptz`;

/** Columns with an index on (column, seq). */
const LEADS = ['symbol', 'account_id'];

@Injectable()
export class InstrumentsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async accountOf(tx: Tx, agentId: string): Promise<string | null> {
    const [row] = await tx.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  accountOfReader(agentId: string): Promise<string | null> {
    return this.accountOf(this.dataSource.manager, agentId);
  }

  async hasAccount(tx: Tx, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from accounts where id = ${id}`;
    return rows.length > 0;
  }

  /** Uploads of one account one after the other: two that meet would each find the other's instruments missing. */
  async lockList(tx: Tx, accountId: string): Promise<void> {
    await tx.sql`select pg_advisory_xact_lock(hashtextextended('instruments of ' || ${accountId}::text, 0))`;
  }

  /** Those of the account that have one of these symbols, or one of these names at the broker. */
  matching(tx: Tx, accountId: string, symbols: string[], brokerSymbols: string[]): Promise<InstrumentRow[]> {
    return tx.sql`
      select ${() => COLUMNS} from instruments
      where account_id = ${accountId} and (symbol = any(${symbols}) or broker_symbol = any(${brokerSymbols}))`;
  }

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<InstrumentRow | null> {
    const [row] = await tx.sql<InstrumentRow[]>`select ${() => COLUMNS} from instruments where id = ${id}`;
    return row ?? null;
  }

  insert(tx: Tx, instruments: WrittenInstrument[]): Promise<InstrumentRow[]> {
    return tx.sql`
      with made as (
        insert into instruments (${() => WRITTEN})
        select ${() => WRITTEN} from jsonb_to_recordset(${JSON.stringify(instruments)}::jsonb) as item (${() => WRITTEN_TYPES})
        returning ${() => COLUMNS}
      ) select * from made order by seq`;
  }

  update(tx: Tx, instruments: WrittenInstrument[]): Promise<InstrumentRow[]> {
    return tx.sql`
      with changed as (
        update instruments i set (version, ${() => TERMS}, updated_at) = (select item.version, ${() => TERMS.replace(/\w+/g, 'item.$&')}, app_clock())
        from jsonb_to_recordset(${JSON.stringify(instruments)}::jsonb) as item (${() => WRITTEN_TYPES})
        where i.id = item.id
        returning ${() => COLUMNS.replace(/\w+/g, 'i.$&')}
      ) select * from changed order by seq`;
  }

  async addVersions(tx: Tx, versions: NewVersion[]): Promise<void> {
    await tx.sql`
      insert into instrument_versions (instrument_id, version, terms, changed, reason, actor, correlation_id)
      select instrument_id, version, terms, changed, reason, actor, correlation_id
      from jsonb_to_recordset(${JSON.stringify(versions)}::jsonb)
        as item (instrument_id uuid, version int, terms jsonb, changed text[], reason text, actor text, correlation_id text)`;
  }

  /** Newest first. */
  list(filter: InstrumentFilter, limit: number, after: string | undefined): Promise<InstrumentRow[]> {
    const { accountId, symbol, exchange = null, product = null, kind = null, brokerSymbol = null } = filter;
    const lead = leadOf(LEADS, { account_id: accountId, symbol });
    return this.dataSource.sql`
      select ${() => COLUMNS} from instruments
      where ${() => lead.column} = any(${lead.values})
        and (${lead.rest('account_id')}::uuid is null or account_id = ${lead.rest('account_id')}::uuid)
        and (${exchange}::text is null or exchange = ${exchange}::text)
        and (${product}::text is null or product = ${product}::text)
        and (${kind}::text is null or kind = ${kind}::text)
        and (${brokerSymbol}::text is null or broker_symbol = ${brokerSymbol}::text)
        and (${after ?? null}::bigint is null or seq < ${after ?? null}::bigint)
      order by ${() => lead.order} seq desc limit ${limit + 1}`;
  }

  /** Newest first. */
  versions(id: string, limit: number, after: string | undefined): Promise<VersionRow[]> {
    return this.dataSource.sql`
      select seq, instrument_id, version, terms, changed, reason, actor, correlation_id, recorded_at from instrument_versions
      where instrument_id = ${id} and (${after ?? null}::bigint is null or seq < ${after ?? null}::bigint)
      order by seq desc limit ${limit + 1}`;
  }
}
