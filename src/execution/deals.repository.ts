import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { BrokerBook } from '../trades/broker-trades.repository.js';
import type { DealTrade } from './assign-deals.js';

export interface DealNames {
  orderTags: string[];
  positionIds: string[];
  orderIds: string[];
  clientOrderIds: string[];
}

/** Facts may be so late; what ended before lacks none. */
const LATE_MOST = '8 days';

@Injectable()
export class DealsRepository {
  /** Those of these deals that the book knows, as `role id`. @param bookId the account, or on a paper account the agent */
  async known(tx: Tx, bookId: string, deals: readonly { brokerDealId: string; role: string }[]): Promise<Set<string>> {
    const rows = await tx.sql<{ key: string }[]>`
      select f.role || ' ' || f.broker_deal_id as key from fills f
      where f.book_id = ${bookId} and f.broker_deal_id = any(${deals.map(({ brokerDealId }) => brokerDealId)}::text[])`;
    return new Set(rows.map(({ key }) => key));
  }

  /**
   * Trades that a deal may be of: what is not over, or ended and nobody knows how, or bears one of these names. Locked in
   * the order of all who lock several.
   */
  async trades(tx: Tx, { accountId, agentId, mode }: BrokerBook, { orderTags, positionIds, orderIds, clientOrderIds }: DealNames): Promise<DealTrade[]> {
    const locked = await tx.sql<{ id: string }[]>`
      select id from trades where account_id = ${accountId} and execution_mode = ${mode} and (${agentId}::uuid is null or agent_id = ${agentId}::uuid)
        and id in (
          select id from trades where account_id = ${accountId} and execution_mode = ${mode} and finished_at is null
          union all select id from trades where account_id = ${accountId} and execution_mode = ${mode} and status = 'closed' and exit_price is null
            and finished_at > app_clock() - interval ${() => `'${LATE_MOST}'`}
          union all select id from trades where order_tag = any(${orderTags}::text[])
          union all select id from trades where account_id = ${accountId} and execution_mode = ${mode} and broker_position_id = any(${positionIds}::text[])
          union all select id from trades where account_id = ${accountId} and execution_mode = ${mode} and broker_order_id = any(${orderIds}::text[])
          union all select id from trades where account_id = ${accountId} and execution_mode = ${mode} and client_order_id = any(${clientOrderIds}::text[])
            and finished_at > app_clock() - interval ${() => `'${LATE_MOST}'`}
          union all select trade_id from trade_fills where account_id = ${accountId} and broker_position_id = any(${positionIds}::text[])
        ) order by id for no key update`;
    return tx.sql`
      select t.id, t.origin, t.symbol, t.exchange, t.product, t.direction, t.outcome, t.finished_at is not null as finished, t.order_tag, t.client_order_id, t.broker_order_id, t.entry_time,
        case when t.entry_time is not null or t.status in ('open','closing','closed') then t.lot_size::text end as shown_size,
        coalesce(f.entered, 0)::text as entered_size,
        -- A trade that was told closed at a price lacks no exit.
        case when t.status = 'closed' and t.exit_price is not null and f.exited is null then coalesce(f.entered, t.lot_size) else coalesce(f.exited, 0) end::text as exited_size,
        array_remove(coalesce(f.positions, '{}') || t.broker_position_id, null) as position_ids
      from trades t left join lateral (
        select sum(size) filter (where role = 'entry') as entered, sum(size) filter (where role = 'exit') as exited,
          array_agg(distinct broker_position_id) filter (where broker_position_id is not null) as positions
        from trade_fills where trade_id = t.id
      ) f on true
      where t.id = any(${locked.map(({ id }) => id)}::uuid[]) order by t.id`;
  }
}
