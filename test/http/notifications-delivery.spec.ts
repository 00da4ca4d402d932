import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { scrape } from '../support/metrics.js';
import {
  closeStandIns, nothingOpen, open, type Receiver, repeat, resolve, setUp, shown, startReceiver, startTelegram, type TelegramStandIn, telegramTo, tell, webhookTo,
} from '../support/notify.js';

let t: TestApp;
let second: TestApp;
let telegram: TelegramStandIn;
let receiver: Receiver;
beforeAll(async () => {
  telegram = await startTelegram();
  t = await startTestApp({ TELEGRAM_API_URL: telegram.url, PUBLIC_URL: 'https://warden.example.com' });
  second = await t.second();
});
beforeEach(async () => {
  await nothingOpen(t);
  receiver = await startReceiver();
  Object.assign(telegram, { sent: [], updates: [], polls: [] });
  telegram.refuses.clear();
});
afterAll(async () => {
  await second.close();
  await t.close();
  await closeStandIns();
});

const acknowledge = (id: string) => t.http('POST', `/incidents/${id}/ack`, { body: {} });
/** Moves what holds a message back into the past: the clock stands still for everybody else. */
const aMinuteLater = () => t.db.query(`with a as (update notification_channels set last_sent_at = last_sent_at - interval '61 seconds'), b as (update notification_deliveries set ended_at = ended_at - interval '61 seconds')
  update notification_messages set next_attempt_at = app_clock() where status = 'waiting'`);
const statuses = async (id: string) => (await t.db.query<{ text: string }>(`select channel || ' ' || occurrence || ' ' || status as text from notification_deliveries where incident_id = $1 order by 1`, [id])).map(({ text }) => text);

describe('an incident', () => {
  it('is told once on each channel, signed, with what it is about, by however many instances look', async () => {
    await setUp(t, { webhook: webhookTo(receiver), telegram: telegramTo([7]) });
    const agent = await t.agent();
    await t.db.query(`update agents set mode = 'live' where id = $1`, [agent.id]);
    const { id, seq } = await open(t, 'a-command', { agentId: agent.id });
    await Promise.all(Array.from({ length: 4 }, () => tell(t, second)));
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]).toMatchObject({
      id: expect.stringMatching(/^msg_[0-9a-f-]{36}$/),
      body: { type: 'incident.opened', data: { count: 1, incidents: [{ id, number: seq, kind: 'COMMAND_UNKNOWN', severity: 'critical', status: 'open', mode: 'live', agent: agent.name, url: `https://warden.example.com/overview?incident=${id}` }] } },
    });
    const [message] = telegram.sent;
    expect(telegram.sent).toHaveLength(1);
    expect(message).toMatchObject({ chat_id: '7', text: expect.stringContaining(`/ack ${seq}`) });
    expect(message?.text).toContain('LIVE');
    expect(message).not.toHaveProperty('parse_mode');
    expect(await statuses(id)).toEqual(['telegram critical:0 sent', 'webhook critical:0 sent']);
    expect((await t.db.query(`select 1 from events where type = 'notification.sent' and data -> 'incidentIds' ? $1`, [id]))).toHaveLength(2);
  });

  it('below the least severity of a channel is not told there', async () => {
    await setUp(t, { webhook: webhookTo(receiver, { minimumSeverity: 'warning' }), telegram: telegramTo([7], { minimumSeverity: 'critical' }) });
    await open(t, 'info', { severity: 'info' });
    const { seq } = await open(t, 'warning', { severity: 'warning' });
    await tell(t);
    expect(receiver.received.map(({ body }) => body.data.incidents.map(({ number }) => number))).toEqual([[seq]]);
    expect(telegram.sent).toEqual([]);
  });

  it('is told again with each of its repetitions until it is acknowledged, then never', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const { id } = await open(t, 'again');
    await tell(t);
    for (let times = 1; times <= 2; times++) {
      await repeat(t, id);
      await aMinuteLater();
      await tell(t, second);
    }
    expect(receiver.received.map(({ body }) => [body.type, body.data.incidents[0]?.repeats])).toEqual([['incident.opened', 0], ['incident.repeated', 1], ['incident.repeated', 2]]);
    await acknowledge(id);
    await aMinuteLater();
    await tell(t, second);
    expect(receiver.received).toHaveLength(3);
  });

  it('that was told is told as over, once, also when it was acknowledged; one that was acknowledged before it could be told is not', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const { id } = await open(t, 'over');
    await tell(t);
    await acknowledge(id);
    await resolve(t, 'over');
    const never = await open(t, 'never-told');
    await acknowledge(never.id);
    await resolve(t, 'never-told');
    await aMinuteLater();
    await tell(t, second);
    await aMinuteLater();
    await tell(t, second);
    expect(receiver.received.map(({ body }) => [body.type, body.data.incidents.map((each) => each.id)])).toEqual([['incident.opened', [id]], ['incident.resolved', [id]]]);
    expect(receiver.received[1]?.body.data.text).toContain('settled as done');
  });

  it('that came and went before anybody could be told is told as over', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const { id } = await open(t, 'short');
    await resolve(t, 'short');
    await tell(t);
    expect(receiver.received.map(({ body }) => [body.type, body.data.incidents[0]?.id])).toEqual([['incident.resolved', id]]);
    expect(receiver.received[0]?.body.data.text).toContain('may not have been told');
  });

  it('that got worse is told anew, but not within a minute', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const { id } = await open(t, 'worse', { severity: 'warning' });
    await tell(t);
    await acknowledge(id);
    await open(t, 'worse', { severity: 'critical' });
    await t.db.query(`update notification_channels set last_sent_at = app_clock() - interval '30 seconds'`);
    await tell(t);
    expect(receiver.received).toHaveLength(1);
    await aMinuteLater();
    await tell(t);
    expect(receiver.received.map(({ body }) => body.data.incidents[0]?.severity)).toEqual(['warning', 'critical']);
  });

  it('that is open is told when a channel is switched on, and again when it is switched on anew', async () => {
    const { id } = await open(t, 'before');
    await setUp(t, { webhook: webhookTo(receiver) });
    await tell(t);
    expect(receiver.received).toHaveLength(1);
    await receiver.down();
    await repeat(t, id);
    await aMinuteLater();
    await tell(t);
    expect(await statuses(id)).toEqual(['webhook critical:0 sent', 'webhook critical:1 waiting']);
    await setUp(t, { webhook: { enabled: false, minimumSeverity: 'info' } });
    expect(await statuses(id)).toEqual(['webhook critical:0 sent']);
    await receiver.up();
    await setUp(t, { webhook: { enabled: true, minimumSeverity: 'info', url: receiver.url } });
    await aMinuteLater();
    await tell(t);
    expect(receiver.received.at(-1)?.body.data.incidents[0]).toMatchObject({ id, repeats: 1 });
  });
});

describe('incidents that are opened together', () => {
  it('are one message, worst first and counted', async () => {
    await setUp(t, { webhook: webhookTo(receiver), telegram: telegramTo([7]) });
    for (let n = 0; n < 20; n++) await open(t, `many-${n}`, { severity: n === 13 ? 'critical' : n % 2 ? 'warning' : 'info' });
    await tell(t, second);
    expect(receiver.received.map(({ body }) => [body.type, body.data.count, body.data.incidents[0]?.severity])).toEqual([['incidents.digest', 20, 'critical']]);
    const [{ text = '' } = {}] = telegram.sent;
    expect(telegram.sent).toHaveLength(1);
    expect(text.split('\n')[0]).toBe('CRITICAL: 20 incidents (1 critical, 9 warning, 10 info), worst first:');
    expect(text).toContain('and 5 more');
  });

  it('behind a message wait for a minute together, unless one is critical: then ten seconds', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    await open(t, 'first');
    await tell(t);
    const ago = (seconds: number) => t.db.query(`update notification_channels set last_sent_at = app_clock() - make_interval(secs => $1)`, [seconds]);
    for (const [seconds, severity, messages] of [[5, 'critical', 1], [11, 'critical', 2], [11, 'warning', 2], [61, 'warning', 3]] as const) {
      await open(t, `behind-${seconds}-${severity}`, { severity });
      await ago(seconds);
      await tell(t);
      expect([seconds, severity, receiver.received.length]).toEqual([seconds, severity, messages]);
    }
    expect(receiver.received.at(-1)?.body.data.count).toBe(2);
  });

  it('are each told once, of two instances that look while they are opened', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const opening = Promise.all(Array.from({ length: 30 }, (_, n) => open(n % 2 ? t : second, `burst-${n}`)));
    for (let n = 0; n < 4; n++) await tell(t, second);
    const ids = (await opening).map(({ id }) => id);
    await aMinuteLater();
    await tell(t, second);
    const told = receiver.received.flatMap(({ body }) => body.data.incidents.map(({ id }) => id));
    expect([...told].sort()).toEqual([...ids].sort());
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(receiver.received.length);
  });
});

describe('a channel that fails', () => {
  it('is tried again with the same message under the same id, newly signed, and then tells the rest together', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const first = await open(t, 'down');
    receiver.answer = { status: 500, body: `boom ${'x'.repeat(200_000)}` };
    await tell(t);
    const state = (await shown(t)).webhook?.state;
    expect(state).toMatchObject({ failures: 1, lastError: 'it answered 500', waiting: 1, failingSince: expect.any(String), nextAttemptAt: expect.any(String), lastSentAt: null });
    await receiver.down();
    await repeat(t, first.id);
    await open(t, 'down-too');
    await aMinuteLater();
    await tell(t, second);
    expect((await shown(t)).webhook?.state).toMatchObject({ failures: 2, lastError: 'nobody listens there (ECONNREFUSED)', waiting: 2 });
    receiver.answer = null;
    await receiver.up();
    await tell(t);
    expect(receiver.received).toEqual([]);
    const [waiting] = await t.db.query<{ id: string; attempts: number }>(`select id, attempts from notification_messages where status = 'waiting'`);
    expect(waiting?.attempts).toBe(2);
    await aMinuteLater();
    await tell(t, second);
    expect(receiver.received.map(({ id }) => id)).toEqual([`msg_${waiting?.id}`]);
    expect((await shown(t)).webhook?.state).toMatchObject({ failures: 0, lastError: null, failingSince: null, waiting: 1 });
    await aMinuteLater();
    await tell(t);
    expect(receiver.received.map(({ body }) => body.data.incidents.map(({ id }) => id === first.id))).toEqual([[true], [false]]);
    expect(receiver.refused).toEqual([]);
  });

  it('is an incident that the others tell, once it failed for two minutes and three times; over with the next message', async () => {
    await setUp(t, { webhook: webhookTo(receiver), telegram: telegramTo([7]) });
    telegram.refuses.set('sendMessage', { status: 401, description: 'Unauthorized' });
    await open(t, 'told-by-one');
    for (let times = 0; times < 3; times++) {
      await tell(t);
      await aMinuteLater();
    }
    const failing = () => t.http<{ items: { severity: string; summary: string; status: string; subject: object }[] }>('GET', '/incidents?kind=NOTIFICATION_FAILING');
    expect((await failing()).body.items).toEqual([]);
    await t.db.query(`update notification_channels set failing_since = app_clock() - interval '3 minutes' where channel = 'telegram'`);
    await tell(t);
    expect((await failing()).body.items).toMatchObject([{ status: 'open', severity: 'warning', subject: { type: 'notification_channel', id: 'telegram' }, summary: expect.stringContaining('401 Unauthorized') }]);
    expect((await scrape(t.base)).value('tradewarden_notifications_failing_seconds{channel="telegram"}')).toBeGreaterThan(100);
    await aMinuteLater();
    await tell(t);
    expect(receiver.received.at(-1)?.body.data.incidents.map(({ kind }) => kind)).toEqual(['NOTIFICATION_FAILING']);
    telegram.refuses.clear();
    await aMinuteLater();
    await tell(t);
    expect(telegram.sent.map(({ text }) => text.includes('NOTIFICATION_FAILING'))).toEqual([false]);
    expect((await failing()).body.items).toMatchObject([{ status: 'resolved' }]);
    expect((await scrape(t.base)).of('tradewarden_notifications_waiting')).toMatchObject({ 'tradewarden_notifications_waiting{channel="telegram"}': 0 });
  });

  it('waits as long as its service asks', async () => {
    await setUp(t, { telegram: telegramTo([7]) });
    telegram.refuses.set('7', { status: 429, description: 'Too Many Requests: retry after 900', parameters: { retry_after: 900 } });
    await open(t, 'slow-down');
    await tell(t);
    const [row] = await t.db.query<{ seconds: number }>(`select extract(epoch from next_attempt_at - app_clock())::int as seconds from notification_messages where status = 'waiting'`);
    expect(row?.seconds).toBeGreaterThan(850);
    expect((await shown(t)).telegram?.state.lastError).toBe('chat 7: 429 Too Many Requests: retry after 900');
  });

  it('gives a message that is refused up after ten times, and goes on with the next', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const { id } = await open(t, 'poison');
    receiver.answer = { status: 422 };
    for (let times = 0; times < 10; times++) {
      await tell(t);
      await aMinuteLater();
    }
    expect(await statuses(id)).toEqual(['webhook critical:0 given_up']);
    receiver.answer = null;
    const next = await open(t, 'next');
    await tell(t);
    expect(receiver.received.map(({ body }) => body.data.incidents[0]?.id)).toEqual([next.id]);
    expect((await t.db.query(`select 1 from events where type = 'notification.given_up'`)).length).toBeGreaterThan(0);
  });

  it('does not keep what is acknowledged or over meanwhile, nor what has waited for a day', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    await receiver.down();
    const acked = await open(t, 'acked');
    await tell(t);
    await acknowledge(acked.id);
    await aMinuteLater();
    await tell(t);
    expect(await statuses(acked.id)).toEqual(['webhook critical:0 dropped']);
    const gone = await open(t, 'gone');
    await tell(t);
    await resolve(t, 'gone');
    await aMinuteLater();
    await tell(t);
    expect(await statuses(gone.id)).toEqual(['webhook critical:0 dropped', 'webhook over waiting']);
    await t.db.query(`update notification_deliveries set planned_at = planned_at - interval '25 hours'`);
    await t.db.query(`update incidents set resolved_at = resolved_at - interval '25 hours' where resolved_at is not null`);
    await tell(t);
    expect(await statuses(gone.id)).toEqual(['webhook critical:0 dropped', 'webhook over dropped']);
  });

  it('reaches the chats that it can, and repeats nothing to them', async () => {
    await setUp(t, { telegram: telegramTo([7, 8]) });
    telegram.refuses.set('8', { status: 403, description: 'Forbidden: bot was blocked by the user' });
    const { id } = await open(t, 'partly');
    await tell(t);
    expect(telegram.sent.map(({ chat_id }) => chat_id)).toEqual(['7']);
    expect(await statuses(id)).toEqual(['telegram critical:0 sent']);
    expect((await shown(t)).telegram?.state).toMatchObject({ failures: 1, lastError: 'chat 8: 403 Forbidden: bot was blocked by the user', lastSentAt: expect.any(String) });
    telegram.refuses.set('8', { status: 500, description: 'Internal Server Error' });
    await open(t, 'partly-too');
    for (let times = 0; times < 3; times++) {
      await aMinuteLater();
      await tell(t);
    }
    telegram.refuses.clear();
    await aMinuteLater();
    await tell(t);
    expect(telegram.sent.map(({ chat_id }) => chat_id)).toEqual(['7', '7', '8']);
  });

  it('follows no redirect and shows nothing of what is answered but its status', async () => {
    const elsewhere = await startReceiver();
    await setUp(t, { webhook: webhookTo(receiver) });
    receiver.answer = { status: 302, headers: { location: elsewhere.url }, body: 'inner words' };
    await open(t, 'redirected');
    await tell(t);
    const state = (await shown(t)).webhook?.state;
    expect([elsewhere.received, state?.lastError]).toEqual([[], 'it answered 302, and redirects are not followed']);
  });
});

describe('a test', () => {
  const test = (channel: string, token = t.adminToken) => clientOf(t.base, token)<{ code: string; detail: string; said: string }>('POST', '/notifications/test', { body: { channel } });

  it('is sent now, also on a channel that is not switched on, and says what its service said', async () => {
    await setUp(t, { webhook: webhookTo(receiver, { enabled: false }), telegram: telegramTo([7], { enabled: false }) });
    expect(await test('webhook')).toMatchObject({ status: 200, body: { channel: 'webhook', said: 'it answered 204', reached: ['webhook'] } });
    expect(await test('telegram')).toMatchObject({ status: 200, body: { said: 'ok', reached: ['7'] } });
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['test']);
    expect(telegram.sent[0]?.text).toContain('Nothing has happened');
  });

  it('that fails is 502 with the reason and no secret; one of nothing that is set up is 409; it takes an administrator', async () => {
    await setUp(t, { webhook: webhookTo(receiver), telegram: telegramTo(['-100123']) });
    telegram.refuses.set('*', { status: 400, description: 'Bad Request: chat not found' });
    await receiver.down();
    const answers = [await test('webhook'), await test('telegram'), await test('email')];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([[502, 'NOTIFICATION_FAILED'], [502, 'NOTIFICATION_FAILED'], [409, 'CHANNEL_NOT_SET_UP']]);
    expect(answers[0]?.body.detail).toBe('Nobody was reached: nobody listens there (ECONNREFUSED)');
    expect(answers[1]?.body.detail).toBe('Nobody was reached: chat -100123: 400 Bad Request: chat not found');
    expect(answers.map(({ text }) => text).join()).not.toMatch(/AAHdq|very-secret-path|whsec_/);
    expect((await test('webhook', await t.person('operator'))).status).toBe(403);
    expect((await shown(t)).webhook?.state).toMatchObject({ failures: 1 });
  });
});
