import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { TradeRow } from './trades.repository.js';

/** What the gate let through: the command of an opening, and what it may open. */
export interface Opening {
  command_id: string;
  idea_id: string;
  agent_id: string;
  strategy_id: string | null;
  symbol: string;
  exchange: string | null;
  product: string | null;
  direction: TradeRow['direction'];
  outcome: TradeRow['outcome'];
  lot_size: string;
  /** Null: a trade has it already, or it was never handed out. */
  order_tag: string | null;
}

@Injectable()
export class OpeningsRepository {
  /** What was let through, by the command or by the idea; null for what is no such command or idea. */
  async find(tx: Tx, commandId: string | null, ideaId: string | null): Promise<Opening | null> {
    // A statement before the look: two trades of one command are told one after the other, and the second sees the first.
    const [held] = await tx.sql<{ id: string }[]>`
      select id from reservations where command_id = coalesce(${commandId}::uuid, (select command_id from trade_ideas where id = ${ideaId}::uuid)) for no key update`;
    if (!held) return null;
    const [row] = await tx.sql<Opening[]>`
      select r.command_id, r.idea_id, r.agent_id, r.strategy_id, r.symbol, r.exchange, r.product, r.direction, r.outcome, trim_scale(r.size)::text as lot_size,
        case when not exists (select 1 from trades t where t.order_tag = c.payload ->> 'orderTag')
          and exists (select from command_attempts a where a.command_id = c.id and a.outcome is distinct from 'given_back') then c.payload ->> 'orderTag' end as order_tag
      from reservations r join agent_commands c on c.id = r.command_id
      where r.id = ${held.id}`;
    return row ?? null;
  }

  async executorOfIdea(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.sql<{ executor_id: string }[]>`select executor_id from trade_ideas where id = ${id}`;
    return row?.executor_id ?? null;
  }
}
