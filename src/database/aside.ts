import { WatchedClient } from './client.js';

/** A probe that takes longer is itself a fault: load balancers give up after a second or two. */
const DEADLINE_MS = 900;

export class NoAnswerInTime extends Error {
  override name = 'NoAnswerInTime';
}

/**
 * Asks the database on a connection of its own, for what looks at the server from outside: an exhausted pool is not an
 * absent database, and whoever looks takes no connection from those who work.
 * @throws {NoAnswerInTime} after 0.9 s for everything, and what connecting or `ask` throws before
 */
export async function askAside<T>(url: string, applicationName: string, ask: (client: WatchedClient) => Promise<T>): Promise<T> {
  const client = new WatchedClient({ connectionString: url, application_name: applicationName });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // Not ended politely: a server that hangs would let the goodbye hang too, and one connection more each second.
      client.cut();
      reject(new NoAnswerInTime());
    }, DEADLINE_MS);
  });
  try {
    return await Promise.race([client.connect().then(() => ask(client)), late]);
  } finally {
    clearTimeout(timer);
    void client.end().catch(() => undefined);
  }
}
