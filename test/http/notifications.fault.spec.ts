import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ADMIN, startTestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { closeGateways, openGateway } from '../support/gateway.js';
import { type Client, clientOf } from '../support/http.js';
import { closeStandIns, open, type Receiver, setUp, startReceiver, startTelegram, telegramTo, tell, webhookTo } from '../support/notify.js';
import { until } from '../support/timing.js';
import { type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

const INCIDENTS = 40;

let db: TestDatabase;
let receiver: Receiver;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  receiver = await startReceiver();
});
afterAll(async () => {
  await stopServerProcesses();
  await closeStandIns();
  await closeGateways();
  await db.drop();
});

async function start(telegramUrl?: string): Promise<ServerProcess> {
  const server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', ...(telegramUrl === undefined ? {} : { TELEGRAM_API_URL: telegramUrl }) } });
  await whenReady(server.base);
  return server;
}
const admin = async ({ base }: ServerProcess): Promise<{ http: Client }> =>
  ({ http: clientOf(base, (await clientOf(base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken) });
/** In one commit, as a broker that is away makes them. */
const incidents = (count: number, name: string) => db.query<{ id: string }>(`
  insert into incidents (kind, severity, subject_type, subject_id, summary, repeat_at)
  select 'COMMAND_UNKNOWN', 'critical', 'command', $2 || n, 'something', app_clock() + interval '5 minutes' from generate_series(1, $1) n returning id`, [count, name]);
const told = () => receiver.received.flatMap(({ body }) => body.data.incidents.map(({ id }) => id));

describe('servers that look by themselves', () => {
  it('tell each incident once while nothing fails, two of them, and carry out a command of the chat once', async () => {
    const telegram = await startTelegram();
    const servers = await Promise.all([start(telegram.url), start(telegram.url)]);
    telegram.say(7, '/halt at once');
    await setUp(await admin(servers[0] as ServerProcess), { webhook: webhookTo(receiver), telegram: telegramTo([7]) });
    const ids = (await incidents(INCIDENTS, 'together-')).map(({ id }) => id);
    await until(async () => (await db.query(`select 1 from notification_deliveries where status = 'sent'`)).length === INCIDENTS * 2, 60_000);
    await until(async () => telegram.sent.some(({ text }) => text.startsWith('HALTED')), 60_000);
    expect(await db.query(`select imposed_by, reason from halts`)).toEqual([{ imposed_by: 'telegram:7', reason: 'by Telegram: at once' }]);
    for (const server of servers) server.kill('SIGTERM');
    await Promise.all(servers.map(({ exited }) => exited));
    expect([...told()].sort()).toEqual([...ids].sort());
    expect(telegram.sent.map(({ text }) => text.split(/[ :]/)[0]).sort()).toEqual(['CRITICAL', 'HALTED']);
    expect(receiver.refused).toEqual([]);
  });

  it('send what one sent that was killed before it could say so, under the same id', async () => {
    await db.query('delete from incidents');
    await db.query(`update notification_channels set last_sent_at = null`);
    const first = await start();
    await setUp(await admin(first), { webhook: webhookTo(receiver) });
    receiver.onRequest = () => first.kill('SIGKILL');
    const [incident] = await incidents(1, 'killed-');
    await first.exited;
    expect((await db.query(`select 1 from notification_messages where status = 'waiting' and lease_until is not null`))).toHaveLength(1);
    receiver.onRequest = null;
    const next = await start();
    await db.advance(61);
    await until(async () => (await db.query(`select 1 from notification_deliveries where status = 'sent' and incident_id = $1`, [incident?.id])).length === 1, 60_000);
    next.kill('SIGTERM');
    await next.exited;
    expect(receiver.received.map(({ body }) => body.data.incidents.map(({ id }) => id))).toEqual([[incident?.id], [incident?.id]]);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    expect(new Set(receiver.received.map(({ raw }) => raw)).size).toBe(1);
  });
});

describe('a database that is lost', () => {
  it('before a message was noted as sent: it is sent again under the same id, and noted once', async () => {
    const own = await createTestDatabase();
    const gateway = await openGateway(own.url);
    const t = await startTestApp({ DATABASE_URL: gateway.url }, own);
    try {
      await setUp(t, { webhook: webhookTo(receiver) });
      const { id } = await open(t, 'lost');
      receiver.onRequest = () => gateway.cutAt(1, 'before');
      await tell(t);
      expect(gateway.wasCut()).toBe(true);
      receiver.onRequest = null;
      expect(await own.query('select status from notification_deliveries')).toEqual([{ status: 'waiting' }]);
      await tell(t);
      expect(receiver.received).toHaveLength(1);
      await own.query(`update notification_messages set lease_until = app_clock()`);
      await tell(t);
      expect(receiver.received.map((each) => [each.id, each.body.data.incidents[0]?.id])).toEqual(Array(2).fill([receiver.received[0]?.id, id]));
      expect(await own.query('select status from notification_deliveries')).toEqual([{ status: 'sent' }]);
      expect(await own.query(`select 1 from events where type = 'notification.sent'`)).toHaveLength(1);
    } finally {
      await t.close();
      await own.drop();
    }
  });
});
