import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '../database/client.js';
import { sqlState } from '../database/sql-state.js';
import { connectionsTo, inWords } from './database-server.js';
import { mark, type Mark } from './database-marks.js';
import { RestoreFailed } from './failed.js';

const IN_USE = '55006';
/** PostgreSQL waits 5 s for those who are in it to leave. */
const AGAIN_MS = 200;

export interface Swap {
  /** The database that is to go out of the way; it is there, or not (`hasLive`). */
  live: string;
  hasLive: boolean;
  next: string;
  /** Under which name what was live is kept. */
  before: string;
  kept: Mark;
  /** End the connections of others. */
  disconnect: boolean;
}

/**
 * What was live gets another name and the new one its name, in one transaction: whoever is killed in between has changed
 * nothing. From the first statement on nobody gets into either.
 * @throws {RestoreFailed} IN_USE
 */
export async function swapDatabases(adminUrl: string, swap: Swap): Promise<void> {
  const { live, hasLive, next, before, kept, disconnect } = swap;
  await withClient(adminUrl, async (client) => {
    const name = (text: string) => client.escapeIdentifier(text);
    const others = hasLive ? await connectionsTo(client, live) : [];
    if (others.length > 0 && !disconnect) throw inUse(live, next, inWords(others));
    const done = new AbortController();
    const ending = disconnect ? endConnections(adminUrl, [live, next], done.signal) : Promise.resolve();
    try {
      await client.query(`begin; set local lock_timeout = '10s'`);
      if (hasLive) {
        await client.query(`alter database ${name(live)} rename to ${name(before)}`);
        await mark(client, before, kept);
      }
      await client.query(`alter database ${name(next)} rename to ${name(live)}`);
      await mark(client, live, null);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      if (sqlState(error) === IN_USE) throw inUse(live, next, 'somebody');
      throw error;
    } finally {
      done.abort();
      await ending;
    }
  });
}

const inUse = (live: string, next: string, who: string) => new RestoreFailed(
  'IN_USE', `The database ${live} is in use by ${who}: stop the servers, or say --disconnect. The restored one stays as ${next}; "tradewarden restore --continue" goes on with it.`);

/** While the rename holds the database nobody new gets in; those who are in it are ended, again and again. */
async function endConnections(adminUrl: string, databases: readonly string[], signal: AbortSignal): Promise<void> {
  await withClient(adminUrl, async (client) => {
    while (!signal.aborted) {
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid() and backend_type = 'client backend'`, [databases]).catch(() => undefined);
      await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }).catch(() => undefined);
}
