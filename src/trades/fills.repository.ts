import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Fill } from './trade-figures.js';
import type { TradeRow } from './trades.repository.js';

export interface FillRow extends Fill {
  id: string;
  seq: number;
  trade_id: string;
  broker_position_id: string | null;
  broker_order_id: string | null;
  source_time: string | null;
  late: boolean;
  reason: string | null;
  actor: string;
  recorded_at: string;
}

export type NewFill = Omit<FillRow, 'id' | 'seq' | 'trade_id' | 'recorded_at'>;

export interface AnsweredFill {
  fill: FillRow;
  /** Null: it is new. Otherwise the fields in which it differs from what is there. */
  differs: string[] | null;
}

const WRITTEN = `broker_deal_id, role, price, size, profit, commission, swap, fee, requested_price, exit_reason, broker_position_id, broker_order_id,
  filled_at, source_time, late, reason, actor`;
const WRITTEN_TYPES = `broker_deal_id text, role text, price numeric, size numeric, profit numeric, commission numeric, swap numeric, fee numeric,
  requested_price numeric, exit_reason text, broker_position_id text, broker_order_id text, filled_at timestamptz, source_time timestamptz, late boolean,
  reason text, actor text`;
const COLUMNS = `${WRITTEN}, id, seq, trade_id, recorded_at`;

@Injectable()
export class FillsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The currency of an account. */
  async currency(tx: Tx, accountId: string): Promise<string | null> {
    const [row] = await tx.sql<{ currency: string }[]>`select currency from accounts where id = ${accountId}`;
    return row?.currency ?? null;
  }

  async count(tx: Tx, tradeId: string): Promise<number> {
    const [row] = await tx.sql<{ count: number }[]>`select count(*)::int as count from trade_fills where trade_id = ${tradeId}`;
    return row?.count ?? 0;
  }

  /**
   * Those whose deal the account, or on a paper account the agent, does not know yet. In the order of their deals, so that two requests which name the same
   * deals wait for each other in one order.
   */
  insert(tx: Tx, trade: TradeRow, fills: NewFill[], correlationId: string): Promise<FillRow[]> {
    return tx.sql`
      with made as (
        insert into fills (trade_id, agent_id, account_id, book_id, execution_mode, correlation_id, ${() => WRITTEN})
        select ${trade.id}::uuid, ${trade.agent_id}::uuid, ${trade.account_id}::uuid, (select case when kind = 'paper' then ${trade.agent_id}::uuid else id end from accounts where id = ${trade.account_id}), ${trade.execution_mode}, ${correlationId}, ${() => WRITTEN}
        from jsonb_to_recordset(${JSON.stringify(fills)}::jsonb) as item (${() => WRITTEN_TYPES}) order by broker_deal_id collate "C", role
        on conflict (book_id, broker_deal_id, role) do nothing
        returning ${() => COLUMNS}
      ) select * from made`;
  }

  /**
   * Adopted trades stand in for what nobody told of: their deals go to the trade that turns out to have made them. Answers
   * whose they were. The facts stay as they are.
   */
  moveFromAdopted(tx: Tx, ids: readonly string[], trade: TradeRow, actor: string): Promise<{ fill_id: string; from_trade_id: string }[]> {
    return tx.sql`
      with moved as (
        insert into fill_moves (fill_id, from_trade_id, to_trade_id, actor)
        select f.id, f.trade_id, ${trade.id}::uuid, ${actor} from trade_fills f join trades t on t.id = f.trade_id
        where f.id = any(${ids}::uuid[]) and t.origin = 'external' and t.direction = ${trade.direction} and t.execution_mode = ${trade.execution_mode}
        order by f.id on conflict (fill_id) do nothing returning fill_id, from_trade_id
      ) select * from moved`;
  }

  /** Of the broker of a trade. */
  byDeals(tx: Tx, { account_id: accountId, agent_id: agentId }: TradeRow, deals: string[]): Promise<FillRow[]> {
    return tx.sql`
      select ${() => COLUMNS} from trade_fills where broker_deal_id = any(${deals})
        and book_id = (select case when kind = 'paper' then ${agentId}::uuid else id end from accounts where id = ${accountId})`;
  }

  /** In the order in which they were told. */
  list(tradeId: string, limit: number, after: string | undefined): Promise<FillRow[]> {
    return this.dataSource.sql`
      select ${() => COLUMNS} from trade_fills where trade_id = ${tradeId} and seq > ${after ?? 0}::bigint order by seq limit ${limit + 1}`;
  }
}
