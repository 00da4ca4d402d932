import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { Facts } from './request-facts.js';
import { LATE_AFTER_SECONDS } from './trade-times.js';
import type { NewTrade, TradeRow } from './trades.repository.js';
import type { TradeStatus } from './trade-state.js';

/** A trade as a broker's report sees it. */
export type BrokerTrade = Pick<TradeRow,
  | 'id' | 'agent_id' | 'client_order_id' | 'symbol' | 'exchange' | 'product' | 'direction' | 'lot_size' | 'entry_price' | 'entry_time' | 'origin' | 'broker_order_id'
  | 'broker_position_id' | 'status' | 'finished_at' | 'order_tag' | 'missing_since'
> & {
  /** What of it should be at the broker. */
  open_size: string;
  /** When it was last known to become less. */
  ended_at: string | null;
};

/** An account, or on a paper account one agent, in an execution mode. */
export interface BrokerBook {
  accountId: string;
  /** Null: the whole account. */
  agentId: string | null;
  mode: TradeRow['execution_mode'];
}

export interface BrokerNames {
  orderTags: string[];
  positionIds: string[];
  orderIds: string[];
}

export type Adopted = Pick<NewTrade,
  | 'id' | 'agent_id' | 'account_id' | 'symbol' | 'exchange' | 'product' | 'direction' | 'lot_size' | 'entry_price' | 'entry_time' | 'stop_loss' | 'take_profit'
  | 'execution_mode' | 'broker_order_id' | 'broker_position_id' | 'broker_ticket' | 'status'
> & { key: string; facts: Facts };

/** What a report changes of a trade; null leaves a field as it is. */
export interface BrokerMove {
  id: string;
  from: TradeStatus;
  to: TradeStatus;
  occurred_at: string;
  reason: string;
  facts: Facts;
  entry_price: string | null;
  entry_time: string | null;
  broker_position_id: string | null;
  missing_since: string | null;
}

const SEEN = `id, agent_id, client_order_id, symbol, exchange, product, direction, lot_size, entry_price, entry_time, origin, broker_order_id, broker_position_id,
  status, finished_at, order_tag, missing_since, lot_size as open_size, exit_time as ended_at`;
const ADOPTED = `id, agent_id, account_id, symbol, exchange, product, direction, lot_size, entry_price, entry_time, stop_loss, take_profit, execution_mode,
  broker_order_id, broker_position_id, broker_ticket, status`;
const ADOPTED_TYPES = `id uuid, agent_id uuid, account_id uuid, symbol text, exchange text, product text, direction text, lot_size numeric, entry_price numeric,
  entry_time timestamptz, stop_loss numeric, take_profit jsonb, execution_mode text, broker_order_id text, broker_position_id text, broker_ticket text, status text,
  key text, facts jsonb`;
const MOVE_TYPES = `id uuid, "from" text, "to" text, occurred_at timestamptz, reason text, facts jsonb, entry_price numeric, entry_time timestamptz,
  broker_position_id text, missing_since timestamptz`;
const LATE = (at: string) => `${at} < app_clock() - interval '${LATE_AFTER_SECONDS} seconds'`;

/** What a broker's report does to trades: many in one statement. The account must be locked, and what moves. */
@Injectable()
export class BrokerTradesRepository {
  /** What is unfinished in a book, and what of the past bears one of these names. */
  async ofBook(tx: Tx, { accountId, agentId, mode }: BrokerBook, { orderTags, positionIds, orderIds }: BrokerNames): Promise<BrokerTrade[]> {
    const inBook = `account_id = $1 and execution_mode = $2 and ($3::uuid is null or agent_id = $3::uuid)`;
    const rows: BrokerTrade[] = await tx.query(
      `select ${SEEN} from trades where ${inBook} and finished_at is null
       union select ${SEEN} from trades where ${inBook} and broker_position_id = any($4::text[])
       union select ${SEEN} from trades where ${inBook} and broker_order_id = any($5::text[])
       union select ${SEEN} from trades where ${inBook} and order_tag = any($6::text[]) order by id`,
      [accountId, mode, agentId, positionIds, orderIds, orderTags],
    );
    return rows;
  }

  /** In the order in which all lock trades. */
  async lock(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.sql`select 1 from trades where id = any(${ids}::uuid[]) order by id for no key update`;
  }

  /** Adopts what the broker shows and nobody told of. A key that was adopted before, and has ended, gets the new one's tag behind it. */
  async adopt(tx: Tx, trades: readonly Adopted[], reason: string, actor: string, correlationId: string | null): Promise<TradeRow[]> {
    return tx.query(
      `with given as (
        select *, new_order_tag() as tag from jsonb_to_recordset($1::jsonb) as t (${ADOPTED_TYPES})
      ), made as (
        insert into trades (${ADOPTED}, order_tag, client_order_id, origin, request_hash)
        select ${ADOPTED.replace(/\w+/g, 'g.$&')}, tag, 'external:' || key || case when exists (
          select 1 from trades where agent_id = g.agent_id and client_order_id = 'external:' || g.key) then ':' || tag else '' end, 'external', 'external'
        from given g order by id returning *
      ), noted as (
        insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, facts, reason, actor, correlation_id)
        select m.id, 1, null, m.status, coalesce(m.entry_time, app_clock()), coalesce(${LATE('m.entry_time')}, false), g.facts, $2, $3, $4
        from made m join given g on g.id = m.id order by m.id
      ) select * from made order by id`,
      [JSON.stringify(trades), reason, actor, correlationId],
    );
  }

  /** A line of history each. */
  async move(tx: Tx, moves: readonly BrokerMove[], actor: string, correlationId: string | null): Promise<TradeRow[]> {
    return tx.query(
      `with given as (
        select * from jsonb_to_recordset($1::jsonb) as m (${MOVE_TYPES})
      ), moved as (
        update trades t set status = g."to", version = version + 1, entry_price = coalesce(g.entry_price, t.entry_price), entry_time = coalesce(g.entry_time, t.entry_time),
          exit_time = case when g."to" = 'closed' then g.occurred_at else t.exit_time end,
          exit_reason = case when g."to" = 'closed' then coalesce(t.exit_reason, 'unknown') when g."to" in ('open','pending') then null else t.exit_reason end,
          exit_price = case when g."to" in ('open','pending') then null else t.exit_price end,
          broker_position_id = coalesce(g.broker_position_id, t.broker_position_id), missing_since = g.missing_since, updated_at = app_clock(),
          finished_at = case when g."to" in ('closed','cancelled') then app_clock() end
        from given g where t.id = g.id and t.status = g."from" returning t.*
      ), noted as (
        insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, facts, reason, actor, correlation_id)
        select m.id, m.version, g."from", g."to", g.occurred_at, ${LATE('g.occurred_at')}, g.facts, g.reason, $2, $3
        from moved m join given g on g.id = m.id order by m.id
      ) select * from moved order by id`,
      [JSON.stringify(moves), actor, correlationId],
    );
  }

  /** Of a trade whose state was unknown before: nothing else changes. */
  async noteMissing(tx: Tx, ids: readonly string[], since: string): Promise<void> {
    await tx.sql`update trades set missing_since = ${since}::timestamptz where id = any(${ids}::uuid[])`;
  }

  async link(tx: Tx, links: readonly { id: string; broker_position_id: string | null; broker_order_id: string | null }[]): Promise<void> {
    await tx.sql`
      update trades t set broker_position_id = coalesce(l.broker_position_id, t.broker_position_id), broker_order_id = coalesce(l.broker_order_id, t.broker_order_id),
        updated_at = app_clock()
      from jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as l (id uuid, broker_position_id text, broker_order_id text) where t.id = l.id`;
  }

  async grow(tx: Tx, grown: readonly { id: string; lot_size: string; entry_price: string | null }[]): Promise<void> {
    await tx.sql`
      update trades t set lot_size = g.lot_size, entry_price = coalesce(g.entry_price, t.entry_price), updated_at = app_clock()
      from jsonb_to_recordset(${JSON.stringify(grown)}::jsonb) as g (id uuid, lot_size numeric, entry_price numeric) where t.id = g.id`;
  }

  /** Held to the end: a report of the account, which would adopt what is just being told, waits; other tellers do not. */
  async holdAccountOf(tx: Tx, agentId: string): Promise<void> {
    await tx.sql`select 1 from accounts where id = (select account_id from agents where id = ${agentId}) for share`;
  }

  /**
   * The adopted trade that bears one of these names and has not ended, locked. What has ended is not claimed: on a netting
   * account the next trade may bear the same position id.
   */
  async unclaimed(tx: Tx, trade: NewTrade): Promise<TradeRow | null> {
    const [row] = await tx.sql<TradeRow[]>`
      select * from trades
      where account_id = ${trade.account_id} and execution_mode = ${trade.execution_mode} and origin = 'external' and finished_at is null
        and direction = ${trade.direction} and (broker_position_id = ${trade.broker_position_id}::text or broker_order_id = ${trade.broker_order_id}::text)
        and (agent_id = ${trade.agent_id} or (select kind from accounts where id = ${trade.account_id}) <> 'paper')
      order by broker_order_id = ${trade.broker_order_id}::text desc nulls last, id limit 1 for no key update`;
    return row ?? null;
  }

  /** Takes an adopted trade over. What the broker showed of its entry stays, unless this says when and at which price it entered. */
  async claim(tx: Tx, adopted: TradeRow, trade: NewTrade, facts: Facts, actor: string, correlationId: string): Promise<TradeRow> {
    const took = trade.entry_price !== null && trade.entry_time !== null;
    const [row] = await tx.sql<TradeRow[]>`
      with claimed as (
        update trades set agent_id = ${trade.agent_id}, client_order_id = ${trade.client_order_id}, symbol = ${trade.symbol}, exchange = coalesce(${trade.exchange}, exchange),
          product = coalesce(${trade.product}, product), outcome = ${trade.outcome}, lot_size = ${trade.lot_size},
          entry_price = case when ${took}::boolean then ${trade.entry_price}::numeric else coalesce(entry_price, ${trade.entry_price}::numeric) end,
          entry_time = case when ${took}::boolean then ${trade.entry_time}::timestamptz else entry_time end,
          status = case when status = 'pending' then ${trade.status} else status end,
          stop_loss = coalesce(${trade.stop_loss}::numeric, stop_loss), take_profit = coalesce(${json(trade.take_profit)}::jsonb, take_profit), origin = ${trade.origin},
          broker = coalesce(${trade.broker}, broker), broker_order_id = coalesce(${trade.broker_order_id}, broker_order_id),
          broker_position_id = coalesce(${trade.broker_position_id}, broker_position_id), broker_ticket = coalesce(${trade.broker_ticket}, broker_ticket),
          prediction_id = ${trade.prediction_id}, idea_id = ${trade.idea_id}, command_id = ${trade.command_id}, source_time = ${trade.source_time},
          request_hash = ${trade.request_hash}, version = version + 1, updated_at = app_clock()
        where id = ${adopted.id} returning *
      ), noted as (
        insert into trade_transitions (trade_id, version, from_status, to_status, occurred_at, late, facts, reason, actor, correlation_id)
        select id, version, ${adopted.status}, status, app_clock(), false, ${JSON.stringify(facts)}::jsonb, ${CLAIMED}, ${actor}, ${correlationId} from claimed
      ) select * from claimed`;
    if (!row) throw new Error('the trade was not there');
    return row;
  }
}

/** The reason of the line with which an agent says that an adopted trade is its own: it holds what the request said. */
export const CLAIMED = 'POSITION_CLAIMED';

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
