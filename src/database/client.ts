import pg from 'pg';

/** Reaching a server takes milliseconds; one that says nothing for so long is frozen or not there. */
const CONNECT_MS = 5_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
/** The server closes after a goodbye within a round trip; one that hangs never does. */
const GOODBYE_MS = 1_000;
/** The longest of setup, making a database, takes seconds; a server that freezes meanwhile takes for ever. */
const SETUP_STATEMENT_MS = 60_000;

type Statement = (...args: unknown[]) => unknown;

/**
 * A connection that is safe to leave alone. It survives the loss of its server while nobody listens (an 'error'
 * without a listener ends the process, and between two users of a pooled connection there is none), and it closes
 * itself when a statement gets no answer in time: that statement still runs, a ROLLBACK behind it would wait as long
 * again, and its late answer could be taken for another's.
 */
export class WatchedClient extends pg.Client {
  private isLost = false;
  private isUp = false;

  constructor(config?: string | pg.ClientConfig) {
    const given = typeof config === 'string' ? { connectionString: config } : (config ?? {});
    const wait = given.connectionTimeoutMillis ?? CONNECT_MS;
    super({
      keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS, ...given,
      // pg-pool hides the password from enumeration, so that the spread above misses it.
      password: given.password,
      connectionTimeoutMillis: Math.min(wait, CONNECT_MS),
    });
    this.on('error', () => (this.isLost = true));
    this.on('end', () => (this.isLost = true));
    this.once('connect', () => (this.isUp = true));
    const query = this.query.bind(this) as Statement;
    this.query = ((...args: unknown[]) => this.watched(query, args)) as typeof this.query;
  }

  /** True once this process knows that the connection has ended or broken. */
  get lost(): boolean {
    return this.isLost;
  }

  /** Says goodbye, and cuts the connection when the server does not close it in time. */
  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | void {
    const timer = setTimeout(() => this.destroy(), GOODBYE_MS).unref();
    this.once('end', () => clearTimeout(timer));
    return callback ? super.end(callback) : super.end();
  }

  /** Cuts the connection without a word to the server, which may not be listening. */
  cut(): void {
    this.isLost = true;
    // A client that was told to end while it connects never answers its connect(): one whose socket breaks does.
    if (this.isUp) void this.end().catch(() => undefined);
    this.destroy();
  }

  private destroy(): void {
    (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  /** Cut before the caller hears of it: a pool that gets it back in the same moment must see that it has ended. */
  protected watched(query: Statement, args: unknown[]): unknown {
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      args[args.length - 1] = (error: unknown, result: unknown) => {
        this.cutOnTimeout(error);
        (callback as (error: unknown, result: unknown) => void)(error, result);
      };
      return query(...args);
    }
    const result = query(...args);
    if (result instanceof Promise) result.catch((error: unknown) => this.cutOnTimeout(error));
    return result;
  }

  private cutOnTimeout(error: unknown): void {
    if (error instanceof Error && error.message === 'Query read timeout') this.cut();
  }
}

/** Runs `work` on a connection of its own. */
export async function withClient<T>(url: string, work: (client: WatchedClient) => Promise<T>, applicationName = 'tradewarden-setup'): Promise<T> {
  const client = new WatchedClient({ connectionString: url, application_name: applicationName, query_timeout: SETUP_STATEMENT_MS });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
