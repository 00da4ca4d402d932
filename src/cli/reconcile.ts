import { DataSource } from 'typeorm';
import { ServerCommands } from '../commands/server-commands.service.js';
import { notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { inTransaction } from '../database/transaction.js';
import { PositionsRepository } from '../positions/positions.repository.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { withServices } from './services.js';

interface Asked {
  agent: string;
  agentId: string;
  commandId: string;
  status: string;
  createdAt: string;
}

/** Agents are asked to report what their brokers show. Only queued, so no server is needed; one that is asked already is not asked twice. */
export function reconcile(env: Env, say: Say, { agent, account }: { agent?: string; account?: string }): Promise<Outcome> {
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const accountId = account === undefined ? null : await app.get(PositionsRepository, { strict: false }).accountId(account);
      if (account !== undefined && accountId === null) throw notFound(`account as "${account}"`);
      const asked = await inTransaction(app.get(DataSource), async (tx) => {
        const agents = await tx.sql<{ id: string }[]>`
          select id from agents where retired_at is null and (${agent ?? null}::text is null or name = ${agent ?? null}::text or id::text = lower(${agent ?? null}::text))
            and (${accountId}::uuid is null or account_id = ${accountId}::uuid) order by id`;
        if (agent !== undefined && agents.length === 0) throw notFound(`agent as "${agent}"`);
        const ids = agents.map(({ id }) => id);
        await app.get(ServerCommands, { strict: false }).askToReconcile(tx, null, ids, 0, () => ({ reason: 'asked at the command line' }));
        return tx.sql<Asked[]>`
          select distinct on (a.name, a.id) a.name as agent, a.id as "agentId", c.id as "commandId", c.status, c.created_at as "createdAt" from agents a join agent_commands c on c.agent_id = a.id and c.type = 'reconcile'
          where a.id = any(${ids}::uuid[]) and c.status = 'queued' order by a.name, a.id, c.seq desc`;
      });
      return {
        json: { commands: asked },
        text: asked.length === 0 ? 'There is no agent to ask.' : asked.map((each) => `Asked ${each.agent}: command ${each.commandId} (${each.status})`).join('\n'),
      };
    }),
  );
}
