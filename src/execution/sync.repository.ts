import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { StoredAnswer } from './sync.schemas.js';

export interface LastSync {
  instance_id: string | null;
  sync_seq: number;
  request_hash: string;
  answer: StoredAnswer;
}

/** The last sync of each agent. Its agent's state is locked by whoever reads or writes it. */
@Injectable()
export class SyncRepository {
  async last(tx: Tx, agentId: string): Promise<LastSync | null> {
    const [row] = await tx.sql<LastSync[]>`select instance_id, sync_seq, request_hash, answer from agent_syncs where agent_id = ${agentId}`;
    return row ?? null;
  }

  async store(tx: Tx, agentId: string, sync: LastSync): Promise<void> {
    await tx.sql`
      insert into agent_syncs (agent_id, instance_id, sync_seq, request_hash, answer)
      values (${agentId}, ${sync.instance_id}, ${sync.sync_seq}, ${sync.request_hash}, ${JSON.stringify(sync.answer)}::jsonb)
      on conflict (agent_id) do update set instance_id = excluded.instance_id, sync_seq = excluded.sync_seq, request_hash = excluded.request_hash,
        answer = excluded.answer, synced_at = app_clock()`;
  }

  /** Trades of this agent, by either name, in the order in which all lock several. */
  async lockTrades(tx: Tx, agentId: string, ids: readonly string[], clientOrderIds: readonly string[]): Promise<void> {
    await tx.sql`select 1 from trades where agent_id = ${agentId} and (id = any(${ids}::uuid[]) or client_order_id = any(${clientOrderIds}::text[])) order by id for no key update`;
  }

  /** A trade of this agent by the id that its client gave it. */
  async tradeOf(tx: Tx, agentId: string, clientOrderId: string): Promise<string | null> {
    const [row] = await tx.sql<{ id: string }[]>`select id from trades where agent_id = ${agentId} and client_order_id = ${clientOrderId}`;
    return row?.id ?? null;
  }
}
