import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/options.js';
import type { PoolPolicy, PoolStats } from '../../src/database/pool.js';
import { type Cluster, onConnection, startCluster } from '../support/cluster.js';
import { openGateway } from '../support/gateway.js';

let cluster: Cluster;
let watcher: pg.Client;
const opened: DataSource[] = [];
/** Each pool has its own, since a statement that was given up goes on for a while. */
let name = 'pool-0';

beforeAll(async () => {
  cluster = await startCluster();
});
afterEach(async () => {
  for (const db of opened.splice(0)) if (db.isInitialized) await db.destroy();
});
afterAll(() => cluster.remove());

async function open(policy: Partial<PoolPolicy>, url = cluster.adminUrl): Promise<{ db: DataSource; stats: () => PoolStats }> {
  const whole = { type: 'pooled', size: 2, overflow: 1, timeoutSeconds: 3, recycleSeconds: 600, prePing: true, queryTimeoutSeconds: 10, ...policy } as const;
  name = `pool-${Number(name.slice(5)) + 1}`;
  const { options, poolStats } = dataSourceOptions(url, whole, name);
  const db = await new DataSource(options).initialize();
  opened.push(db);
  return { db, stats: poolStats };
}

const pidOf = async (db: DataSource): Promise<number> => ((await db.query('select pg_backend_pid() as pid')) as { pid: number }[])[0]!.pid;
const burst = (db: DataSource, statements: number, seconds = 0.05) =>
  Promise.all(Array.from({ length: statements }, () => db.query(`select pg_sleep(${seconds}), pg_backend_pid() as pid`) as Promise<{ pid: number }[]>));

async function connections(): Promise<number> {
  const { rows } = await watcher.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where application_name = $1`, [name]);
  return rows[0]!.n;
}

/** Runs `work` while it looks at pg_stat_activity all the time; answers the most connections that there were. */
async function mostConnectionsDuring(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  let over = false;
  const watching = (async () => {
    while (!over) most = Math.max(most, await connections());
  })();
  await work().finally(() => (over = true));
  await watching;
  return most;
}

async function until(condition: () => Promise<boolean>, timeoutMs: number): Promise<number> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > timeoutMs) throw new Error(`still not so after ${timeoutMs} ms`);
    await pause(5);
  }
  return performance.now() - started;
}

const watched = (test: () => Promise<void>) => () => onConnection(cluster.adminUrl, async (client) => {
  watcher = client;
  await test();
});

describe('the null pool', () => {
  it('opens size and overflow at most, and keeps nothing 250 ms after the last use', watched(async () => {
    const { db, stats } = await open({ type: 'null', size: 3, overflow: 2 });
    const most = await mostConnectionsDuring(() => burst(db, 300, 0.004));
    expect(most).toBe(5);
    const closedAfterMs = await until(async () => (await connections()) === 0, 1_000);
    expect(closedAfterMs).toBeLessThan(500);
    expect(stats()).toMatchObject({ type: 'null', max: 5, total: 0, idle: 0, active: 0, waiting: 0 });
  }));

  it('uses a connection again while there is work', watched(async () => {
    const { db } = await open({ type: 'null', size: 1, overflow: 0 });
    const pids = new Set<number>();
    for (let i = 0; i < 30; i++) pids.add(await pidOf(db));
    expect(pids.size).toBe(1);
  }));
});

describe('the pooled pool', () => {
  it('goes over its size under load, and comes back to it when the overflow has idled for ten seconds', watched(async () => {
    const { db, stats } = await open({ size: 2, overflow: 4 });
    expect(await mostConnectionsDuring(() => burst(db, 100, 0.01))).toBe(6);
    expect(stats()).toMatchObject({ total: 6, idle: 6, active: 0, waiting: 0 });
    const backAfterMs = await until(async () => (await connections()) === 2, 12_000);
    expect(backAfterMs).toBeGreaterThan(8_000);
    await pause(300);
    expect(await connections()).toBe(2);
  }));

  it('counts what it gave out and what it could not', async () => {
    const { db, stats } = await open({ size: 1, overflow: 0, timeoutSeconds: 1 });
    const before = stats();
    const started = performance.now();
    const results = await Promise.allSettled([burst(db, 1, 1.5), pidOf(db), pidOf(db)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(stats()).toMatchObject({ acquiredTotal: before.acquiredTotal + 1, timeoutsTotal: 2, active: 0, waiting: 0 });
  });

  it('replaces a connection of a certain age, idle or not, and cuts none that works', async () => {
    const { db } = await open({ size: 1, overflow: 0, recycleSeconds: 1 });
    const first = await pidOf(db);
    const [[working]] = (await burst(db, 1, 1.2)) as [{ pid: number }[]];
    expect(working?.pid).toBe(first);
    expect(await pidOf(db)).not.toBe(first);
  });

  it('takes no connection back inside a transaction: its next user would be in it', async () => {
    const { db } = await open({ size: 1, overflow: 0 });
    const first = await pidOf(db);
    const runner = db.createQueryRunner();
    await runner.query('begin');
    await runner.query('create temporary table left_over (n int)');
    await runner.release();
    expect(await pidOf(db)).not.toBe(first);
    await expect(db.query('select 1 from left_over')).rejects.toThrow(/does not exist/);
  });

  it('keeps no connections of an attempt that failed half-way', watched(async () => {
    const policy: PoolPolicy = { type: 'pooled', size: 2, overflow: 0, timeoutSeconds: 3, recycleSeconds: 600, prePing: true, queryTimeoutSeconds: 3 };
    const { options, poolStats } = dataSourceOptions(cluster.adminUrl, policy, (name = 'pool-1000'));
    for (let attempt = 0; attempt < 3; attempt++) {
      const db = new DataSource(options);
      db.driver.afterConnect = () => Promise.reject(new Error('half-way'));
      Object.assign(db.driver, { disconnect: () => Promise.reject(new Error('lost')) });
      await expect(db.initialize()).rejects.toThrow();
    }
    opened.push(await new DataSource(options).initialize());
    await until(async () => (await connections()) === 1, 1_000);
    expect(poolStats()).toMatchObject({ total: 1 });
  }));
});

describe('a statement without an answer', () => {
  it('is given up after DB_QUERY_TIMEOUT, and its connection goes to nobody else', async () => {
    const { db } = await open({ size: 1, overflow: 0, queryTimeoutSeconds: 1 });
    const first = await pidOf(db);
    const hung = db.query('select pg_sleep(4)');
    const waiting = pidOf(db);
    await expect(hung).rejects.toThrow('Query read timeout');
    expect(await waiting).not.toBe(first);
  });

  it('in a transaction ends the transaction at once: no ROLLBACK waits behind it', async () => {
    const { db } = await open({ size: 1, overflow: 0, queryTimeoutSeconds: 1 });
    const started = performance.now();
    await expect(db.transaction((tx) => tx.query('select pg_sleep(4)'))).rejects.toThrow('Query read timeout');
    expect(performance.now() - started).toBeLessThan(1_500);
    await pidOf(db);
  });
});

describe('a connection that died while it idled', () => {
  it('is replaced when the server has ended all of them', watched(async () => {
    const { db } = await open({ size: 5, overflow: 0 });
    for (const idleMs of [0, 20, 600]) {
      await burst(db, 5);
      await pause(idleMs);
      const { rowCount } = await watcher.query(`select pg_terminate_backend(pid, 2000) from pg_stat_activity where application_name = $1`, [name]);
      expect(rowCount).toBe(5);
      await expect(burst(db, 50, 0)).resolves.toHaveLength(50);
    }
  }));

  it('is replaced when a firewall dropped it without a word, and so are those that idled as long', async () => {
    const gateway = await openGateway(cluster.adminUrl);
    const { db } = await open({ size: 5, overflow: 0, queryTimeoutSeconds: 20, timeoutSeconds: 20 }, gateway.url);
    await burst(db, 5);
    await pause(600);
    gateway.forgetConnections();
    const started = performance.now();
    for (let i = 0; i < 10; i++) await pidOf(db);
    expect(performance.now() - started).toBeLessThan(3_500);
    await db.destroy();
    await gateway.close();
  });

  it('is not noticed with DB_POOL_PRE_PING=off before the statement times out', async () => {
    const gateway = await openGateway(cluster.adminUrl);
    const { db } = await open({ size: 1, overflow: 0, prePing: false, queryTimeoutSeconds: 3 }, gateway.url);
    await pause(600);
    gateway.forgetConnections();
    await expect(pidOf(db)).rejects.toThrow('Query read timeout');
    await pidOf(db);
    await db.destroy();
    await gateway.close();
  });

  it('takes nothing else with it: nobody listened, and the process lives', watched(async () => {
    const { db } = await open({ size: 1, overflow: 0 });
    const runner = db.createQueryRunner();
    const client = (await runner.connect()) as pg.Client;
    client.removeAllListeners('error');
    client.on('error', () => undefined);
    expect(client.listenerCount('error')).toBeGreaterThan(0);
    const [row] = (await runner.query('select pg_backend_pid() as pid')) as { pid: number }[];
    await watcher.query('select pg_terminate_backend($1)', [row?.pid]);
    await pause(100);
    await runner.release();
    await pidOf(db);
  }));
});

describe('a server that is frozen', () => {
  it('fails every request in bounded time, and is used again when it goes on', async () => {
    const { db, stats } = await open({ size: 3, overflow: 2, queryTimeoutSeconds: 2, timeoutSeconds: 6 });
    const before = new Set((await burst(db, 5)).map(([row]) => row?.pid));
    cluster.freeze();
    try {
      const started = performance.now();
      // Five find a connection that worked a moment ago and wait for its answer; the others wait for a connection.
      const results = await Promise.allSettled(Array.from({ length: 15 }, () => pidOf(db)));
      expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 15 }, () => 'rejected'));
      expect(performance.now() - started).toBeLessThan(7_500);
      await until(async () => stats().total === 0 && stats().waiting === 0, 6_000);
    } finally {
      cluster.thaw();
    }
    const after = (await burst(db, 5)).map(([row]) => row?.pid);
    expect(after.filter((pid) => before.has(pid))).toEqual([]);
  });
});
