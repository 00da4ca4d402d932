import type pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/options.js';
import type { PoolPolicy, PoolStats } from '../../src/database/pool.js';

/** A pool of the application on its own, and what pg_stat_activity says of it. */
export interface PoolUnderTest {
  db: DataSource;
  stats: () => PoolStats;
  /** Its connections carry this name; each pool has its own, since a statement that was given up goes on for a while. */
  name: string;
}

const opened: DataSource[] = [];
let made = 0;

export async function openPool(url: string, policy: Partial<PoolPolicy>): Promise<PoolUnderTest> {
  const whole = { type: 'pooled', size: 2, overflow: 1, timeoutSeconds: 60, recycleSeconds: 600, prePing: true, queryTimeoutSeconds: 60, ...policy } as const;
  const name = `pool-${process.pid}-${++made}`;
  const { options, poolStats } = dataSourceOptions(url, whole, name);
  const db = await new DataSource(options).initialize();
  opened.push(db);
  return { db, stats: poolStats, name };
}

/** For `afterEach`. */
export async function closePools(): Promise<void> {
  for (const db of opened.splice(0)) if (db.isInitialized) await db.destroy();
}

/** The server process behind the connection that the next statement gets. */
export async function pidOf(db: DataSource): Promise<number | undefined> {
  const [row] = (await db.query('select pg_backend_pid() as pid')) as { pid: number }[];
  return row?.pid;
}

/** So many statements at once, each as long as said; answers the server processes that served them. */
export async function burst(db: DataSource, statements: number, seconds = 0.05): Promise<(number | undefined)[]> {
  const one = () => db.query(`select pg_sleep(${seconds}), pg_backend_pid() as pid`) as Promise<{ pid: number }[]>;
  const answers = await Promise.all(Array.from({ length: statements }, one));
  return answers.map(([row]) => row?.pid);
}

export async function connectionsOf(name: string, watcher: pg.Client): Promise<number> {
  const { rows } = await watcher.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where application_name = $1`, [name]);
  return rows[0]?.n ?? 0;
}

/** Runs `work` while it looks at pg_stat_activity all the time; answers the most connections that there were. */
export async function mostConnections(name: string, watcher: pg.Client, work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  let over = false;
  const watching = (async () => {
    while (!over) most = Math.max(most, await connectionsOf(name, watcher));
  })();
  await work().finally(() => (over = true));
  await watching;
  return most;
}
