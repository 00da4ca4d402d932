import { Injectable } from '@nestjs/common';
import type { AccountKind, MarginMode } from '../accounts/accounts.repository.js';
import { type AccountTold, TOLD } from '../agents/account-match.js';
import { otherInstance } from '../agents/heartbeat.repository.js';
import type { Tx } from '../database/transaction.js';
import type { BrokerBook } from '../trades/broker-trades.repository.js';
import type { Known, KnownPosition, KnownRow } from './known.js';
import type { ListedInstrument } from './told.js';

/** Whose word a report is, and what it is told against. */
export interface ReportContext extends AccountTold {
  account_id: string;
  kind: AccountKind;
  margin_mode: MarginMode;
  mode: BrokerBook['mode'];
  broker_connected: boolean | null;
  /** The copy of the agent that trades, when it is not the one that reports. */
  other_instance: string | null;
  /** A report of this agent that says a later time has been applied. */
  stale: boolean;
}

export interface WrittenPosition {
  key: string; trade_id: string | null; symbol: string; broker_symbol: string; direction: string; outcome: string | null; size: string; stop_loss: string | null; take_profit: string | null;
  broker_position_id: string | null; broker_order_id: string | null; order_tag: string | null; magic: string | null; client_order_id: string | null; exchange: string | null;
  product: string | null; entry_price: string; current_price: string | null; floating_profit: string | null; swap: string | null; commission: string | null;
  broker_ticket: string | null; opened_at: string | null; comment: string | null; differs_since: string | null; mismatch_since: string | null;
}

export interface WrittenOrder {
  key: string; trade_id: string | null; symbol: string; broker_symbol: string; direction: string; outcome: string | null; size: string; stop_loss: string | null; take_profit: string | null;
  broker_position_id: string | null; broker_order_id: string | null; order_tag: string | null; magic: string | null; client_order_id: string | null; role: string; type: string;
  filled_size: string | null; price: string | null; placed_at: string | null; expires_at: string | null;
}

export interface Book extends BrokerBook {
  /** The account, or on a paper account the agent. */
  id: string;
}

interface Written {
  book: Book;
  reportedBy: string;
  asOf: string;
  complete: boolean;
}

const SHARED = `trade_id uuid, symbol text, broker_symbol text, direction text, outcome text, size numeric, stop_loss numeric, take_profit numeric, broker_position_id text,
  broker_order_id text, order_tag text, magic text, client_order_id text`;
const POSITION = `${SHARED}, exchange text, product text, entry_price numeric, current_price numeric, floating_profit numeric, swap numeric, commission numeric,
  broker_ticket text, opened_at timestamptz, comment text, differs_since timestamptz, mismatch_since timestamptz`;
const ORDER = `${SHARED}, role text, type text, filled_size numeric, price numeric, placed_at timestamptz, expires_at timestamptz`;
const namesOf = (types: string) => types.split(',').map((each) => each.trim().split(/\s+/)[0] ?? '');

/** A report may lie ahead of the clock that was set back since; see heartbeats. */
const AHEAD_MOST = '5 minutes';

/** The last report that showed a row unchanged is its reporter's last complete one. */
const AS_OF = `case when p.missing_since is null then greatest(p.as_of, r.complete_as_of) else p.as_of end as as_of`;

@Injectable()
export class ReportsRepository {
  /** The account first: reports of one account go one after the other. Null when there is no such agent. */
  async context(tx: Tx, agentId: string, instanceId: string | null, asOf: string): Promise<ReportContext | null> {
    const held = await tx.sql<{ id: string }[]>`select id from accounts where id = (select account_id from agents where id = ${agentId}) for no key update`;
    const [row] = await tx.sql<ReportContext[]>`
      select a.account_id, s.broker_connected, ${() => TOLD},
        ${() => otherInstance('s', 'asked.instance', 'app_clock()')} as other_instance,
        coalesce(r.as_of > ${asOf}::timestamptz and r.as_of <= app_clock() + ${() => `interval '${AHEAD_MOST}'`}, false) as stale
      from (select ${instanceId}::text as instance) asked cross join agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id
        left join agent_reports r on r.agent_id = a.id
      where a.id = ${agentId} and c.id = ${held[0]?.id ?? null}::uuid`;
    return row ?? null;
  }

  async agentsOfMagic(tx: Tx, { accountId, agentId, mode }: Book, magics: readonly string[]): Promise<Map<string, string>> {
    if (magics.length === 0) return new Map();
    const rows = await tx.sql<{ magic: string; id: string }[]>`
      select magic::text as magic, id from agents where account_id = ${accountId} and mode = ${mode} and retired_at is null
        and magic::text = any(${magics}::text[]) and (${agentId}::uuid is null or id = ${agentId}::uuid)`;
    return new Map(rows.map(({ magic, id }) => [magic, id]));
  }

  listed(tx: Tx, accountId: string, brokerSymbols: readonly string[]): Promise<ListedInstrument[]> {
    return tx.sql`
      select distinct on (broker_symbol) broker_symbol, symbol, exchange, product from instruments
      where account_id = ${accountId} and broker_symbol = any(${brokerSymbols}::text[]) order by broker_symbol, seq`;
  }

  async rows(tx: Tx, { id, mode }: Book): Promise<Pick<Known, 'positions' | 'orders'>> {
    const positions = await tx.sql<KnownPosition[]>`
      select p.id, p.key, p.trade_id, ${() => AS_OF}, p.missing_since, p.symbol, p.exchange, p.product, p.differs_since, p.mismatch_since
      from positions p left join agent_reports r on r.agent_id = p.reported_by where p.book_id = ${id} and p.execution_mode = ${mode}`;
    const orders = await tx.sql<(KnownRow & { role: 'entry' | 'protective' })[]>`
      select p.id, p.key, p.trade_id, ${() => AS_OF}, p.missing_since, p.role
      from working_orders p left join agent_reports r on r.agent_id = p.reported_by where p.book_id = ${id} and p.execution_mode = ${mode}`;
    return { positions, orders };
  }

  /** Locked before trades, for those that get a command behind them. */
  async holdAgents(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.sql`select 1 from agents where id = any(${ids}::uuid[]) order by id for share`;
  }

  writePositions(tx: Tx, written: Written, rows: readonly WrittenPosition[]): Promise<void> {
    return this.write(tx, 'positions', POSITION, written, rows);
  }

  writeOrders(tx: Tx, written: Written, rows: readonly WrittenOrder[]): Promise<void> {
    return this.write(tx, 'working_orders', ORDER, written, rows);
  }

  /** Only what changed; one that a newer report of another agent told of stays. A partial report says for each row when it was seen. */
  private async write(tx: Tx, table: string, types: string, { book, reportedBy, asOf, complete }: Written, rows: readonly { key: string }[]): Promise<void> {
    if (rows.length === 0) return;
    const names = namesOf(types);
    const all = (of: string) => names.map((column) => `${of}.${column}`).join(', ');
    await tx.query(
      `insert into ${table} as t (account_id, book_id, execution_mode, reported_by, as_of, key, ${names.join(', ')})
       select $2, $3, $4, $5, $6::timestamptz, key, ${names.join(', ')} from jsonb_to_recordset($1::jsonb) as given (key text, ${types}) order by key
       on conflict (book_id, execution_mode, key) do update set (${names.join(', ')}, reported_by, as_of, missing_since, updated_at)
         = row(${all('excluded')}, excluded.reported_by, excluded.as_of, null, app_clock())
       where t.as_of <= excluded.as_of and (not $7::boolean or t.missing_since is not null or t.reported_by <> excluded.reported_by or (${all('t')}) is distinct from (${all('excluded')}))`,
      [JSON.stringify(rows), book.accountId, book.id, book.mode, reportedBy, asOf, complete],
    );
  }

  async markMissing(tx: Tx, table: 'positions' | 'working_orders', ids: readonly string[], since: string): Promise<void> {
    if (ids.length > 0) await tx.sql`update ${() => table} set missing_since = ${since}::timestamptz, updated_at = app_clock() where id = any(${ids}::uuid[]) and missing_since is null`;
  }

  async remove(tx: Tx, table: 'positions' | 'working_orders', ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await tx.sql`delete from ${() => table} where id = any(${ids}::uuid[])`;
  }

  async noteReport(tx: Tx, { reportedBy, asOf, complete }: Written, positions: number, orders: number): Promise<void> {
    await tx.sql`
      insert into agent_reports as r (agent_id, as_of, received_at, complete_as_of, complete_received_at, positions, orders)
      values (${reportedBy}, ${asOf}::timestamptz, app_clock(), case when ${complete}::boolean then ${asOf}::timestamptz end, case when ${complete}::boolean then app_clock() end, ${positions}, ${orders})
      on conflict (agent_id) do update set as_of = excluded.as_of, received_at = excluded.received_at, positions = excluded.positions, orders = excluded.orders,
        complete_as_of = coalesce(excluded.complete_as_of, r.complete_as_of), complete_received_at = coalesce(excluded.complete_received_at, r.complete_received_at)`;
  }
}
