import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction.js';

/** Which rows are meant. An exchange or a product that either side does not say stands for any: an exit that finds nothing closes nothing. */
export interface Book {
  accountId: string;
  mode: 'simulation' | 'paper' | 'live';
  executorId: string;
  /** Null: of any strategy; else of this one, or of none. */
  strategyId: string | null;
  /** Null: of any. */
  symbol: string | null;
  exchange: string | null;
  product: string | null;
}

/** A trade that is not over. */
export interface HeldTrade {
  id: string; direction: 'long' | 'short'; status: string; open_size: string; command_id: string | null;
  /** All of it is wanted closed, or a command closes all of it. */
  closing_all: boolean;
  /** A part of it is being closed: another could not be told from it. */
  closing_part: boolean;
  /** An order of its entry works at the broker, and nothing cancels it yet. */
  entry_works: boolean;
}

/** An opening that may still come; it has no trade yet. */
export interface ComingOpening {
  command_id: string; direction: 'long' | 'short'; size: string; status: string;
}

export interface OpenIdea {
  id: string;
  direction: 'long' | 'short';
  size: string;
}

const SAME = (row: string) => `(${row}.symbol = b.symbol or b.symbol is null) and (${row}.exchange = b.exchange or ${row}.exchange is null or b.exchange is null)
  and (${row}.product = b.product or ${row}.product is null or b.product is null) and (${row}.strategy_id = b."strategyId" or ${row}.strategy_id is null or b."strategyId" is null)`;
const BOOK = `as b ("accountId" uuid, mode text, "executorId" uuid, "strategyId" uuid, symbol text, exchange text, product text)`;

@Injectable()
export class RoutingRepository {
  async executor(tx: Tx, id: string): Promise<{ account_id: string; mode: Book['mode']; retired: boolean } | null> {
    const [row] = await tx.sql<{ account_id: string; mode: Book['mode']; retired: boolean }[]>`select account_id, mode, retired_at is not null as retired from agents where id = ${id}`;
    return row ?? null;
  }

  /** Milliseconds since 1970, of the database's clock. */
  async now(tx: Tx): Promise<number> {
    const [row] = await tx.sql<{ ms: string }[]>`select trunc(extract(epoch from app_clock()) * 1000)::text as ms`;
    return Number(row?.ms);
  }

  /** Oldest first. */
  trades(tx: Tx, book: Book): Promise<HeldTrade[]> {
    return tx.sql`
      select t.id, t.direction, t.status, trim_scale(t.open_size)::text as open_size, t.command_id,
        (c.id is not null and c.size is null) or coalesce(k.whole, false) as closing_all, c.size is not null or coalesce(k.part, false) as closing_part,
        (t.status = 'pending' or exists (select from working_orders w where w.trade_id = t.id and w.role = 'entry' and w.missing_since is null))
          and not exists (select from agent_commands x where x.trade_id = t.id and x.type = 'cancel_order' and x.finished_at is null) as entry_works
      from jsonb_to_record(${JSON.stringify(book)}::jsonb) ${() => BOOK}
        join trades t on t.account_id = b."accountId" and t.execution_mode = b.mode and t.agent_id = b."executorId" and t.finished_at is null and ${() => SAME('t')}
        left join closures c on c.trade_id = t.id and c.ended_at is null
        left join lateral (select bool_or(payload ->> 'size' is null) as whole, bool_or(payload ->> 'size' is not null) as part from agent_commands
          where trade_id = t.id and type = 'close_trade' and finished_at is null) k on true
      order by t.seq`;
  }

  /** What is reserved for it, whose trade is not there yet. Oldest first. */
  coming(tx: Tx, book: Book): Promise<ComingOpening[]> {
    return tx.sql`
      select r.command_id, r.direction, trim_scale(r.size)::text as size, c.status from jsonb_to_record(${JSON.stringify(book)}::jsonb) ${() => BOOK}
        join held_reservations r on r.account_id = b."accountId" and r.execution_mode = b.mode and r.agent_id = b."executorId" and ${() => SAME('r')}
        join agent_commands c on c.id = r.command_id
      order by r.seq`;
  }

  /** Of these openings: those that may still come, and trades of theirs that are not over. */
  async openings(tx: Tx, commandIds: readonly string[]): Promise<{ coming: { command_id: string; status: string }[]; trades: { id: string; closing_all: boolean }[] }> {
    const coming = await tx.sql<{ command_id: string; status: string }[]>`
      select r.command_id, c.status from held_reservations r join agent_commands c on c.id = r.command_id where r.command_id = any(${commandIds}::uuid[]) order by r.seq`;
    const trades = await tx.sql<{ id: string; closing_all: boolean }[]>`
      select t.id, exists (select from closures c where c.trade_id = t.id and c.ended_at is null and c.size is null) as closing_all from trades t
      where t.command_id = any(${commandIds}::uuid[]) and t.finished_at is null order by t.id`;
    return { coming, trades };
  }

  async unfinished(tx: Tx, tradeIds: readonly string[]): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`select id from trades where id = any(${tradeIds}::uuid[]) and finished_at is null order by id`;
    return rows.map(({ id }) => id);
  }

  /** The agent as for any command, then its trades; the account is held. */
  async lock(tx: Tx, agentId: string, tradeIds: readonly string[]): Promise<void> {
    await tx.sql`select 1 from agents where id = ${agentId} for share`;
    await tx.sql`select 1 from trades where id = any(${tradeIds}::uuid[]) order by id for no key update`;
  }

  /** The least that can be traded of it more or less. Null: the account does not say. */
  async sizeStep(tx: Tx, { accountId, symbol, exchange, product }: Book): Promise<string | null> {
    const [row] = await tx.sql<{ step: string }[]>`
      select trim_scale(size_step)::text as step from instruments where account_id = ${accountId} and symbol = ${symbol}
        and (${exchange}::text is null or exchange = ${exchange} or exchange is null) and (${product}::text is null or product = ${product} or product is null)
      order by exchange nulls last, product nulls last limit 1`;
    return row?.step ?? null;
  }

  /** What this source's alerts proposed, and nobody has answered yet: it may still open, too. */
  openIdeas(tx: Tx, book: Book, sourceId: string): Promise<OpenIdea[]> {
    return tx.sql`
      select i.id, i.direction, trim_scale(i.lot_size)::text as size from jsonb_to_record(${JSON.stringify(book)}::jsonb) ${() => BOOK}
        join trade_ideas i on i.account_id = b."accountId" and i.decided_at is null and i.executor_id = b."executorId" and ${() => SAME('i')}
        join alerts a on a.id = i.alert_id and a.source_id = ${sourceId}
      order by i.seq`;
  }
}
