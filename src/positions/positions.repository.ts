import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { OUTCOMES, TRADE_DIRECTIONS } from '../trades/trade-fields.js';
import type { ORDER_ROLES, ORDER_TYPES } from './reports.schemas.js';

interface ShownRow {
  id: string; seq: number; account_id: string; account: string; execution_mode: 'simulation' | 'paper' | 'live'; reported_by: string; trade_id: string | null;
  origin: 'gated' | 'ungated' | 'external' | null; agent_id: string | null; symbol: string; broker_symbol: string; direction: (typeof TRADE_DIRECTIONS)[number]; outcome: (typeof OUTCOMES)[number] | null; size: string;
  stop_loss: string | null; take_profit: string | null; broker_position_id: string | null; broker_order_id: string | null; order_tag: string | null; magic: string | null;
  client_order_id: string | null; as_of: string; missing_since: string | null;
}

export interface PositionRow extends ShownRow {
  exchange: string | null; product: string | null; entry_price: string; current_price: string | null; floating_profit: string | null; swap: string | null;
  commission: string | null; broker_ticket: string | null; opened_at: string | null; comment: string | null; differs_since: string | null;
}

export interface OrderRow extends ShownRow {
  role: (typeof ORDER_ROLES)[number]; type: (typeof ORDER_TYPES)[number]; filled_size: string | null; price: string | null; placed_at: string | null; expires_at: string | null;
}

export interface HeldFilter {
  /** By id or name; null: of all accounts. */
  account: string | null;
  agentId?: string | undefined;
  symbol?: string | undefined;
  executionMode?: ShownRow['execution_mode'] | undefined;
  /** An agent that looks: on a paper account it sees its own book only. */
  reader: string | null;
}

const SHOWN = `p.*, c.name as account, t.origin, t.agent_id, case when p.missing_since is null then greatest(p.as_of, r.complete_as_of) else p.as_of end as as_of`;

@Injectable()
export class PositionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async accountId(idOrName: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ id: string }[]>`select id from accounts where id::text = lower(${idOrName}) or name = ${idOrName} order by name = ${idOrName} limit 1`;
    return row?.id ?? null;
  }

  async accountOfAgent(agentId: string): Promise<string | null> {
    const [row] = await this.dataSource.sql<{ account_id: string }[]>`select account_id from agents where id = ${agentId}`;
    return row?.account_id ?? null;
  }

  positions(filter: HeldFilter, limit: number, before: string | undefined): Promise<PositionRow[]> {
    return this.held('positions', filter, limit, before);
  }

  orders(filter: HeldFilter, limit: number, before: string | undefined): Promise<OrderRow[]> {
    return this.held('working_orders', filter, limit, before);
  }

  /** Newest first. An agent's are those of its trades, and those that are no trade's and it reports. What is held now is never many. */
  private held<Row extends ShownRow>(table: string, filter: HeldFilter, limit: number, before: string | undefined): Promise<Row[]> {
    const { account, agentId, symbol, executionMode, reader } = { agentId: null, symbol: null, executionMode: null, ...filter };
    return this.dataSource.sql`
      select ${() => SHOWN} from ${() => table} p join accounts c on c.id = p.account_id left join trades t on t.id = p.trade_id
        left join agent_reports r on r.agent_id = p.reported_by
      where (${account}::uuid is null or p.account_id = ${account}::uuid) and (${agentId}::uuid is null or coalesce(t.agent_id, p.reported_by) = ${agentId}::uuid)
        and (${symbol}::text is null or p.symbol = ${symbol}::text or p.broker_symbol = ${symbol}::text)
        and (${executionMode}::text is null or p.execution_mode = ${executionMode}::text)
        and (${reader}::uuid is null or c.kind <> 'paper' or p.book_id = ${reader}::uuid)
        and (${before ?? null}::bigint is null or p.seq < ${before ?? null}::bigint)
      order by p.seq desc limit ${limit + 1}`;
  }
}
