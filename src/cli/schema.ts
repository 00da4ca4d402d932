import type { Env } from '../config/env.js';
import { withClient } from '../database/client.js';
import { migrateDown, migrateUp, migrationStatus } from '../database/migrate.js';
import { identityOf } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import { type Outcome, wrongUsage } from './outcome.js';
import { type Say, withDatabase } from './database.js';

export function migrate(env: Env, say: Say): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const { applied, notes } = await migrateUp(urls.ownerUrl, { writer: identityOf(urls.url).user, log: say });
    notes.forEach(say);
    return {
      json: { applied, notes },
      text: applied.length === 0 ? 'The schema is up to date.' : `Applied:\n${applied.map((name) => `  ${name}`).join('\n')}`,
    };
  });
}

/** For a command that may be the first one on an empty database: as a start of the server would, where that migrates. */
export async function migratedAsAtStart(env: Env, say: Say, urls: DatabaseUrls): Promise<void> {
  if (env.MIGRATE_ON_START) await migrateUp(urls.ownerUrl, { writer: identityOf(urls.url).user, log: say });
}

export function migrateStatus(env: Env, say: Say): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const status = await withClient(urls.ownerUrl, (client) => migrationStatus(async (text) => (await client.query(text)).rows));
    const lines = (['applied', 'pending', 'ahead'] as const).flatMap((state) => status[state].map((name) => `${state.padEnd(8)} ${name}`));
    return { json: status, text: lines.join('\n') };
  });
}

export function migrateBack(env: Env, say: Say, sure: boolean): Promise<Outcome> {
  if (!sure) throw wrongUsage('This removes what the newest migration made, with its rows. Say --yes if that is meant.');
  return withDatabase(env, say, async (urls) => {
    const undone = await migrateDown(urls.ownerUrl, { log: say });
    return { json: { undone }, text: undone ? `Took back ${undone}.` : 'There is no migration to take back.' };
  });
}
