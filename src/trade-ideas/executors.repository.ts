import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';

/** For whom a key may propose, beside its own agent. */
@Injectable()
export class ExecutorsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async mayProposeFor(tx: Tx, agentId: string, executorId: string): Promise<boolean> {
    const rows: unknown[] = await tx.sql`select 1 from agent_executors where agent_id = ${agentId} and executor_id = ${executorId}`;
    return rows.length > 0;
  }

  async of(agentId: string, tx: Tx = this.dataSource.manager): Promise<string[]> {
    const rows = await tx.sql<{ executor_id: string }[]>`select executor_id from agent_executors where agent_id = ${agentId} order by executor_id`;
    return rows.map(({ executor_id }) => executor_id);
  }

  /** Those of the ids that are no agents. */
  async unknown(tx: Tx, ids: readonly string[]): Promise<string[]> {
    const rows = await tx.sql<{ id: string }[]>`select w.id from unnest(${ids}::uuid[]) as w (id) where not exists (select 1 from agents a where a.id = w.id)`;
    return rows.map(({ id }) => id);
  }

  async put(tx: Tx, agentId: string, executorIds: readonly string[], grantedBy: string): Promise<void> {
    await tx.sql`delete from agent_executors where agent_id = ${agentId} and executor_id <> all(${executorIds}::uuid[])`;
    await tx.sql`
      insert into agent_executors (agent_id, executor_id, granted_by) select ${agentId}::uuid, w.id, ${grantedBy} from unnest(${executorIds}::uuid[]) as w (id)
      on conflict do nothing`;
  }
}
