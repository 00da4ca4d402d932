import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { CommandTypeName } from '../commands/command-types.js';
import type { CommandRow } from '../commands/commands.repository.js';
import type { Tx } from '../database/transaction.js';
import { SHOWN_WITHIN_SECONDS } from '../trades/broker-lists.js';

export interface UnknownCommand extends CommandRow {
  /** When its last lease ended without a word of what became of it. */
  unknown_since: string | null;
  /** Of its trade: null without one. */
  trade_status: string | null;
  trade_open_size: string | null;
  /** The broker did something to the trade since it was handed out. */
  trade_left: boolean;
}

export interface UntradedOpening {
  id: string;
  idea_id: string;
  symbol: string;
  account_id: string;
  order_tag: string;
  finished_at: string;
}

/** What the broker shows tells of these whether they were carried out. */
export const SHOWN_BY_BROKER: readonly CommandTypeName[] = ['open_trade', 'close_trade', 'cancel_order'];

@Injectable()
export class UnknownCommandsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Of an agent, locked. Their trades are read after the lock. */
  async lock(tx: Tx, agentId: string): Promise<UnknownCommand[]> {
    const locked = await tx.sql<{ id: string }[]>`select id from agent_commands where agent_id = ${agentId} and status = 'unknown' and type = any(${SHOWN_BY_BROKER}::text[]) order by id for no key update`;
    if (locked.length === 0) return [];
    return tx.sql`
      select c.*, a.ended_at as unknown_since, t.status as trade_status, t.open_size as trade_open_size,
        exists (select from trade_fills f where f.trade_id = t.id and f.role = 'exit' and f.filled_at >= a.leased_at) as trade_left
      from agent_commands c left join lateral (select leased_at, ended_at from command_attempts where command_id = c.id order by attempt desc limit 1) a on true
        left join trades t on t.id = c.trade_id
      where c.id = any(${locked.map(({ id }) => id)}::uuid[]) order by c.id`;
  }

  /** Order tags of the agent's account that the broker has filled. */
  async filledTags(tx: Tx, agentId: string, tags: readonly string[]): Promise<Set<string>> {
    const rows = await tx.sql<{ order_tag: string }[]>`
      select order_tag from trades t where order_tag = any(${tags}::text[]) and account_id = (select account_id from agents where id = ${agentId}) and exists (select from trade_fills where trade_id = t.id)`;
    return new Set(rows.map(({ order_tag }) => order_tag));
  }

  /** Openings of an agent that are said to be done, and of which no trade was told. The account must be locked. */
  untraded(tx: Tx, agentId: string): Promise<UntradedOpening[]> {
    return tx.sql`
      select c.id, r.idea_id, r.symbol, r.account_id, c.payload ->> 'orderTag' as order_tag, c.finished_at
      from held_reservations r join agent_commands c on c.id = r.command_id where r.agent_id = ${agentId} and c.status = 'succeeded' order by c.id`;
  }

  /**
   * Agents of whose commands or trades nobody knows what became, with the tag where it is one opening of which no trade was
   * told. One that works elsewhere now cannot say it of a trade that it left behind.
   */
  agents(limit: number): Promise<{ agent_id: string; order_tag: string | null }[]> {
    return this.dataSource.sql`
      select agent_id, case when count(*) = 1 then min(order_tag) end as order_tag from (
        select agent_id, null as order_tag from agent_commands where status = 'unknown' and type = any(${SHOWN_BY_BROKER}::text[])
        union all select t.agent_id, null from trades t join agents a on a.id = t.agent_id where t.status = 'unknown' and a.retired_at is null and a.account_id = t.account_id and a.mode = t.execution_mode
        union all select r.agent_id, c.payload ->> 'orderTag' from held_reservations r join agent_commands c on c.id = r.command_id join agents a on a.id = r.agent_id
          where c.status = 'succeeded' and c.finished_at <= app_clock() - interval ${() => `'${SHOWN_WITHIN_SECONDS} s'`} and a.retired_at is null and a.account_id = r.account_id and a.mode = r.execution_mode
      ) asked group by agent_id order by agent_id limit ${limit}`;
  }
}
