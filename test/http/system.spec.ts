import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseService } from '../../src/database/database.service.js';
import { PoolHistory } from '../../src/overview/pool-history.js';
import { SAMPLES_MOST, type System, systemSchema } from '../../src/overview/system.schemas.js';
import { SystemService } from '../../src/overview/system.service.js';
import { restSchedules, startTestApp, type TestApp } from '../support/app.js';
import { closeEventSources, openEvents } from '../support/event-source.js';
import { closeGateways, type Gateway, openGateway } from '../support/gateway.js';
import { clientOf } from '../support/http.js';

let t: TestApp;
let viewer: string;
beforeAll(async () => {
  t = await startTestApp();
  viewer = await t.person('viewer');
});
afterAll(() => t.close());

const look = async (of = t, token = viewer): Promise<System> => {
  const answer = await clientOf(of.base, token)<System>('GET', '/system');
  if (answer.status !== 200) throw new Error(answer.text);
  expect(systemSchema.safeParse(answer.body).error?.issues ?? []).toEqual([]);
  return answer.body;
};

describe('the system', () => {
  it('tells of its instance, its database, its schema and its pool', async () => {
    const seen = await look();
    expect(seen).toMatchObject({
      instance: { version: expect.stringMatching(/^\d+\./), node: process.version, uptimeSeconds: expect.any(Number) }, database: { available: true, error: null, roles: 'separate' },
      schema: { pending: [], version: expect.stringContaining('1763') }, events: { streams: 0, behindSeconds: null, listen: 'on' }, pool: { waiting: 0, timeoutsTotal: 0 },
    });
    expect(Date.parse(seen.instance.startedAt)).toBeLessThan(Date.now());
    expect(seen.database.latencyMs).toBeGreaterThan(0);
    expect(seen.database.bytes).toBeGreaterThan(1_000_000);
    expect(seen.database.tables?.map(({ name }) => name)).toContain('events');
    expect(seen.database.tables?.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(seen.database.bytes ?? 0);
    expect(seen.schema?.applied).toBe((await t.db.query('select 1 from migrations')).length);
    const { pool } = (await t.http<{ pool: Record<string, unknown> }>('GET', '/health')).body;
    expect(pool).toMatchObject({ max: seen.pool.max, size: seen.pool.size, type: seen.pool.type });
  });

  it('counts open streams, and how far behind they may be', async () => {
    const stream = await openEvents(t.base, viewer);
    await stream.ready();
    expect((await look()).events).toMatchObject({ streams: 1, behindSeconds: expect.any(Number) });
    closeEventSources();
  });

  it('knows each schedule: its last run, its next, its error, and whether it is late', async () => {
    // One that is due would be run.
    restSchedules(t);
    await t.db.query(`insert into schedules (name, next_run_at, last_finished_at, last_error, lease_until, token) values
      ('accounts.close-days', app_clock() - interval '1 hour', app_clock() - interval '2 hours', 'no disk', null, null), ('incidents.repeat', app_clock() - interval '1 hour', null, null, app_clock() + interval '1 minute', gen_random_uuid()),
      ('of another version', app_clock() - interval '1 hour', null, null, null, null)
      on conflict (name) do update set next_run_at = excluded.next_run_at, last_finished_at = excluded.last_finished_at, last_error = excluded.last_error, lease_until = excluded.lease_until, token = excluded.token`);
    await t.db.query(`delete from schedules where name = 'closures.work'`);
    const { schedules } = await look();
    const of = (name: string) => schedules?.find((each) => each.name === name);
    expect(of('accounts.close-days')).toMatchObject({ isLate: true, isRunning: false, lastError: 'no disk', lastRunAt: expect.any(String), everySeconds: expect.any(Number) });
    // For an hour: what hangs is late as well, as the watchdog sees it.
    expect(of('incidents.repeat')).toMatchObject({ isLate: true, isRunning: true, lastRunAt: null });
    expect(of('of another version')).toMatchObject({ isLate: false, everySeconds: null });
    expect(of('closures.work')).toMatchObject({ nextRunAt: null, lastRunAt: null, everySeconds: 5 });
  });

  it('keeps an hour of samples of its pool, oldest first', async () => {
    const history = t.app.get(PoolHistory);
    const before = (await look()).samples.items.length;
    for (let n = 0; n < 3; n++) await history.sample();
    const { items, everySeconds } = (await look()).samples;
    expect([items.length - before, everySeconds]).toEqual([3, 10]);
    expect(items.at(-1)).toMatchObject({ timeouts: 0, waiting: 0, latencyMs: expect.any(Number) });
    expect(items.map(({ at }) => at)).toEqual([...items.map(({ at }) => at)].sort());
    const kept = history.samples as unknown as object[];
    kept.push(...Array.from({ length: SAMPLES_MOST }, () => ({ ...items[0] })));
    await history.sample();
    expect((await look()).samples.items).toHaveLength(SAMPLES_MOST);
  });

  it('is shown to fifty people at once over a few connections, and leaves the rest to those who trade', async () => {
    const gateway: Gateway = await openGateway(t.db.url);
    const behind = await startTestApp({ DATABASE_URL: gateway.url, DB_POOL_SIZE: '4', DB_POOL_OVERFLOW: '0' }, t.db);
    let most = 0;
    const watching = setInterval(() => (most = Math.max(most, gateway.open())), 1);
    try {
      await Promise.all(Array.from({ length: 50 }, () => look(behind)));
    } finally {
      clearInterval(watching);
      await behind.close();
      await gateway.close();
    }
    // The pool's four, LISTEN, the probe, what is shown, and as many that are just being closed.
    expect(most).toBeLessThanOrEqual(14);
  });

  it('says null where the database did not answer, and nothing of what it said before', async () => {
    const gateway: Gateway = await openGateway(t.db.url);
    const behind = await startTestApp({ DATABASE_URL: gateway.url }, t.db);
    try {
      await behind.app.get(PoolHistory).sample();
      expect((await look(behind)).database.available).toBe(true);
      await closeGateways();
      await behind.app.get(PoolHistory).sample();
      expect(behind.app.get(PoolHistory).samples.map(({ latencyMs }) => latencyMs)).toEqual([expect.any(Number), null]);
      const seen = await behind.app.get(SystemService).get();
      expect(seen).toMatchObject({ database: { available: false, error: expect.any(String), latencyMs: null, connections: null }, schema: null, schedules: null, samples: { items: [{}, { latencyMs: null }] } });
      // Who asks cannot be looked up then.
      behind.app.get(DatabaseService).ready = false;
      expect((await clientOf(behind.base, viewer)('GET', '/system')).status).toBe(503);
    } finally {
      await behind.close();
    }
  });

  it('is for people only', async () => {
    expect((await (await t.agent()).http('GET', '/system')).status).toBe(403);
    expect((await clientOf(t.base)('GET', '/system')).status).toBe(401);
  });
});
