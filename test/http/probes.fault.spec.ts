import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { migrateUp } from '../../src/database/migrate.js';
import { ensureDatabase, identityOf, withIdentity } from '../../src/database/roles.js';
import { type Cluster, databaseOn, onConnection, startCluster } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { closeGateways, type Gateway, openGateway } from '../support/gateway.js';
import { type Answer, clientOf } from '../support/http.js';
import { expectWithin, until } from '../support/timing.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

interface Health {
  status: string;
  database: Record<string, unknown> & { available: boolean; error: string | null };
  pool: Record<string, unknown>;
}

let cluster: Cluster;
let db: TestDatabase;
let server: ServerProcess;
let gateway: Gateway;
/** Everything that a probe said in this file. */
const said: string[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  db = await databaseOn(cluster);
  gateway = await openGateway(db.url);
  const { port } = new URL(gateway.url);
  const ownerUrl = withIdentity(gateway.url, identityOf(db.ownerUrl));
  await cluster.stop();
  server = await startServerProcess({ env: { DATABASE_URL: gateway.url, DATABASE_OWNER_URL: ownerUrl, DB_QUERY_TIMEOUT: '10', DB_POOL_TIMEOUT: '15' } });
  // With its colon: five digits alone are also a part of some byte count.
  secrets.push(`:${port}`, `:${new URL(db.url).port}`, identityOf(db.url).password, identityOf(db.ownerUrl).password);
});
afterEach(() => cluster.thaw());
afterAll(async () => {
  await stopServerProcesses();
  await closeGateways();
  await gateway.close();
  await cluster.remove();
});

const secrets = ['postgres://', '127.0.0.1', 'writer', 'owner"', 'password'];

/** One probe, with how long its answer took in milliseconds. */
async function probe<T = { reason?: string }>(path: string, of = server): Promise<Answer<T> & { ms: number }> {
  const started = performance.now();
  const answer = await clientOf(of.base)<T>('GET', path);
  said.push(answer.text);
  return { ...answer, ms: performance.now() - started };
}

/** /readyz and /health say no, with the same reason, in time; /livez does not mind. */
async function expectUnavailable(reason: RegExp, of = server): Promise<Health> {
  const [live, ready, health] = await Promise.all([probe('/livez', of), probe('/readyz', of), probe<Health>('/health', of)]);
  expect([live.status, ready.status, health.status]).toEqual([200, 503, 503]);
  // On a busy machine late; that it was the probe's own second is in the reason.
  for (const { ms } of [live, ready, health]) expect(ms).toBeLessThan(60_000);
  for (const { headers } of [ready, health]) {
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(headers.get('cache-control')).toBe('no-store');
  }
  expect(ready.body.reason).toMatch(reason);
  expect(health.body.status).toBe('error');
  expect(health.body.database).toMatchObject({ available: false, error: expect.stringMatching(reason) });
  return health.body;
}

async function expectAvailable(of = server): Promise<Health> {
  await whenReady(of.base);
  let health = await probe<Health>('/health', of);
  // It has 0.9 s for that, in which a busy machine may not connect.
  await until(async () => health.status === 200 || ((health = await probe<Health>('/health', of)), false), 5_000);
  expect((await probe('/livez', of)).status).toBe(200);
  expect(health.body).toMatchObject({ status: 'ok', database: { available: true, error: null } });
  return health.body;
}

describe('before the database was ever there', () => {
  it('probes say so and other requests are told to come again; then all is well by itself', async () => {
    await expectUnavailable(/cannot be reached/);
    const answer = await clientOf(server.base)('GET', '/agents', { token: 'tw_any' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE', retryable: true } });
    expect(answer.headers.get('retry-after')).not.toBeNull();
    await cluster.start();
    await expectAvailable();
  });
});

describe('while the database', () => {
  beforeAll(() => cluster.start());

  it('is stopped later, probes say so; then all is well by itself', async () => {
    await cluster.stop();
    await expectUnavailable(/cannot be reached/);
    await cluster.start();
    await expectAvailable();
  });

  it('hangs, every probe is answered within a second and a flood of them shares one connection', async () => {
    const before = gateway.open();
    cluster.freeze();
    await expectUnavailable(/no answer within a second/);
    await pause(300);
    const flood = Promise.all(Array.from({ length: 50 }, (_, i) => probe(i % 2 ? '/readyz' : '/health')));
    let most = 0;
    const watching = setInterval(() => (most = Math.max(most, gateway.open() - before)), 5);
    for (const { status, text, ms } of await flood) {
      expect([status, text]).toEqual([503, expect.stringContaining('no answer within a second')]);
      expect(ms).toBeLessThan(60_000);
    }
    for (let i = 0; i < 20; i++) {
      void probe('/readyz');
      await pause(60);
    }
    await pause(1_000);
    clearInterval(watching);
    // One for the seventy probes; those who look at the database by the clock (sweeper, pool, monitor, lock waits) may try one each.
    expect(most).toBeLessThanOrEqual(12);
    cluster.thaw();
    await expectAvailable();
  });

  it('lets nobody in any more, requests go on over the connections there are, and probes send nobody elsewhere', async () => {
    await expectAvailable();
    await clientOf(server.base)('GET', '/agents', { token: 'tw_any' });
    const limit = (most: number) => onConnection(db.adminUrl, (admin) => admin.query(`alter role writer connection limit ${most}`));
    await limit(0);
    try {
      await until(async () => {
        const [ready, health] = [await probe('/readyz'), await probe<Health>('/health')];
        return [ready.status, health.status, health.body.database.available].join() === '200,200,true';
      }, 5_000);
      expect((await clientOf(server.base)('GET', '/agents', { token: 'tw_any' })).status).toBe(401);
    } finally {
      await limit(-1);
    }
    await expectAvailable();
  });

  it('hangs in the middle of requests, /livez is as quick as ever', async () => {
    const livez = async () => (await Promise.all(Array.from({ length: 20 }, () => probe('/livez')))).map(({ ms }) => ms).sort((a, b) => a - b);
    cluster.freeze();
    const asked = Array.from({ length: 30 }, () => clientOf(server.base)('GET', '/agents', { token: 'tw_any' }));
    await expectWithin(500, async () => (await livez())[10] ?? Infinity);
    for (const { status } of await Promise.all(asked)) expect(status).toBe(503);
    cluster.thaw();
    await expectAvailable();
  });
});

describe('the schema', () => {
  beforeAll(() => cluster.start());

  it('that is behind makes the instance unavailable, and migrating it is all that is needed', async () => {
    const name = 'behind';
    await ensureDatabase(cluster.adminUrl, name, 'owner');
    const url = withIdentity(db.url, { database: name });
    const late = await startServerProcess({ env: { DATABASE_URL: url, MIGRATE_ON_START: 'off' } });
    await until(async () => (await probe('/readyz', late)).text.includes('schema is behind'), 5_000);
    const health = await expectUnavailable(/schema is behind/, late);
    expect(health.database).toMatchObject({ schema_version: null, tables: [], latency_ms: expect.any(Number) });
    await migrateUp(withIdentity(db.ownerUrl, { database: name }), { writer: 'writer' });
    await expectAvailable(late);
    late.kill('SIGTERM');
    expect(await late.exited).toEqual({ code: 0, signal: null });
  });

  it('that is ahead is fine: migrations only expand', async () => {
    await onConnection(db.ownerUrl, (owner) => owner.query(`insert into migrations (timestamp, name) values (9999999999999, 'FromTheFuture9999999999999')`));
    const { database } = await expectAvailable();
    expect(database['schema_version']).toBe('FromTheFuture9999999999999');
    await onConnection(db.ownerUrl, (owner) => owner.query(`delete from migrations where name like 'FromTheFuture%'`));
  });
});

describe('/health', () => {
  beforeAll(() => cluster.start());

  it('has every key of the contract, and the same ones when there is no database', async () => {
    const health = await expectAvailable();
    expect(health).toMatchObject({
      status: 'ok', info: { database: { status: 'up' } }, error: {}, details: { database: { status: 'up' } },
      version: expect.stringMatching(/^\d+\.\d+\.\d+/), uptimeSeconds: expect.any(Number),
      database: {
        available: true, latency_ms: expect.any(Number), schema_version: expect.any(String), connections: expect.any(Number), pool_size: 5, error: null,
        roles: 'separate', tables: expect.arrayContaining(['agents', 'events', 'trades']),
      },
      pool: {
        type: 'pooled', size: 5, overflow: 10, timeoutSeconds: 15, recycleSeconds: 1800, prePing: true, max: 15, total: expect.any(Number), idle: expect.any(Number), active: expect.any(Number), waiting: 0,
        acquiredTotal: expect.any(Number), timeoutsTotal: expect.any(Number),
      },
    });
    expect((health.database['tables'] as string[]).filter((name) => /_y\d{4}m\d\d$/.test(name))).toEqual([]);
    await cluster.stop();
    const without = await expectUnavailable(/./);
    expect(Object.keys(without).sort()).toEqual(Object.keys(health).sort());
    expect(Object.keys(without.database).sort()).toEqual(Object.keys(health.database).sort());
    await cluster.start();
    await expectAvailable();
  });
});

describe('no probe', () => {
  it('ever told a secret, an address, a user or a stack', () => {
    expect(said.length).toBeGreaterThan(100);
    for (const text of new Set(said)) {
      for (const secret of secrets) expect([secret, text.includes(secret)]).toEqual([secret, false]);
      expect(text).not.toMatch(/\n\s+at /);
    }
  });
});
