import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN, startTestApp, type TestApp } from '../support/app.js';
import { type Cluster, databaseOn, startCluster } from '../support/cluster.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { clientOf } from '../support/http.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';
import { alertBody, alertsOf, makeSource, postAlert, type Posted, type TestSource } from '../support/webhooks.js';

const ROUNDS = process.env['FULL_FIGURES'] ? 10 : 2;
const SENDERS = 16;
/** What TradingView waits for. */
const HANGS_UP_MS = 3_000;

/** What became of each alert that was sent, by its id of its own. */
interface Burst {
  accepted: Map<string, string>;
  unanswered: Set<string>;
  refused: Posted[];
  slowest: number;
}

/** For how long this process stood still, at most: server and senders share it, and the machine may be busy with something else. */
const stoodStill = () => {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return () => delay.max / 1e6;
};

let sent = 0;
const bodyOf = (own: string) => alertBody({ alertId: own });

/** Alerts without a pause, until it is told to stop; a server that is gone is no answer. */
async function burst(base: () => string, path: string, stop: AbortSignal): Promise<Burst> {
  const result: Burst = { accepted: new Map(), unanswered: new Set(), refused: [], slowest: 0 };
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    while (!stop.aborted) {
      const own = `burst-${20_260_000 + ++sent}`;
      const began = performance.now();
      const answer = await postAlert({ base: base() }, path, bodyOf(own)).catch(() => null);
      if (answer) result.slowest = Math.max(result.slowest, performance.now() - began);
      if (answer?.status === 202) result.accepted.set(own, answer.body.alertId);
      else result.unanswered.add(own);
      if (answer && answer.status !== 202) result.refused.push(answer);
      if (answer?.status !== 202) await pause(100);
    }
  }));
  return result;
}

/** Sends again what was not answered well, as TradingView does; what had been stored after all is told as a duplicate. */
async function sendAgain(base: string, path: string, { accepted, unanswered }: Burst): Promise<void> {
  const left = [...unanswered];
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    for (let own = left.pop(); own !== undefined; own = left.pop()) {
      const answer = await postAlert({ base }, path, bodyOf(own));
      expect([own, answer.status]).toEqual([own, 202]);
      accepted.set(own, answer.body.alertId);
    }
  }));
}

/** Everything that was answered 202 is there, once, under the id that was told; and nothing else. */
async function expectEachOnce(db: TestDatabase, source: TestSource, accepted: Map<string, string>): Promise<void> {
  const stored = new Map((await alertsOf({ db }, source.id)).map(({ id, body }) => [(JSON.parse(body.toString()) as { alertId: string }).alertId, id]));
  expect([...accepted].filter(([own, id]) => stored.get(own) !== id)).toEqual([]);
  const [count] = await db.query<{ n: number }>('select count(*)::int as n from alerts where source_id = $1', [source.id]);
  expect([count?.n, stored.size]).toEqual([accepted.size, accepted.size]);
}

describe('a database that is away', () => {
  let cluster: Cluster;
  let t: TestApp;
  let db: TestDatabase;
  let source: TestSource;
  beforeAll(async () => {
    cluster = await startCluster();
    db = await databaseOn(cluster);
    t = await startTestApp({}, db);
    source = await makeSource(t.http);
  }, 90_000);
  afterAll(async () => {
    await t.close();
    await cluster.remove();
  });

  const expectSendAgain = (answer: Posted) => {
    expect([answer.status, answer.body.retryable]).toEqual([503, true]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  };

  it('in the middle of a burst costs 503s and no alert: what was answered 202 is stored once, the rest can be sent again', async () => {
    const stillMs = stoodStill();
    const stop = new AbortController();
    const running = burst(() => t.base, source.path, stop.signal);
    await pause(700);
    await cluster.stop();
    await pause(700);
    await cluster.start();
    await pause(1_500);
    stop.abort();
    const result = await running;
    expect(result.accepted.size).toBeGreaterThan(50);
    expect(result.refused.length).toBeGreaterThan(0);
    result.refused.forEach(expectSendAgain);
    expect(result.slowest - 2 * stillMs()).toBeLessThan(HANGS_UP_MS);
    await sendAgain(t.base, source.path, result);
    await expectEachOnce(db, source, result.accepted);
  }, 60_000);

  it('is said at once where nothing listens, and within two seconds where nothing answers', async () => {
    await postAlert(t, source.path, bodyOf('before-20260101'));
    cluster.freeze();
    const stillMs = stoodStill();
    const began = performance.now();
    const frozen = await Promise.all(Array.from({ length: 8 }, (_, n) => postAlert(t, source.path, bodyOf(`frozen-2026000${n}`))));
    const took = performance.now() - began;
    cluster.thaw();
    frozen.forEach(expectSendAgain);
    expect(took - 2 * stillMs()).toBeLessThan(HANGS_UP_MS);
    await cluster.stop();
    const gone = performance.now();
    expectSendAgain(await postAlert(t, source.path, bodyOf('gone-20260101')));
    expect(performance.now() - gone - 2 * stillMs()).toBeLessThan(1_000);
    await cluster.start();
    expect((await postAlert(t, source.path, bodyOf('after-20260101'))).status).toBe(202);
  }, 60_000);
});

describe('kill -9 of the server', () => {
  let db: TestDatabase;
  let server: ServerProcess;
  let env: Record<string, string>;
  beforeAll(async () => {
    db = await createTestDatabase();
    env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', PORT: String(await freePort()) };
    server = await startServerProcess({ env });
    await whenReady(server.base);
  }, 60_000);
  afterAll(async () => {
    await stopServerProcesses();
    await db.drop();
  });

  it(`${ROUNDS} times in a burst loses nothing that was answered 202, and stores nothing twice`, async () => {
    const { body } = await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN });
    const source = await makeSource(clientOf(server.base, body.accessToken));
    for (let round = 0; round < ROUNDS; round++) {
      const before = (await alertsOf({ db }, source.id)).length;
      const stop = new AbortController();
      const running = burst(() => server.base, source.path, stop.signal);
      await pause(500 + Math.random() * 500);
      server.kill('SIGKILL');
      expect((await server.exited).signal).toBe('SIGKILL');
      server = await startServerProcess({ env });
      await whenReady(server.base);
      await pause(300);
      stop.abort();
      const result = await running;
      expect(result.accepted.size).toBeGreaterThan(20);
      // Those that were under way when it was killed, at least: what was stored of them is found to be there.
      await sendAgain(server.base, source.path, result);
      const stored = await alertsOf({ db }, source.id);
      expect(stored).toHaveLength(before + result.accepted.size);
      const ids = new Set(stored.map(({ id }) => id));
      expect([...result.accepted.values()].filter((id) => !ids.has(id))).toEqual([]);
      expect(new Set(stored.map((alert) => alert.body.toString())).size).toBe(stored.length);
    }
  }, 240_000);
});
