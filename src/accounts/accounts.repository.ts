import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';

export const ACCOUNT_KINDS = ['live', 'demo', 'paper'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];
export const MARGIN_MODES = ['hedging', 'netting', 'exchange'] as const;
export type MarginMode = (typeof MARGIN_MODES)[number];

export interface AccountRow {
  id: string;
  seq: number;
  name: string;
  kind: AccountKind;
  currency: string;
  margin_mode: MarginMode;
  broker: string | null;
  server: string | null;
  login_masked: string | null;
  /** Hex SHA-256 of `server:login`; the login itself is stored nowhere. */
  login_hash: string | null;
  /** As the database spells it. */
  zone: string;
  /** When the trading day begins in that zone: `HH:MM`. */
  rollover: string;
  initial_balance: string | null;
  created_at: string;
  updated_at: string;
}

export type NewAccount = Omit<AccountRow, 'seq' | 'created_at' | 'updated_at'>;

export interface AccountFilter {
  /** An agent key sees this one only. */
  id?: string | undefined;
  name?: string | undefined;
  kind?: AccountKind | undefined;
}

const COLUMNS = `id, seq, name, kind, currency, margin_mode, broker, server, login_masked, login_hash, zone, to_char(rollover, 'HH24:MI') as rollover,
  initial_balance, created_at, updated_at`;

/** Beside the zones there are copies of them, one kind with leap seconds, and names that mean whatever the machine is set to. */
const NO_ZONES = `lower(name) not like 'posix/%' and lower(name) not like 'right/%' and lower(name) not in ('localtime', 'posixrules', 'factory')`;

@Injectable()
export class AccountsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async byId(id: string, tx: Tx = this.dataSource.manager): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`select ${() => COLUMNS} from accounts where id = ${id}`;
    return row ?? null;
  }

  /** Taken first by everything that changes an account, its cash flows or which days it has. */
  async lock(tx: Tx, id: string): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`select ${() => COLUMNS} from accounts where id = ${id} for no key update`;
    return row ?? null;
  }

  /** Held to the end of the transaction: an agent that is being put on it must not meet a change of its kind. */
  async shareByName(tx: Tx, name: string): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`select ${() => COLUMNS} from accounts where name = ${name} for share`;
    return row ?? null;
  }

  list(filter: AccountFilter, limit: number, after: string | undefined): Promise<AccountRow[]> {
    const { id = null, name = null, kind = null } = filter;
    return this.dataSource.sql`
      select ${() => COLUMNS} from accounts
      where seq > ${after ?? 0} and (${id}::uuid is null or id = ${id}::uuid) and (${name}::text is null or name = ${name}::text)
        and (${kind}::text is null or kind = ${kind}::text)
      order by seq limit ${limit + 1}`;
  }

  /** Null when the name or the login is taken. */
  async insert(tx: Tx, account: NewAccount): Promise<AccountRow | null> {
    const [row] = await tx.sql<AccountRow[]>`
      with made as (
        insert into accounts (id, name, kind, currency, margin_mode, broker, server, login_masked, login_hash, zone, rollover, initial_balance)
        values (${account.id}, ${account.name}, ${account.kind}, ${account.currency}, ${account.margin_mode}, ${account.broker}, ${account.server},
          ${account.login_masked}, ${account.login_hash}, ${account.zone}, ${account.rollover}, ${account.initial_balance})
        on conflict do nothing returning *
      ) select ${() => COLUMNS} from made`;
    return row ?? null;
  }

  async update(tx: Tx, account: AccountRow): Promise<AccountRow> {
    const [row] = await tx.sql<AccountRow[]>`
      with changed as (
        update accounts set name = ${account.name}, kind = ${account.kind}, currency = ${account.currency}, margin_mode = ${account.margin_mode},
          broker = ${account.broker}, server = ${account.server}, login_masked = ${account.login_masked}, login_hash = ${account.login_hash},
          zone = ${account.zone}, rollover = ${account.rollover}, initial_balance = ${account.initial_balance}, updated_at = app_clock()
        where id = ${account.id} returning *
      ) select ${() => COLUMNS} from changed`;
    if (!row) throw new Error('the account was not changed');
    return row;
  }

  /** Which of the two another account has. */
  async taken(tx: Tx, { id, name, login_hash }: Pick<AccountRow, 'id' | 'name' | 'login_hash'>): Promise<{ name: boolean; login: boolean }> {
    const [row] = await tx.sql<{ name: boolean; login: boolean }[]>`
      select exists (select 1 from accounts where name = ${name} and id <> ${id}) as name,
        exists (select 1 from accounts where login_hash = ${login_hash}::text and id <> ${id}) as login`;
    return row ?? { name: false, login: false };
  }

  /** What has been built on what the account is. */
  async uses(tx: Tx, id: string): Promise<string[]> {
    const [row] = await tx.sql<{ uses: string[] }[]>`
      select array_remove(array[
        case when exists (select 1 from agents where account_id = ${id}) then 'agents' end,
        case when exists (select 1 from trades where account_id = ${id}) then 'trades' end,
        case when exists (select 1 from account_cash_flows where account_id = ${id}) then 'cash flows' end
      ], null) as uses`;
    return row?.uses ?? [];
  }

  async ofAgent(agentId: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  /** A zone by its IANA name, as this database spells it; null when it does not know it. */
  async zone(tx: Tx, name: string): Promise<string | null> {
    const [row] = await tx.sql<{ name: string }[]>`select name from pg_timezone_names where lower(name) = lower(${name}) and ${() => NO_ZONES}`;
    return row?.name ?? null;
  }
}
