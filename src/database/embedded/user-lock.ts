import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { identityIn, type PostmasterFile } from './postmaster-file.js';

/**
 * Everyone who uses the embedded database holds this advisory lock, shared, in the database `postgres`. Whoever gets
 * it exclusively is alone and may stop the server. Any number will do, as long as it never changes.
 */
const USER_LOCK = 7_318_034_520_117;

const CONNECT_MS = 3_000;
const STATEMENT_MS = 5_000;
const CLOSE_MS = 500;

export function adminUrl(port: number, password: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
}

/**
 * Connects to the server that wrote `file`, and makes sure that it is that one: after a crash its port can belong to
 * another. Gives null when it does not take connections (yet), throws when it refuses our password.
 */
export async function connectTo(file: PostmasterFile, password: string): Promise<pg.Client | null> {
  if (file.port === null) return null;
  const client = new pg.Client({
    connectionString: adminUrl(file.port, password),
    ssl: false,
    application_name: 'tradewarden embedded user',
    // Given here so that neither PGOPTIONS nor ALTER ROLE can end this connection while it idles.
    options: '-c idle_session_timeout=0 -c statement_timeout=0 -c lock_timeout=0',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
  });
  // A lost connection also ends; without a listener the error would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ text: string }>(`SELECT pg_read_file('postmaster.pid') AS text`);
    if (identityIn(rows[0]?.text ?? '') === file.identity) return client;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code?.startsWith('28')) {
      throw new Error(`The embedded PostgreSQL refuses the password in secrets.json (${message})`, { cause: error });
    }
  }
  await close(client);
  return null;
}

/** Registers as a user; false while the last user is stopping the server. */
export async function registerUser(client: pg.Client): Promise<boolean> {
  return await yes(client, 'pg_try_advisory_lock_shared');
}

/** Gives up being a user; true when nobody else is one, and nobody can become one before this connection ends. */
export async function isLastUser(client: pg.Client): Promise<boolean> {
  await yes(client, 'pg_advisory_unlock_shared');
  return await yes(client, 'pg_try_advisory_lock');
}

/** Closes in bounded time, also when the server is frozen and says nothing. */
export async function close(client: pg.Client): Promise<void> {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } };
  await Promise.race([client.end().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
  connection.stream.destroy();
}

async function yes(client: pg.Client, lockFunction: string): Promise<boolean> {
  const { rows } = await client.query<{ done: boolean }>(`SELECT ${lockFunction}($1::bigint) AS done`, [USER_LOCK]);
  return rows[0]?.done === true;
}
