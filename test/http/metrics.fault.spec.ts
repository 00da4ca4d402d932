import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureDatabase, identityOf, withIdentity } from '../../src/database/roles.js';
import { type Cluster, databaseOn, startCluster } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { closeGateways, type Gateway, openGateway } from '../support/gateway.js';
import { scrapeOnce, type Scraped } from '../support/metrics.js';
import { expectWithin, until } from '../support/timing.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

let cluster: Cluster;
let db: TestDatabase;
let server: ServerProcess;
let gateway: Gateway;
const said: string[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  db = await databaseOn(cluster);
  gateway = await openGateway(db.url);
  await cluster.stop();
  server = await startServerProcess({ env: { DATABASE_URL: gateway.url, DATABASE_OWNER_URL: withIdentity(gateway.url, identityOf(db.ownerUrl)), DB_QUERY_TIMEOUT: '2', DB_POOL_TIMEOUT: '3' } });
});
afterEach(() => cluster.thaw());
afterAll(async () => {
  await stopServerProcesses();
  await closeGateways();
  await cluster.remove();
});

async function look(of = server): Promise<Scraped> {
  const seen = await scrapeOnce(of.base);
  said.push(seen.text);
  expect(seen.status).toBe(200);
  return seen;
}

/** The instance speaks of itself, in time, and says nothing of the database but that it is not there. */
async function expectAway(): Promise<void> {
  let seen = await look();
  await expectWithin(1_500, async () => (seen = await look()).ms);
  expect(seen.value('tradewarden_database_up')).toBe(0);
  expect(seen.text).not.toMatch(/tradewarden_(queue|schema)/);
  expect(seen.text).not.toMatch(/nan/i);
  expect(seen.value('tradewarden_db_pool_max{type="pooled"}')).toBe(15);
  expect(seen.value('tradewarden_lease_outcomes_total{outcome="leased"}')).toBe(0);
  expect(seen.value('process_resident_memory_bytes')).toBeGreaterThan(0);
}

async function expectThere(): Promise<void> {
  let seen = await look();
  // It has 0.9 s for that, in which a busy machine may not connect.
  await until(async () => seen.value('tradewarden_queue_commands{status="queued"}') !== undefined || ((seen = await look()), false), 5_000);
  expect([seen.value('tradewarden_database_up'), seen.value('tradewarden_queue_commands{status="queued"}'), seen.value('tradewarden_schema_pending_migrations')]).toEqual([1, 0, 0]);
}

describe('/metrics', () => {
  it('speaks before the database was ever there, and of it as soon as it is', async () => {
    await expectAway();
    await cluster.start();
    await whenReady(server.base);
    await expectThere();
  });

  it('leaves out what a database that was stopped would know', async () => {
    await cluster.stop();
    await expectAway();
    await cluster.start();
    await whenReady(server.base);
    await expectThere();
  });

  it('is in time while the database hangs, and a flood of scrapes opens one connection', async () => {
    const before = gateway.open();
    cluster.freeze();
    let most = 0;
    const watching = setInterval(() => (most = Math.max(most, gateway.open() - before)), 5).unref();
    // Those that come just after a look wait for the next.
    await expectWithin(2_500, async () => {
      const flood = await Promise.all(Array.from({ length: 50 }, () => look()));
      for (const seen of flood) expect(seen.value('tradewarden_database_up')).toBe(0);
      return Math.max(...flood.map(({ ms }) => ms));
    });
    await expectAway();
    await pause(200);
    clearInterval(watching);
    // One for the scrapes; those who look at the database by the clock (sweeper, pool, monitor, lock waits) may try one each.
    expect(most).toBeLessThanOrEqual(12);
    cluster.thaw();
    await whenReady(server.base);
    await expectThere();
  });

  it('says how far the schema is behind, and nothing of a queue that is not there', async () => {
    await ensureDatabase(cluster.adminUrl, 'behind', 'owner');
    const late = await startServerProcess({ env: { DATABASE_URL: withIdentity(db.url, { database: 'behind' }), MIGRATE_ON_START: 'off' } });
    let seen = await look(late);
    await until(async () => seen.value('tradewarden_database_up') === 1 || ((seen = await look(late)), false), 5_000);
    expect(seen.value('tradewarden_schema_pending_migrations')).toBeGreaterThan(4);
    expect(seen.text).not.toMatch(/tradewarden_(queue|schema_info)/);
    late.kill('SIGTERM');
    expect(await late.exited).toEqual({ code: 0, signal: null });
  });

  it('told no address, user, password or stack in all this', () => {
    expect(said.length).toBeGreaterThan(50);
    // Ports with their colon: five digits alone are also a part of some byte count.
    const secrets = ['postgres://', '127.0.0.1', 'writer', `:${new URL(db.url).port}`, `:${new URL(gateway.url).port}`, identityOf(db.url).password, identityOf(db.ownerUrl).password];
    for (const text of said) for (const secret of secrets) expect([secret, text.includes(secret)]).toEqual([secret, false]);
  });
});
