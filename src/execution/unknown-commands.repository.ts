import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { CommandTypeName } from '../commands/command-types.js';
import type { CommandRow } from '../commands/commands.repository.js';
import type { Tx } from '../database/transaction.js';

export interface UnknownCommand extends CommandRow {
  /** When it was last handed out, and since when nobody knows. */
  leased_at: string | null;
  unknown_since: string | null;
  /** Of its trade: null without one. */
  trade_status: string | null;
  trade_open_size: string | null;
  /** The broker did something to the trade since it was handed out. */
  trade_left: boolean;
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
      select c.*, a.leased_at, a.ended_at as unknown_since, t.status as trade_status, t.open_size as trade_open_size,
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

  /** Agents of whose commands or trades nobody knows what became. One that works elsewhere now cannot say it of a trade that it left behind. */
  async agents(limit: number): Promise<string[]> {
    const rows = await this.dataSource.sql<{ agent_id: string }[]>`
      select agent_id from agent_commands where status = 'unknown' and type = any(${SHOWN_BY_BROKER}::text[]) union select t.agent_id from trades t join agents a on a.id = t.agent_id where t.status = 'unknown' and a.retired_at is null and a.account_id = t.account_id and a.mode = t.execution_mode
      order by agent_id limit ${limit}`;
    return rows.map(({ agent_id }) => agent_id);
  }
}
