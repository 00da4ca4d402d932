import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { PoolPolicy } from '../../src/database/pool.js';
import { type Cluster, onConnection, startCluster } from '../support/cluster.js';
import { closeGateways, openGateway } from '../support/gateway.js';
import { burst, closePools, openPool, pidOf } from '../support/pool.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterEach(closePools);
afterEach(closeGateways);
afterAll(() => cluster.remove());

const open = (policy: Partial<PoolPolicy>, url = cluster.adminUrl) => openPool(url, policy);
const watched = (test: (watcher: pg.Client) => Promise<void>) => () => onConnection(cluster.adminUrl, test);

describe('a statement without an answer', () => {
  it('is given up after DB_QUERY_TIMEOUT, and its connection goes to nobody else', async () => {
    const { db } = await open({ size: 1, overflow: 0, queryTimeoutSeconds: 1 });
    const first = await pidOf(db);
    const hung = db.query('select pg_sleep(60)');
    const waiting = pidOf(db);
    await expect(hung).rejects.toThrow('Query read timeout');
    expect(await waiting).not.toBe(first);
  });

  it('in a transaction ends the transaction at once: no ROLLBACK waits behind it', async () => {
    const { db } = await open({ size: 1, overflow: 0, queryTimeoutSeconds: 1 });
    await expectWithin(1_500, () => timeOf(() => expect(db.transaction((tx) => tx.query('select pg_sleep(60)'))).rejects.toThrow('Query read timeout')));
    await pidOf(db);
  });
});

describe('a connection that died while it idled', () => {
  it('is replaced when the server has ended all of them', watched(async (watcher) => {
    const { db, name } = await open({ size: 5, overflow: 0 });
    for (const idleMs of [0, 20, 600]) {
      await burst(db, 5);
      await pause(idleMs);
      const { rowCount } = await watcher.query(`select pg_terminate_backend(pid, 2000) from pg_stat_activity where application_name = $1`, [name]);
      expect(rowCount).toBe(5);
      await expect(burst(db, 50, 0)).resolves.toHaveLength(50);
    }
  }));

  it('is replaced also when the process was too busy to read the goodbye', watched(async (watcher) => {
    const { db, name } = await open({ size: 5, overflow: 0 });
    await burst(db, 5);
    const terminated = watcher.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1`, [name]);
    await nextTurn();
    // The event loop stands still while the server ends the connections: what it said lies unread in the sockets.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    await expect(burst(db, 20, 0)).resolves.toHaveLength(20);
    expect((await terminated).rowCount).toBe(5);
  }));

  it('is replaced when a firewall dropped it without a word, and so are those that idled as long', async () => {
    const gateway = await openGateway(cluster.adminUrl);
    await expectWithin(3_500, async () => {
      const { db } = await open({ size: 5, overflow: 0, queryTimeoutSeconds: 20, timeoutSeconds: 20 }, gateway.url);
      await burst(db, 5);
      await pause(600);
      gateway.forgetConnections();
      return timeOf(async () => {
        for (let i = 0; i < 10; i++) await pidOf(db);
      });
    });
  });

  it('is not noticed with DB_POOL_PRE_PING=off before the statement times out', async () => {
    const gateway = await openGateway(cluster.adminUrl);
    const { db } = await open({ size: 1, overflow: 0, prePing: false, queryTimeoutSeconds: 3 }, gateway.url);
    await pause(600);
    gateway.forgetConnections();
    await expect(pidOf(db)).rejects.toThrow('Query read timeout');
    await pidOf(db);
  });

  it('does not end the process when it is lost between two users, while nobody listens', watched(async (watcher) => {
    const { db } = await open({ size: 1, overflow: 0 });
    const { master } = db.driver as unknown as { master: pg.Pool };
    const client = await master.connect();
    expect(client.listenerCount('error')).toBe(1);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise((resolve) => client.once('end', resolve));
    await watcher.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    client.release();
    await pidOf(db);
  }));
});

describe('a server that is frozen', () => {
  it('fails every request in bounded time, and is used again when it goes on', async () => {
    const { db, stats } = await open({ size: 3, overflow: 2, queryTimeoutSeconds: 6, timeoutSeconds: 15 });
    const before = new Set(await burst(db, 5));
    cluster.freeze();
    try {
      const started = performance.now();
      // Five find a connection that worked a moment ago and wait for its answer; the others wait for a connection.
      const results = await Promise.allSettled(Array.from({ length: 15 }, () => pidOf(db)));
      expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 15 }, () => 'rejected'));
      expect(performance.now() - started).toBeLessThan(60_000);
      await until(() => stats().total === 0 && stats().waiting === 0, 6_000);
    } finally {
      cluster.thaw();
    }
    const after = await burst(db, 5);
    expect(after.filter((pid) => before.has(pid))).toEqual([]);
  });
});
