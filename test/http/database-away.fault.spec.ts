import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseService } from '../../src/database/database.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Cluster, databaseOn, onConnection, startCluster } from '../support/cluster.js';
import type { Answer } from '../support/http.js';
import { expectWithin, until } from '../support/timing.js';

const poolOf = (t: TestApp) => t.app.get(DatabaseService).pool();
/** What the server does by itself holds a connection for a moment; one that is lost is held for ever. */
const whenFree = (t: TestApp) => until(() => poolOf(t).active + poolOf(t).waiting === 0, 2_000);
const timed = async <T>(work: Promise<T>): Promise<{ result: T; ms: number }> => {
  const started = performance.now();
  return { result: await work, ms: performance.now() - started };
};
const times = <T>(n: number, one: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => one(i)));

function expectUnavailable(answer: Answer): void {
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
}

const PROBES = ['/readyz', '/health', '/metrics'];

/** Every GET that is documented and has an end, with identifiers that exist where we have them. */
async function documentedGets(t: TestApp, agent: TestAgent): Promise<string[]> {
  const { paths } = (await t.http<{ paths: Record<string, { get?: unknown }> }>('GET', '/api/docs-json')).body;
  return Object.entries(paths)
    .filter(([path, operations]) => operations.get && !path.endsWith('/events'))
    .map(([path]) => path.replace(/\{agentId\}/, agent.id).replace(/\{\w+\}/g, agent.id));
}

describe('a pool that is exhausted', () => {
  let t: TestApp;
  let agent: TestAgent;
  beforeAll(async () => {
    t = await startTestApp({ DB_POOL_SIZE: '2', DB_POOL_OVERFLOW: '1', DB_POOL_TIMEOUT: '1', DB_LISTEN: 'off' });
    agent = await t.agent();
  });
  afterAll(() => t.close());

  it('answers 503 with Retry-After after DB_POOL_TIMEOUT, and works again when it is free', async () => {
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table agents in access exclusive mode');
      // As a person, whose session has just been looked up: an agent's key would be looked up in the locked table, for all at once.
      const ask = () => t.http('GET', `/agents/${agent.id}/state`);
      await t.http('GET', '/auth/me');
      const blocked = times(3, ask);
      // Each waits for the table, and none for a connection.
      await until(async () => (await t.db.query(`select 1 from pg_locks where not granted and relation = 'agents'::regclass`)).length === 3, 1_000);
      const { result, ms } = await timed(times(6, ask));
      result.forEach(expectUnavailable);
      expect(ms).toBeGreaterThan(900);
      // And not until the table is free, or the lock's own minute is over.
      expect(ms).toBeLessThan(40_000);
      await until(async () => (await t.http('GET', '/readyz')).status === 200, 5_000);
      let health = await t.http<{ pool: object; database: object }>('GET', '/health');
      await until(async () => health.status === 200 || ((health = await t.http<{ pool: object; database: object }>('GET', '/health')), false), 5_000);
      expect(health.body.pool).toMatchObject({ type: 'pooled', size: 2, overflow: 1, max: 3, total: 3, idle: 0, active: 3 });
      await other.query('rollback');
      for (const { status } of await blocked) expect(status).toBe(200);
    });
    expect((await agent.http('GET', `/agents/${agent.id}/state`)).status).toBe(200);
    await whenFree(t);
    expect(poolOf(t).timeoutsTotal).toBeGreaterThan(0);
  });

  it('is no reason to wait longer than lock_timeout for a row that somebody else holds', async () => {
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query(`alter role tradewarden_test_writer in database ${t.db.name} set lock_timeout = '300ms'`);
      const fresh = await t.second();
      await other.query('begin; lock table agents in access exclusive mode');
      const { result, ms } = await timed(fresh.http('GET', '/agents'));
      await other.query('rollback');
      expectUnavailable(result);
      expect(ms).toBeLessThan(40_000);
      await fresh.close();
    });
  });
});

describe('an idle server', () => {
  const connections = async (t: TestApp) =>
    (await t.db.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'tradewarden%'`))[0]?.n;

  it('with the null pool holds no connection at all', async () => {
    const t = await startTestApp({ SERVERLESS: 'on' });
    for (let i = 0; i < 3; i++) {
      await times(20, () => t.http('GET', '/agents'));
      await until(async () => (await connections(t)) === 0, 700);
    }
    // What the server does by itself opens one for a moment.
    await pause(500);
    await until(async () => (await connections(t)) === 0, 700);
    await until(async () => (await t.http<{ pool: { total: number } }>('GET', '/health')).body.pool.total === 0, 2_000);
    expect((await t.http<{ pool: object }>('GET', '/health')).body.pool).toMatchObject({ type: 'null' });
    await t.close();
  });

  it('with the pool holds no more than its size and the one that listens', async () => {
    const t = await startTestApp({ DB_POOL_SIZE: '2', DB_POOL_OVERFLOW: '0' });
    await times(20, () => t.http('GET', '/agents'));
    await until(async () => (await connections(t)) === 3, 2_000);
    await t.close();
  });
});

describe('every GET', () => {
  it('gives its connection back, also when ten times the pool asks at once', async () => {
    const t = await startTestApp({ DB_POOL_SIZE: '3', DB_POOL_OVERFLOW: '2', DB_LISTEN: 'off' });
    const agent = await t.agent();
    const paths = await documentedGets(t, agent);
    expect(paths.length).toBeGreaterThan(10);
    for (const path of paths) {
      let answers = await times(50, (i) => (i % 2 ? t.http : agent.http)('GET', path));
      // Probes say 503 when the database has not answered them within 0.9 s, and it has much to do: then they are asked once more.
      if (PROBES.includes(path)) await until(async () => answers.every(({ status }) => status < 500) || ((answers = await times(50, () => t.http('GET', path))), false), 10_000);
      expect([path, answers.filter(({ status }) => status >= 500).map(({ text }) => text)]).toEqual([path, []]);
      await whenFree(t);
    }
    await t.close();
  });

  it('gives its connection back when its client has gone', async () => {
    const t = await startTestApp({ DB_POOL_SIZE: '2', DB_POOL_OVERFLOW: '1', DB_LISTEN: 'off' });
    const agent = await t.agent();
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table agents in access exclusive mode');
      const gone = new AbortController();
      const asked = times(8, () => t.http('GET', '/agents', { signal: gone.signal }).catch(() => null));
      await until(() => poolOf(t).active === 3, 1_000);
      gone.abort();
      await asked;
      await other.query('rollback');
    });
    await until(() => poolOf(t).active === 0 && poolOf(t).waiting === 0, 2_000);
    expect((await agent.http('GET', `/agents/${agent.id}/state`)).status).toBe(200);
    await t.close();
  });
});

describe('one connection', () => {
  it('is enough for every request: none waits for a second one while it holds the first', async () => {
    const t = await startTestApp({ DB_POOL_SIZE: '1', DB_POOL_OVERFLOW: '0', DB_POOL_TIMEOUT: '600', DB_LISTEN: 'off' });
    const agent = await t.agent();
    const asks: [string, () => Promise<Answer>][] = [
      ...(await documentedGets(t, agent)).map((path): [string, () => Promise<Answer>] => [path, () => t.http('GET', path)]),
      ['heartbeat', () => agent.http('POST', `/agents/${agent.id}/heartbeat`, { body: { status: 'running', equity: 1 } })],
      ['command', () => t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } })],
      ['keyed command', () => t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' }, headers: { 'idempotency-key': 'same' } })],
      ['lease', () => agent.http('POST', `/agents/${agent.id}/commands/lease`, { body: { max: 1 } })],
      ['long poll', () => agent.http('POST', `/agents/${agent.id}/commands/lease`, { body: { max: 100, waitSeconds: 1 } })],
      ['key', () => t.http('POST', `/agents/${agent.id}/keys`, { body: { name: 'another' } })],
      ['wrong key', () => agent.http('GET', '/agents/me/state', { token: 'tw_wrong' })],
      ['agent', () => t.http('POST', '/agents', { body: { name: `agent-${Math.random()}`, mode: 'paper' } })],
    ];
    const answers = await Promise.all(asks.flatMap(([what, ask]) => Array.from({ length: 2 }, async () => [what, (await ask()).status] as const)));
    expect(answers.filter(([what, status]) => status >= 500 && !PROBES.includes(what))).toEqual([]);
    await whenFree(t);
    expect(poolOf(t)).toMatchObject({ max: 1, total: 1, timeoutsTotal: 0 });
    await t.close();
  });
});

describe('a server of the database that', () => {
  let cluster: Cluster;
  let t: TestApp;
  beforeAll(async () => {
    cluster = await startCluster();
    t = await startTestApp({ DB_POOL_TIMEOUT: '20', DB_QUERY_TIMEOUT: '10' }, await databaseOn(cluster));
  });
  afterEach(() => cluster.thaw());
  afterAll(async () => {
    await t.close();
    await cluster.remove();
  });
  const ask = () => t.http('GET', '/agents');

  it.each([0, 700])('was started again fails no request after it is back (connections idled for %i ms)', async (idleMs) => {
    await times(10, ask);
    await pause(idleMs);
    await cluster.stop();
    await expectWithin(15_000, async () => {
      const { result, ms } = await timed(times(5, ask));
      result.forEach(expectUnavailable);
      return ms;
    });
    await cluster.start();
    for (const { status } of await times(60, ask)) expect(status).toBe(200);
  });

  it('is frozen answers 503 in time, and its hung connections serve nobody afterwards', async () => {
    await times(10, ask);
    const pids = () => onConnection(t.db.adminUrl, async (client) => {
      const { rows } = await client.query<{ pid: number }>(`select pid from pg_stat_activity where application_name = 'tradewarden'`);
      return rows.map(({ pid }) => pid);
    });
    const before = await pids();
    // So that the session need not be looked up, by one statement for all of them.
    await ask();
    cluster.freeze();
    const { result, ms } = await timed(times(30, ask));
    cluster.thaw();
    result.forEach(expectUnavailable);
    // Ten seconds for a statement, or twenty for a connection; a request needs both at most once.
    expect(ms).toBeLessThan(60_000);
    for (const { status } of await times(30, ask)) expect(status).toBe(200);
    expect((await pids()).filter((pid) => before.includes(pid))).toEqual([]);
    await whenFree(t);
  });
});
