import { WatchedClient } from './client.js';

/** Whoever else uses the pooler may hold the connection that both would get: then the next look tells. */
const LOOKS = 10;
const ANSWER_MS = 5_000;

/** A pooler lends the connection to others between two transactions: what is to last for a session does not, or never ends. */
export class SessionShared extends Error {}

/**
 * Refuses a transaction pooler, for what holds a lock or settings for as long as its session lasts: the lock would stay behind,
 * two could hold it, and the settings would be those of whoever comes next. One that keeps a connection for each of its clients
 * is none: it shows, like any server, one process for each.
 * @param client connected, and in no transaction
 * @param setting whose URL it is
 * @throws {SessionShared}
 */
export async function mustKeepSession(client: WatchedClient, url: string, setting: string): Promise<void> {
  const own = await processOf(client);
  // What the server said when the connection was made; a pooler answers for it with a number of its own.
  if (own === (client as unknown as { processID: number }).processID) return;
  const other = new WatchedClient({ connectionString: url, application_name: 'tradewarden-setup', query_timeout: ANSWER_MS });
  try {
    await other.connect();
    for (let look = 0; look < LOOKS; look++) {
      const [others, now] = [await processOf(other), await processOf(client)];
      if (others === now || now !== own) throw new SessionShared(`${setting} goes through a transaction pooler, which keeps no session: give it a way past the pooler.`);
    }
  } catch (error) {
    // It has no second connection to give: then the first is not lent to others.
    if (error instanceof SessionShared) throw error;
  } finally {
    await other.end().catch(() => undefined);
  }
}

async function processOf(client: WatchedClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
}
