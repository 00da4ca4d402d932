import { Injectable } from '@nestjs/common';
import { numericText } from '../database/answer-text.js';
import type { Tx } from '../database/transaction.js';
import type { BrokerBook } from './broker-trades.repository.js';
import { MADE_BY, type TradeRow } from './trades.repository.js';

/** Of a trade that was made from what the broker or the end of its command showed: its agent has not told it yet. */
export const UNTOLD = 'untold';

/** What the gate let through: the command of an opening, and what it may open. */
export interface Opening extends Pick<TradeRow, 'agent_id' | 'account_id' | 'execution_mode' | 'strategy_id' | 'prediction_id' | 'symbol' | 'broker_symbol' | 'exchange' | 'product'
  | 'direction' | 'outcome' | 'lot_size' | 'entry_price' | 'stop_loss' | 'take_profit' | 'order_tag'> {
  command_id: string;
  idea_id: string;
  /** What carries it, the trade under its tag before others; null: none does. */
  trade_id: string | null;
  /** A trade bears its tag. */
  tag_taken: boolean;
  /** Which its agent has not told yet. */
  untold: boolean;
  /** To an agent, which did not give it back. */
  handed_out: boolean;
}

const TAG = `c.payload ->> 'orderTag'`;
const OPENING = `
  select r.command_id, r.idea_id, r.agent_id, r.account_id, r.execution_mode, r.strategy_id, (select p.id from predictions p where p.id = i.prediction_id and p.agent_id = r.agent_id) as prediction_id,
    r.symbol, r.broker_symbol, r.exchange, r.product, r.direction, r.outcome, ${numericText('r.size')} as lot_size, ${numericText('r.entry_price')} as entry_price, ${numericText('r.stop')} as stop_loss, i.take_profit,
    ${TAG} as order_tag, t.id as trade_id, coalesce(t.order_tag = ${TAG}, false) as tag_taken, coalesce(t.order_tag = ${TAG} and t.request_hash = '${UNTOLD}', false) as untold,
    exists (select from command_attempts a where a.command_id = c.id and a.outcome is distinct from 'given_back') as handed_out
  from reservations r join agent_commands c on c.id = r.command_id join trade_ideas i on i.id = r.idea_id
    left join lateral (select id, order_tag, request_hash from trades where command_id = r.command_id or order_tag = ${TAG} order by order_tag = ${TAG} desc, seq limit 1) t on true`;

@Injectable()
export class OpeningsRepository {
  /** What was let through, by the command or by the idea; null for what is no such command or idea. */
  async find(tx: Tx, commandId: string | null, ideaId: string | null): Promise<Opening | null> {
    // A statement before the look: two trades of one command are told one after the other, and the second sees the first.
    const [held] = await tx.sql<{ id: string }[]>`
      select id from reservations where command_id = coalesce(${commandId}::uuid, (select command_id from trade_ideas where id = ${ideaId}::uuid)) for no key update`;
    if (!held) return null;
    const [row] = await tx.sql<Opening[]>`${() => OPENING} where r.id = ${held.id}`;
    return row ?? null;
  }

  /** What was let through in a book under these tags, and no trade carries. The account must be locked against others who tell trades. */
  async untraded(tx: Tx, { accountId, agentId, mode }: BrokerBook, tags: readonly string[]): Promise<Map<string, Opening>> {
    if (tags.length === 0) return new Map();
    const rows = await tx.sql<Opening[]>`
      ${() => OPENING}
      where c.type = 'open_trade' and ${() => TAG} = any(${tags}::text[]) and r.account_id = ${accountId} and r.execution_mode = ${mode}
        and (${agentId}::uuid is null or r.agent_id = ${agentId}::uuid) and t.id is null`;
    return new Map(rows.map((row) => [row.order_tag, row]));
  }

  async executorOfIdea(tx: Tx, id: string): Promise<string | null> {
    const [row] = await tx.sql<{ executor_id: string }[]>`select executor_id from trade_ideas where id = ${id}`;
    return row?.executor_id ?? null;
  }

  /** Of commands, in the order in which all lock several. */
  async lockTrades(tx: Tx, commandId: string): Promise<void> {
    await tx.sql`select 1 from trades where command_id = ${commandId} order by id for no key update`;
  }

  /** A trade that was told without its command carries it out. The trade is locked. */
  async carry(tx: Tx, id: string, { command_id: commandId, idea_id: ideaId, order_tag: tag, strategy_id: strategyId }: Opening, isLetThrough: boolean): Promise<void> {
    await tx.sql`
      update trades set command_id = ${commandId}, idea_id = ${ideaId}, strategy_id = coalesce(strategy_id, ${strategyId}::uuid), order_tag = ${tag},
        (${() => MADE_BY}) = (select ${() => MADE_BY.replace(/\w+/g, 'coalesce(i.$&, trades.$&)')} from trade_ideas i where i.id = ${ideaId}),
        origin = case when ${isLetThrough} then 'gated' else origin end, updated_at = app_clock() where id = ${id}`;
  }
}
