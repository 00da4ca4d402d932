import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/database/options.js';
import type { PoolPolicy } from '../../src/database/pool.js';
import { type Cluster, onConnection, startCluster } from '../support/cluster.js';
import { burst, closePools, connectionsOf, mostConnections, openPool, pidOf } from '../support/pool.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterEach(closePools);
afterAll(() => cluster.remove());

const open = (policy: Partial<PoolPolicy>) => openPool(cluster.adminUrl, policy);
const watched = (test: (watcher: pg.Client) => Promise<void>) => () => onConnection(cluster.adminUrl, test);

describe('the null pool', () => {
  it('opens size and overflow at most, and keeps nothing 600 ms after the last use', watched(async (watcher) => {
    const { db, stats, name } = await open({ type: 'null', size: 3, overflow: 2 });
    await expectWithin(600, async () => {
      const most = await mostConnections(name, watcher, () => burst(db, 300, 0.004));
      expect(most).toBe(5);
      return until(async () => (await connectionsOf(name, watcher)) === 0, 1_000);
    });
    expect(stats()).toMatchObject({ type: 'null', max: 5, total: 0, idle: 0, active: 0, waiting: 0 });
  }));

  it('uses a connection again while there is work', async () => {
    const { db } = await open({ type: 'null', size: 1, overflow: 0 });
    const pids = new Set<number | undefined>();
    for (let i = 0; i < 30; i++) pids.add(await pidOf(db));
    expect(pids.size).toBe(1);
  });
});

describe('the pooled pool', () => {
  it('goes over its size under load, and comes back to it when the overflow has idled for ten seconds', watched(async (watcher) => {
    const { db, stats, name } = await open({ size: 2, overflow: 4 });
    const began = performance.now();
    expect(await mostConnections(name, watcher, () => burst(db, 100, 0.01))).toBe(6);
    expect(stats()).toMatchObject({ total: 6, idle: 6, active: 0, waiting: 0 });
    await until(async () => (await connectionsOf(name, watcher)) === 2, 12_000);
    expect(performance.now() - began).toBeGreaterThan(10_000);
    await pause(300);
    expect(await connectionsOf(name, watcher)).toBe(2);
  }));

  it('counts what it gave out and what it could not', async () => {
    const { db, stats } = await open({ size: 1, overflow: 0, timeoutSeconds: 1 });
    await expectWithin(1_400, async () => {
      const before = stats();
      const working = burst(db, 1, 5);
      const took = await timeOf(async () => {
        const results = await Promise.allSettled([pidOf(db), pidOf(db)]);
        expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      });
      await until(() => stats().waiting === 0, 100);
      await working;
      expect(stats()).toMatchObject({ acquiredTotal: before.acquiredTotal + 1, timeoutsTotal: before.timeoutsTotal + 2, active: 0, waiting: 0 });
      return took;
    });
  });

  it('replaces a connection of a certain age, idle or not, and cuts none that works', async () => {
    const { db } = await open({ size: 1, overflow: 0, recycleSeconds: 1 });
    const first = await pidOf(db);
    expect(await burst(db, 1, 1.2)).toEqual([first]);
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

  it('keeps no connections of an attempt that failed half-way', watched(async (watcher) => {
    const name = 'pool-in-steps';
    const policy: PoolPolicy = { type: 'pooled', size: 2, overflow: 0, timeoutSeconds: 3, recycleSeconds: 600, prePing: true, queryTimeoutSeconds: 3 };
    const { options, poolStats } = dataSourceOptions(cluster.adminUrl, policy, name);
    for (let attempt = 0; attempt < 3; attempt++) {
      const db = new DataSource(options);
      db.driver.afterConnect = () => Promise.reject(new Error('half-way'));
      Object.assign(db.driver, { disconnect: () => Promise.reject(new Error('lost')) });
      await expect(db.initialize()).rejects.toThrow();
    }
    const db = await new DataSource(options).initialize();
    await until(async () => (await connectionsOf(name, watcher)) === 1, 1_000);
    expect(poolStats()).toMatchObject({ total: 1 });
    await db.destroy();
  }));
});

