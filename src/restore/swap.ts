import { setTimeout as pause } from 'node:timers/promises';
import { type WatchedClient, withClient } from '../database/client.js';
import { CLIENT_SESSIONS } from '../database/client-sessions.js';
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
    if (others.length > 0 && !disconnect) throw inUse(live, next, inWords(others), 'stop the servers, or say --disconnect');
    const joined = disconnect ? await joinThoseIn(client, [live, next]) : [];
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
      if (sqlState(error) !== IN_USE) throw error;
      const who = inWords(await connectionsTo(client, live)) || 'somebody';
      throw inUse(live, next, who, disconnect ? 'this role may not end their connections, end them as a superuser, or "grant pg_signal_backend" to it' : 'stop the servers, or say --disconnect');
    } finally {
      done.abort();
      await ending;
      for (const role of joined) await client.query(`revoke ${name(role)} from current_user`).catch(() => undefined);
    }
  });
}

const inUse = (live: string, next: string, who: string, advice: string) => new RestoreFailed(
  'IN_USE', `The database ${live} is in use by ${who}: ${advice}. The restored one stays as ${next}; "tradewarden restore --continue" goes on with it.`);

const SESSIONS = `from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid() and ${CLIENT_SESSIONS}`;

/**
 * Connections are ended by members of their role alone, and an owner who made the writer is none of his. He may make himself one, for as
 * long as this takes; where he may not, or it is a superuser who is in there, the rename says so. Answers the roles that are to be left again.
 */
async function joinThoseIn(client: WatchedClient, databases: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ role: string }>(`select distinct usename as role ${SESSIONS} and not pg_has_role(usesysid, 'usage')`, [databases]);
  const joined: string[] = [];
  for (const { role } of rows) await client.query(`grant ${client.escapeIdentifier(role)} to current_user`).then(() => joined.push(role)).catch(() => undefined);
  return joined;
}

/** While the rename holds the database nobody new gets in; those who are in it are ended, again and again. */
async function endConnections(adminUrl: string, databases: readonly string[], signal: AbortSignal): Promise<void> {
  await withClient(adminUrl, async (client) => {
    while (!signal.aborted) {
      const { rows } = await client.query<{ pid: number }>(`select pid ${SESSIONS}`, [databases]);
      // One by one: who may not be ended is an error, and would keep the others.
      for (const { pid } of rows) await client.query('select pg_terminate_backend($1)', [pid]).catch(() => undefined);
      await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }).catch(() => undefined);
}
