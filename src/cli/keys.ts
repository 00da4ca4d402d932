import { DataSource } from 'typeorm';
import { AgentsRepository } from '../agents/agents.repository.js';
import { createKeySchema } from '../agents/agents.schemas.js';
import { AgentsService } from '../agents/agents.service.js';
import { isUuid } from '../common/is-uuid.js';
import { notFound } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { inTransaction } from '../database/transaction.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { checked } from './people.js';
import { COMMAND_LINE, withServices } from './services.js';

interface NewKeyOptions {
  agent: string;
  name: string;
  scopes?: string;
  expires?: string;
  rateLimitPerSecond?: string;
}

/** Left to the schema to refuse when it is none: `Number` would take `1e2`, `0x10` and a blank. */
const wholeNumber = (typed: string): number | string => (/^\d{1,9}$/.test(typed) ? Number(typed) : typed);

/** A further key for an agent, named by its name or id. */
export function createKey(env: Env, say: Say, options: NewKeyOptions): Promise<Outcome> {
  const wanted = checked(createKeySchema, {
    name: options.name,
    ...(options.scopes === undefined ? {} : { scopes: options.scopes.split(',').map((scope) => scope.trim()) }),
    ...(options.expires === undefined ? {} : { expiresAt: options.expires }),
    ...(options.rateLimitPerSecond === undefined ? {} : { rateLimitPerSecond: wholeNumber(options.rateLimitPerSecond) }),
  });
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const agent = await findAgent(app.get(AgentsRepository, { strict: false }), options.agent);
      const agents = app.get(AgentsService, { strict: false });
      const { row, key } = await inTransaction(app.get(DataSource), (tx) => agents.createKey(tx, null, agent.id, wanted, COMMAND_LINE));
      const { id, name, scopes, expires_at: expiresAt, rate_limit_per_second: rateLimitPerSecond } = row;
      const terms = [scopes.join(', ') || 'no scopes', expiresAt && `until ${expiresAt}`, rateLimitPerSecond && `at most ${rateLimitPerSecond} requests a second`];
      return {
        json: { id, agentId: agent.id, name, scopes, expiresAt, rateLimitPerSecond, apiKey: key },
        text: `Made the key "${name}" for ${agent.name} (${terms.filter(Boolean).join(', ')}).\nKey (shown once): ${key}`,
      };
    }),
  );
}

async function findAgent(agents: AgentsRepository, nameOrId: string): Promise<{ id: string; name: string }> {
  const filters = [{ name: nameOrId }, ...(isUuid(nameOrId) ? [{ id: nameOrId }] : [])];
  for (const filter of filters) {
    const [agent] = await agents.list(filter, 1, undefined);
    if (agent) return agent;
  }
  throw notFound(`agent as "${nameOrId}"`);
}
