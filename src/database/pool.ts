import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import pg from 'pg';
import type { WatchedClient } from './client.js';
import { clientWatchedBy, type StatementWatch } from './statement-watch.js';

/** How connections are kept; see "Connections" in ARCHITECTURE.md. */
export interface PoolPolicy {
  type: 'pooled' | 'null';
  size: number;
  overflow: number;
  timeoutSeconds: number;
  recycleSeconds: number;
  prePing: boolean;
  queryTimeoutSeconds: number;
}

export interface PoolStats {
  type: 'pooled' | 'null';
  size: number;
  overflow: number;
  timeoutSeconds: number;
  recycleSeconds: number;
  prePing: boolean;
  max: number;
  total: number;
  idle: number;
  active: number;
  waiting: number;
  acquiredTotal: number;
  timeoutsTotal: number;
}

/**
 * The null pool closes a connection this long after its last use: closing at release made 399 statements/s of 49,100. Each
 * new one plans its statements anew: after 250 ms 15 connections came in 10 s, and 0.69 of the pooled cycles; after 400 ms
 * 10, and as many cycles.
 */
const NULL_IDLE_MS = 400;
/** Overflow connections outlive a burst by this much. */
const OVERFLOW_IDLE_MS = 10_000;
/** A connection that idled longer is checked before use: younger ones were seen to work a moment ago. */
const PING_AFTER_IDLE_MS = 500;
/** Handed over from one request to the next. */
const NOT_IDLE_MS = 1;
const PING_TIMEOUT_MS = 2_000;

type PoolClient = pg.PoolClient & WatchedClient;
type Connected = (error: Error | undefined, client?: pg.PoolClient, release?: (error?: unknown) => void) => void;

/** No connection could be had: the request may be repeated, whatever the reason was. */
export class NoConnection extends Error {
  override name = 'NoConnection';
  constructor(cause: unknown) {
    super((cause as Error).message || 'no connection', { cause });
  }
}

/** What node-postgres is told, so that its pool follows the policy. */
export function poolOptions(policy: PoolPolicy, watch: StatementWatch): pg.PoolConfig {
  return {
    min: policy.type === 'null' ? 0 : policy.size,
    max: policy.size + policy.overflow,
    idleTimeoutMillis: policy.type === 'null' ? NULL_IDLE_MS : OVERFLOW_IDLE_MS,
    connectionTimeoutMillis: policy.timeoutSeconds * 1000,
    maxLifetimeSeconds: policy.recycleSeconds,
    query_timeout: policy.queryTimeoutSeconds * 1000,
    Client: clientWatchedBy(watch) as unknown as new () => pg.ClientBase,
  };
}

/**
 * A node-postgres pool that checks connections before use, counts, and takes no connection back that hangs or stands
 * in a transaction. The class is handed to TypeORM in place of pg's own, so every statement of the application passes
 * here.
 */
export function policyPool(policy: PoolPolicy): { Pool: typeof pg.Pool; stats: () => PoolStats } {
  let current: pg.Pool | null = null;
  let acquiredTotal = 0;
  let timeoutsTotal = 0;

  /** TypeORM forgets a pool whose first steps failed, with its connections, and makes another at the next attempt. */
  function replaceBy(pool: pg.Pool): void {
    if (current && !current.ending) void current.end().catch(() => undefined);
    current = pool;
  }

  class PolicyPool extends pg.Pool {
    private readonly idleSince = new WeakMap<pg.PoolClient, number>();
    /** A check failed at this time: connections that have idled since before it are as dead. */
    private lostAt = -1;

    constructor(config?: pg.PoolConfig) {
      super(config);
      replaceBy(this);
      this.on('release', (_error: Error, client: pg.PoolClient) => this.idleSince.set(client, performance.now()));
    }

    override connect(): Promise<pg.PoolClient>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<pg.PoolClient> | void {
      const acquired = this.acquireChecked();
      if (!callback) return acquired;
      acquired.then(
        (client) => callback(undefined, client, (error) => client.release(error as Error)),
        (error: Error) => callback(error, undefined, () => undefined),
      );
    }

    /** The whole search for a working connection takes at most DB_POOL_TIMEOUT. */
    private async acquireChecked(): Promise<pg.PoolClient> {
      const deadline = performance.now() + policy.timeoutSeconds * 1000;
      for (;;) {
        const client = await this.acquire(deadline);
        if (await this.works(client)) {
          acquiredTotal += 1;
          return refusedInTransaction(client);
        }
        client.release(new Error('the connection does not work'));
      }
    }

    private async works(client: PoolClient): Promise<boolean> {
      const idleSince = this.idleSince.get(client);
      if (idleSince === undefined) return true;
      const now = performance.now();
      if (now - idleSince < NOT_IDLE_MS) return true;
      if (policy.prePing && idleSince <= this.lostAt) return false;
      if (!policy.prePing || now - idleSince < PING_AFTER_IDLE_MS) {
        // The server's goodbye may lie in the socket, unread: one turn of the event loop reads it.
        await nextTurn();
        return !client.lost;
      }
      if (await answers(client)) return true;
      this.lostAt = Math.max(this.lostAt, now);
      return false;
    }

    private async acquire(deadline: number): Promise<PoolClient> {
      const pending = super.connect() as Promise<PoolClient>;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error('timeout exceeded when trying to connect')), Math.max(0, deadline - performance.now()));
      });
      try {
        return await Promise.race([pending, late]);
      } catch (error) {
        if (/timeout/i.test((error as Error).message)) timeoutsTotal += 1;
        pending.then(
          (client) => client.release(),
          () => undefined,
        );
        throw new NoConnection(error);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  const stats = (): PoolStats => {
    const total = current?.totalCount ?? 0;
    const idle = current?.idleCount ?? 0;
    return {
      type: policy.type, size: policy.size, overflow: policy.overflow, max: policy.size + policy.overflow,
      timeoutSeconds: policy.timeoutSeconds, recycleSeconds: policy.recycleSeconds, prePing: policy.prePing,
      total, idle, active: total - idle, waiting: current?.waitingCount ?? 0, acquiredTotal, timeoutsTotal,
    };
  };
  return { Pool: PolicyPool as typeof pg.Pool, stats };
}

async function answers(client: PoolClient): Promise<boolean> {
  const timer = setTimeout(() => client.cut(), PING_TIMEOUT_MS);
  try {
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that comes back inside a transaction would give its next user that transaction: it is closed. */
function refusedInTransaction(client: PoolClient): pg.PoolClient {
  const release = client.release;
  client.release = (error) => {
    const open = !error && client.getTransactionStatus() !== 'I';
    release(open ? new Error('released inside a transaction') : error);
  };
  return client;
}
