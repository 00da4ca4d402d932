import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { Watchdog } from '../../src/notifications/watchdog.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';

let pings: string[] = [];
let hangs = false;
let server: Server;
let t: TestApp;
beforeAll(async () => {
  server = createServer((request, response) => {
    pings.push(`${request.method} ${request.url}`);
    if (!hangs) response.end('OK');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/3f2a`;
beforeEach(async () => {
  t = await startTestApp({ WATCHDOG_URL: url(), WATCH_EVERY_SECONDS: '1' });
  await t.app.get(Watchdog).settled();
  pings = [];
  hangs = false;
});
afterEach(() => t.close());
afterAll(() => new Promise<void>((resolve) => {
  server.closeAllConnections();
  server.close(() => resolve());
}));

/** As when a minute has passed; the loop of schedules comes by. */
async function aMinuteLater(): Promise<void> {
  (t.app.get(Watchdog) as unknown as { pingedAt: number }).pingedAt = -Infinity;
  await t.app.get(Watchdog).look();
  await t.app.get(Watchdog).settled();
}

describe('the watchdog', () => {
  it('is fetched by the loop of schedules, once a minute', async () => {
    (t.app.get(Watchdog) as unknown as { pingedAt: number }).pingedAt = -Infinity;
    await t.db.query(`update schedules set next_run_at = app_clock() where name = 'watchdog'`);
    await t.app.get(Schedules).runDue();
    await t.app.get(Watchdog).look();
    await t.app.get(Watchdog).settled();
    expect(pings).toEqual(['GET /ping/3f2a']);
  });

  it.each<[string, string]>([
    ['is stuck: it began ten minutes ago', `update schedules set next_run_at = app_clock() - interval '601 seconds', lease_until = app_clock() + interval '5 minutes', token = gen_random_uuid() where name = 'incidents.repeat'`],
    ['failed the last time', `update schedules set last_error = 'no space' where name = 'incidents.repeat'`],
    ['has never run', `delete from schedules where name = 'incidents.repeat'`],
  ])('is silent while a schedule %s', async (_what, breakIt) => {
    await aMinuteLater();
    expect(pings).toHaveLength(1);
    // Nothing mends it meanwhile.
    t.app.get(Schedules).runDue = async () => undefined;
    clearTimers(t);
    await t.db.query(breakIt);
    await aMinuteLater();
    expect(pings).toHaveLength(1);
    await t.db.query(`insert into schedules (name, next_run_at) values ('incidents.repeat', app_clock()) on conflict (name) do nothing`);
    await t.db.query(`update schedules set next_run_at = app_clock(), last_error = null, lease_until = null, token = null, last_finished_at = app_clock() where name = 'incidents.repeat'`);
    await aMinuteLater();
    expect(pings).toHaveLength(2);
  });

  it('that hangs holds up no schedule', async () => {
    hangs = true;
    (t.app.get(Watchdog) as unknown as { pingedAt: number }).pingedAt = -Infinity;
    await t.db.query(`update schedules set next_run_at = app_clock()`);
    await (t.app.get(Schedules) as unknown as { runQuick(): Promise<void> }).runQuick();
    let isOver = false;
    const over = t.app.get(Watchdog).settled().then(() => (isOver = true));
    await until(() => pings.length === 1, 5_000);
    expect(isOver).toBe(false);
    server.closeAllConnections();
    await over;
  });
});

function clearTimers({ app }: TestApp): void {
  const { timer, quickTimer } = app.get(Schedules) as unknown as { timer: NodeJS.Timeout; quickTimer: NodeJS.Timeout };
  clearInterval(timer);
  clearInterval(quickTimer);
}
