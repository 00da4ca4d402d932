import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AlertChain, brokenChains, CHAIN_SYMBOLS, chainAlert, HELD_SYMBOLS, isDone, outOfOrder, startChain, strayAlerts } from '../support/alert-chain.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Cluster, databaseOn, startCluster } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { beat } from '../support/ideas.js';
import { expectWithin, timeOf, until } from '../support/timing.js';
import { postAlert, type Posted } from '../support/webhooks.js';

const SENDERS = 16;
/** What TradingView waits for. */
const HANGS_UP_MS = 3_000;

/** What became of each alert that was sent, by the id of its own. */
interface Burst {
  accepted: Map<string, string>;
  unanswered: Set<string>;
  refused: Posted[];
  slowest: number;
}

const TICK_MS = 10;
let stoodStillMs = 0;
let tickedAt = performance.now();
/** For how long this process stood still until now: server and senders share it, and the machine may be busy with something else. */
const stoodStill = () => stoodStillMs + Math.max(0, performance.now() - tickedAt - TICK_MS);
const ticks = setInterval(() => {
  stoodStillMs = stoodStill();
  tickedAt = performance.now();
}, TICK_MS).unref();
afterAll(() => clearInterval(ticks));
/** Milliseconds that were this process's to use; answers how many since. */
const ownTime = () => {
  const [began, still] = [performance.now(), stoodStill()];
  return () => performance.now() - began - (stoodStill() - still);
};

let sent = 0;
/** Most of them close, of which there is little to close: what opens takes its time, and is to be done at the end. */
const bodyOf = (own: string) => {
  const n = Number(own.slice(-3));
  return n % 8 === 0 ? chainAlert(own, 'in', CHAIN_SYMBOLS[(n / 8) % CHAIN_SYMBOLS.length]) : chainAlert(own, 'out', HELD_SYMBOLS[n % HELD_SYMBOLS.length]);
};

/** Alerts until it is told to stop; a server that is gone is no answer. */
async function burst(base: () => string, path: string, stop: AbortSignal, result: Burst): Promise<void> {
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    while (!stop.aborted) {
      const own = `burst-${20_260_000 + ++sent}`;
      const took = ownTime();
      const answer = await postAlert({ base: base() }, path, bodyOf(own)).catch(() => null);
      if (answer) result.slowest = Math.max(result.slowest, took());
      if (answer?.status === 202) result.accepted.set(own, answer.body.alertId);
      else result.unanswered.add(own);
      if (answer && answer.status !== 202) result.refused.push(answer);
      await pause(answer?.status === 202 ? 20 : 100);
    }
  }));
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

describe('a database that is away', () => {
  let cluster: Cluster;
  let t: TestApp;
  let db: TestDatabase;
  let chain: AlertChain;
  beforeAll(async () => {
    cluster = await startCluster();
    db = await databaseOn(cluster);
    t = await startTestApp({}, db);
    chain = await startChain(t.base, t.http);
  });
  afterAll(async () => {
    await t.close();
    await cluster.remove();
  });

  const expectSendAgain = (answer: Posted) => {
    expect([answer.status, answer.body.retryable]).toEqual([503, true]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  };

  it('in the middle of a burst costs 503s and no alert: what was answered 202 is stored and carried out once, the rest can be sent again', async () => {
    await beat(chain.agent);
    const stop = new AbortController();
    const result: Burst = { accepted: new Map(), unanswered: new Set(), refused: [], slowest: 0 };
    const running = burst(() => t.base, chain.opens.path, stop.signal, result);
    await pause(700);
    await until(() => result.accepted.size > 25, 10_000);
    await cluster.stop();
    await pause(700);
    await until(() => result.refused.length > 0, 10_000);
    await cluster.start();
    const before = result.accepted.size;
    await pause(1_500);
    await until(() => result.accepted.size > before + 25, 10_000);
    stop.abort();
    await running;
    result.refused.forEach(expectSendAgain);
    expect(result.slowest).toBeLessThan(HANGS_UP_MS);
    await sendAgain(t.base, chain.opens.path, result);
    // By the same process, which nobody has started again.
    await until(() => isDone(db), 20_000);
    expect(await strayAlerts(db, result.accepted)).toEqual([]);
    expect(await brokenChains(db)).toEqual([]);
    expect(await outOfOrder(db)).toEqual([]);
    expect(await db.query(`select status, code, detail from alerts where status in ('failed', 'quarantined', 'expired')`)).toEqual([]);
    const ideas = await db.query<{ n: number }>('select count(*)::int as n from trade_ideas');
    expect(ideas[0]?.n).toBeGreaterThan(2);
  });

  it('is said at once where nothing listens, and within two seconds where nothing answers', async () => {
    await postAlert(t, chain.opens.path, bodyOf('before-20260101'));
    cluster.freeze();
    const took = ownTime();
    const frozen = await Promise.all(Array.from({ length: 8 }, (_, n) => postAlert(t, chain.opens.path, bodyOf(`frozen-2026000${n}`))));
    const ms = took();
    cluster.thaw();
    frozen.forEach(expectSendAgain);
    expect(ms).toBeLessThan(HANGS_UP_MS);
    await cluster.stop();
    await expectWithin(1_000, () => timeOf(async () => expectSendAgain(await postAlert(t, chain.opens.path, bodyOf('gone-20260101')))));
    await cluster.start();
    expect((await postAlert(t, chain.opens.path, bodyOf('after-20260101'))).status).toBe(202);
  });
});
