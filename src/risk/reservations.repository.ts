import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';

/** What a decision has promised: it counts like a trade until the trade is there, or the command is known not to have been sent. */
export interface NewReservation {
  id: string;
  ideaId: string;
  commandId: string;
  accountId: string;
  executionMode: 'simulation' | 'paper' | 'live';
  /** Who executes. */
  agentId: string;
  /** Null: the executor itself, or a person. */
  proposerId: string | null;
  strategyId: string | null;
  symbol: string;
  brokerSymbol: string | null;
  exchange: string | null;
  product: string | null;
  direction: 'long' | 'short';
  outcome: 'yes' | 'no' | null;
  size: string;
  entryPrice: string | null;
  stop: string | null;
}

export interface EndedReservation {
  id: string;
  idea_id: string;
  command_id: string;
  ended_as: 'released' | 'converted';
  trade_id: string | null;
}

@Injectable()
export class ReservationsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The account must be locked. */
  async insert(tx: Tx, r: NewReservation): Promise<void> {
    await tx.sql`
      insert into reservations (id, idea_id, command_id, account_id, execution_mode, agent_id, proposer_id, strategy_id, symbol, broker_symbol, exchange, product,
        direction, outcome, size, entry_price, stop)
      values (${r.id}, ${r.ideaId}, ${r.commandId}, ${r.accountId}, ${r.executionMode}, ${r.agentId}, ${r.proposerId}::uuid, ${r.strategyId}::uuid, ${r.symbol}, ${r.brokerSymbol},
        ${r.exchange}, ${r.product}, ${r.direction}, ${r.outcome}, ${r.size}, ${r.entryPrice}, ${r.stop})`;
  }

  /**
   * Writes down what has become of an account's reservations, each once. Only to keep `held_reservations` small: that view
   * says the same before and after. The account must be locked.
   */
  compact(tx: Tx, accountId: string): Promise<EndedReservation[]> {
    return tx.sql`
      with over as materialized (
        select r.id, r.idea_id, r.agent_id, t.id as trade_id from reservations r join agent_commands c on c.id = r.command_id
          left join lateral (select id from trades where command_id = r.command_id order by seq limit 1) t on true
        where r.account_id = ${accountId} and r.ended_at is null and (t.id is not null or c.status in ('failed', 'expired', 'cancelled', 'dead'))
        order by r.id for no key update of r
      ), ended as (
        update reservations r set ended_at = app_clock(), ended_as = case when o.trade_id is null then 'released' else 'converted' end, trade_id = o.trade_id
        from over o where r.id = o.id and r.ended_at is null returning r.*
      ), logged as (
        insert into events (type, subject_id, agent_id, account_id, actor, data)
        select 'reservation.' || ended_as, id, agent_id, account_id, 'system',
          jsonb_build_object('ideaId', idea_id, 'commandId', command_id, 'tradeId', trade_id, 'symbol', symbol, 'size', size::text)
        from ended order by seq
      ) select id, idea_id, command_id, ended_as, trade_id from ended`;
  }

  /** Accounts with reservations that have ended and are not written down as such. */
  async toCompact(limit: number): Promise<string[]> {
    const rows = await this.dataSource.sql<{ account_id: string }[]>`
      select distinct r.account_id from reservations r join agent_commands c on c.id = r.command_id
      where r.ended_at is null and (c.status in ('failed', 'expired', 'cancelled', 'dead') or exists (select 1 from trades t where t.command_id = r.command_id)) limit ${limit}`;
    return rows.map(({ account_id }) => account_id);
  }

  /** By a person, when a command is done and nobody told of a trade. False when nothing of it is held, or it is not done. The account must be locked. */
  async release(tx: Tx, commandId: string): Promise<boolean> {
    const released = await tx.sql<{ id: string }[]>`
      with released as (
        update reservations r set ended_at = app_clock(), ended_as = 'released'
        where r.command_id = ${commandId} and r.ended_at is null and exists (select 1 from agent_commands c where c.id = r.command_id and c.status = 'succeeded')
          and not exists (select 1 from trades t where t.command_id = r.command_id) returning r.id
      ) select * from released`;
    return released.length > 0;
  }
}
