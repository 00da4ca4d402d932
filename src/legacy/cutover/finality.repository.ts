import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction.js';
import type { HaltRow } from '../../halts/halt-rows.js';

export interface AgentAtEnd {
  name: string;
  account: string;
  mode: 'simulation' | 'paper' | 'live';
  /** It has said the version of its state that came last. */
  observed: boolean;
  /** It may not open by itself: no heartbeat for a minute, or none ever. */
  lease_over: boolean;
  silent_seconds: number | null;
  /** Its last complete list of positions came after the halt; null: it never told one. */
  listed: boolean | null;
}

export interface OpeningAtEnd {
  id: string;
  agent: string;
  status: string;
  symbol: string | null;
}

export interface OrderAtEnd {
  account: string;
  symbol: string;
  size: string;
  broker_order_id: string | null;
}

const NAMED_MOST = 100;

@Injectable()
export class FinalityRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The first halt of everything that ends by no clock. One that only keeps from opening is not enough: strategies go on deciding. */
  async halt(tx: Tx = this.dataSource.manager): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`
      select * from halts where scope_type = 'global' and execution_mode is null and mode in ('halt','flatten') and released_at is null and expires_at is null
      order by source = 'retirement' desc, seq limit 1`;
    return row ?? null;
  }

  /** Whether there is anybody who could trade here. */
  async anyAgent(): Promise<boolean> {
    const [row] = await this.dataSource.manager.sql<{ there: boolean }[]>`select exists (select from agents where retired_at is null) as there`;
    return row?.there ?? false;
  }

  agents(haltId: string, tx: Tx = this.dataSource.manager): Promise<AgentAtEnd[]> {
    return tx.sql`
      select a.name, c.name as account, a.mode, coalesce(s.observed_state_version >= a.state_version, false) as observed, coalesce(s.trading_lease_until <= app_clock(), true) as lease_over,
        floor(extract(epoch from app_clock() - s.last_seen_at))::int as silent_seconds, r.complete_received_at > h.imposed_at as listed
      from halts h, agents a join accounts c on c.id = a.account_id join agent_state s on s.agent_id = a.id left join agent_reports r on r.agent_id = a.id
      where h.id = ${haltId} and a.retired_at is null order by a.seq`;
  }

  /** Handed out, or of unknown outcome: they may open yet, or have opened. */
  openings(tx: Tx = this.dataSource.manager): Promise<OpeningAtEnd[]> {
    return tx.sql`
      select k.id, a.name as agent, k.status, k.payload ->> 'symbol' as symbol from agent_commands k join agents a on a.id = k.agent_id
      where k.class = 'opens' and k.status in ('queued','waiting_for_market','leased','unknown') order by k.seq limit ${NAMED_MOST}`;
  }

  /** Those that a broker shows, whoever they are of. */
  entryOrders(tx: Tx = this.dataSource.manager): Promise<OrderAtEnd[]> {
    return tx.sql`
      select c.name as account, o.symbol, o.size, o.broker_order_id from working_orders o join accounts c on c.id = o.account_id
      where o.role = 'entry' and o.missing_since is null order by o.seq limit ${NAMED_MOST}`;
  }
}
