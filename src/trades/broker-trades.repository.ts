import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { ExitReason } from './trade-fields.js';
import { MADE_BY, MAKER, type NewTrade, type TradeRow } from './trades.repository.js';

/** A trade as a broker's report sees it. */
export type BrokerTrade = Pick<TradeRow,
  | 'id' | 'agent_id' | 'client_order_id' | 'symbol' | 'exchange' | 'product' | 'direction' | 'outcome' | 'lot_size' | 'entry_price' | 'entry_time' | 'origin' | 'broker_order_id'
  | 'broker_position_id' | 'status' | 'finished_at' | 'order_tag' | 'missing_since'
> & {
  /** What of it should be at the broker. */
  open_size: string;
  /** What of it was entered, as far as is known. */
  entered_size: string;
  /** When it was last known to become less. */
  ended_at: string | null;
  /** Of an adopted one, what deals have entered: the rest is what the broker showed. */
  dealt_size: string;
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

const SEEN = `id, agent_id, client_order_id, symbol, exchange, product, direction, outcome, lot_size, entry_price, entry_time, origin, broker_order_id, broker_position_id,
  status, finished_at, order_tag, missing_since, open_size, coalesce(entered_size, lot_size) as entered_size, exit_time as ended_at,
  case when origin = 'external' and told is not null then coalesce((select sum(size) from trade_fills where trade_id = trades.id and role = 'entry'), 0) else 0 end::text as dealt_size`;

/** Trades as the broker's reports find them. The account must be locked, and what changes. */
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

  /** Since when reports lack it; null: they do not. */
  async noteMissing(tx: Tx, ids: readonly string[], since: string | null): Promise<void> {
    await tx.sql`update trades set missing_since = ${since}::timestamptz where id = any(${ids}::uuid[]) and missing_since is distinct from ${since}::timestamptz`;
  }

  async link(tx: Tx, links: readonly { id: string; broker_position_id: string | null; broker_order_id: string | null }[]): Promise<void> {
    await tx.sql`
      update trades t set broker_position_id = coalesce(l.broker_position_id, t.broker_position_id), broker_order_id = coalesce(l.broker_order_id, t.broker_order_id),
        updated_at = app_clock()
      from (
        select id, min(broker_position_id) as broker_position_id, min(broker_order_id) as broker_order_id
        from jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as given (id uuid, broker_position_id text, broker_order_id text) group by id
      ) l where t.id = l.id`;
  }

  async hasStrategy(tx: Tx, id: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from strategies where id = ${id}`;
    return rows.length > 0;
  }

  /** A close of it is sent. The trade must be locked. */
  async noteClosing(tx: Tx, id: string, reason: ExitReason): Promise<void> {
    await tx.sql`update trades set closing_reason = ${reason} where id = ${id}`;
  }

  async setSize(tx: Tx, id: string, lotSize: string): Promise<void> {
    await tx.sql`update trades set lot_size = ${lotSize} where id = ${id}`;
  }

  async setOutcome(tx: Tx, id: string, outcome: 'yes' | 'no'): Promise<void> {
    await tx.sql`update trades set outcome = ${outcome} where id = ${id}`;
  }

  /** Held to the end: a report of the account, which would adopt what is just being told, waits; other tellers do not, unless held alone. */
  async holdAccountOf(tx: Tx, agentId: string, alone = false): Promise<void> {
    await tx.sql`select 1 from accounts where id = (select account_id from agents where id = ${agentId}) ${() => (alone ? 'for no key update' : 'for share')}`;
  }

  /**
   * The adopted trade that bears one of these names and has not ended, locked. What has ended is not claimed: on a netting
   * account the next trade may bear the same position id.
   */
  async unclaimed(tx: Tx, trade: NewTrade): Promise<string | null> {
    const [row] = await tx.sql<{ id: string }[]>`
      select id from trades
      where account_id = ${trade.account_id} and execution_mode = ${trade.execution_mode} and origin = 'external' and finished_at is null
        and direction = ${trade.direction} and (broker_position_id = ${trade.broker_position_id}::text or broker_order_id = ${trade.broker_order_id}::text)
        and (agent_id = ${trade.agent_id} or (select kind from accounts where id = ${trade.account_id}) <> 'paper')
      order by broker_order_id = ${trade.broker_order_id}::text desc nulls last, id limit 1 for no key update`;
    return row?.id ?? null;
  }

  /** What its agent says of it, but for what fills may know better. */
  async rename(tx: Tx, id: string, trade: NewTrade): Promise<void> {
    await tx.sql`
      update trades set agent_id = ${trade.agent_id}, client_order_id = ${trade.client_order_id}, symbol = ${trade.symbol}, exchange = coalesce(${trade.exchange}, exchange),
        product = coalesce(${trade.product}, product), outcome = ${trade.outcome}, lot_size = ${trade.lot_size}, origin = ${trade.origin}, broker = coalesce(${trade.broker}, broker),
        broker_ticket = coalesce(${trade.broker_ticket}, broker_ticket), prediction_id = ${trade.prediction_id}, idea_id = ${trade.idea_id}, command_id = ${trade.command_id},
        strategy_id = ${trade.strategy_id}, source_time = ${trade.source_time}, request_hash = ${trade.request_hash}, order_tag = coalesce(${trade.order_tag ?? null}::text, order_tag),
        (${() => MADE_BY}) = (select ${() => MAKER} from agent_state s left join trade_ideas i on i.id = ${trade.idea_id}::uuid left join predictions p on p.id = ${trade.prediction_id}::uuid where s.agent_id = ${trade.agent_id})
      where id = ${id}`;
  }
}
