import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { BOT_TOKEN, closeStandIns, mailTo, NO_CHANNELS, nothingOpen, open, type Receiver, setUp, type Shown, shown, SIGNING_SECRET, startReceiver, startTelegram, telegramTo, tell, webhookTo } from '../support/notify.js';

const PASSWORD = 'correct-horse-battery';
const HIDDEN = [BOT_TOKEN, 'AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw', SIGNING_SECRET, SIGNING_SECRET.slice(6), PASSWORD, 'very-secret-path'];

let t: TestApp;
let receiver: Receiver;
beforeAll(async () => {
  const telegram = await startTelegram();
  t = await startTestApp({ TELEGRAM_API_URL: telegram.url });
  receiver = await startReceiver();
});
beforeEach(() => nothingOpen(t));
afterAll(async () => {
  await t.close();
  await closeStandIns();
});

const put = async (body: object, headers: Record<string, string> = {}, token = t.adminToken) => {
  const { version } = await shown(t);
  return clientOf(t.base, token)<Shown>('PUT', '/notifications', { headers: { 'if-match': `"${version}"`, ...headers }, body });
};
const all = () => ({ telegram: telegramTo([7, -1001234567890]), email: mailTo({ port: 25 }, { user: 'warden', password: PASSWORD }), webhook: webhookTo(receiver) });

describe('the settings of notifications', () => {
  it('are put whole on the version that was read, and read back without a secret', async () => {
    const made = await put(all());
    expect(made).toMatchObject({ status: 200, body: {
      telegram: { enabled: true, minimumSeverity: 'info', chatIds: ['7', '-1001234567890'], commands: true, botToken: { isSet: true }, state: { failures: 0, waiting: 0 }, chat: { ignored: 0 } },
      email: { host: '127.0.0.1', port: 25, tls: 'none', user: 'warden', password: { isSet: true }, from: 'warden@example.com', to: ['trader@example.com'] },
      webhook: { url: { isSet: true, origin: `http://127.0.0.1:${receiver.port}` }, secret: { isSet: true } }, publicUrl: null,
    } });
    const read = await clientOf(t.base, await t.person('viewer'))<Shown>('GET', '/notifications');
    expect(read.body).toEqual(made.body);
    expect([read.headers.get('etag'), made.headers.get('etag')]).toEqual(Array(2).fill(`"${made.body.version}"`));
    for (const secret of HIDDEN) expect([secret.slice(0, 4), (made.text + read.text).includes(secret)]).toEqual([secret.slice(0, 4), false]);
  });

  it('hold no secret in clear: not in the database, and not in an event', async () => {
    await put(all());
    const dump = JSON.stringify([await t.db.query('select * from notification_settings'), await t.db.query('select * from notification_channels'), await t.db.query(`select * from events where type = 'notification.settings_changed'`)]);
    expect(dump).toContain('telegram.botToken');
    for (const secret of HIDDEN) expect([secret.slice(0, 4), dump.includes(secret), dump.includes(Buffer.from(secret).toString('base64').slice(0, 12))]).toEqual([secret.slice(0, 4), false, false]);
    const [event] = await t.db.query<{ data: { changed: string[] } }>(`select data from events where type = 'notification.settings_changed' order by seq desc limit 1`);
    expect(event?.data.changed).toEqual(expect.arrayContaining(['email.password', 'telegram.botToken', 'telegram.chatIds', 'webhook.secret', 'webhook.url']));
  });

  it('keep a secret that is left out, lose one that is null, and lose all of a channel that is null', async () => {
    await put(all());
    const { botToken: _token, ...telegram } = telegramTo([9]);
    const { password: _password, ...email } = all().email as Record<string, unknown>;
    const kept = await put({ ...NO_CHANNELS, telegram, email: { ...email, enabled: false, password: null, user: null } });
    expect(kept.body).toMatchObject({ telegram: { chatIds: ['9'], botToken: { isSet: true } }, email: { password: { isSet: false } }, webhook: null });
    const again = await put({ ...NO_CHANNELS, webhook: { enabled: false, minimumSeverity: 'info' } });
    expect(again.body).toMatchObject({ telegram: null, webhook: { url: { isSet: false, origin: null }, secret: { isSet: false } } });
    expect(await put({ ...NO_CHANNELS, telegram })).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', detail: 'telegram.botToken: is needed to switch it on' } });
  });

  it('are changed by one of many who read the same version', async () => {
    const { version } = await shown(t);
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => t.http<Shown>('PUT', '/notifications', { headers: { 'if-match': `"${version}"` }, body: { ...NO_CHANNELS, telegram: telegramTo([n]) } })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
    expect((await shown(t)).version).toBe(version + 1);
    expect((await t.http('PUT', '/notifications', { body: NO_CHANNELS })).status).toBe(428);
    for (const role of ['viewer', 'operator'] as const) expect((await put(NO_CHANNELS, {}, await t.person(role))).status).toBe(403);
    expect((await (await t.agent()).http('GET', '/notifications')).status).toBe(403);
  });

  it.each<[string, object, string]>([
    ['a token that is none', { telegram: telegramTo([7], { botToken: 'x' }) }, 'telegram.botToken'],
    ['a chat that is no number', { telegram: telegramTo(['@me']) }, 'telegram.chatIds.0'],
    ['no chat', { telegram: telegramTo([]) }, 'telegram.chatIds'],
    ['a sender with a second line', { email: mailTo({ port: 25 }, { from: 'a@example.com\r\nBcc: b@example.com' }) }, 'email.from'],
    ['a recipient with a name', { email: mailTo({ port: 25 }, { to: ['Me <a@example.com>'] }) }, 'email.to.0'],
    ['a host that is a path', { email: mailTo({ port: 25 }, { host: 'mail/../x' }) }, 'email.host'],
    ['a password in clear to elsewhere', { email: mailTo({ port: 25 }, { host: 'mail.example.com', user: 'u', password: 'pw-of-mail' }) }, 'email.tls'],
    ['a password of nobody', { email: mailTo({ port: 25 }, { password: 'pw-of-mail' }) }, 'email.user'],
    ['a webhook that is no address', { webhook: webhookTo({ url: 'ftp://example.com' }) }, 'webhook.url'],
    ['a webhook with a password in it', { webhook: webhookTo({ url: 'https://u:p@example.com/' }) }, 'webhook.url'],
    ['a webhook of a cloud\'s own address', { webhook: webhookTo({ url: 'http://169.254.169.254/latest' }) }, 'webhook.url'],
    ['a webhook in clear out into the world', { webhook: webhookTo({ url: 'http://8.8.8.8/' }) }, 'webhook.url'],
    ['a secret that is too short', { webhook: webhookTo({ url: 'https://example.com/' }, { secret: 'whsec_c2hvcnQ=' }) }, 'webhook.secret'],
    ['a severity that is none', { webhook: webhookTo({ url: 'https://example.com/' }, { minimumSeverity: 'loud' }) }, 'webhook.minimumSeverity'],
  ])('refuse %s, by name and without its value', async (_what, channels, path) => {
    const before = await shown(t);
    const answer = await put({ ...NO_CHANNELS, ...channels });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
    for (const secret of ['pw-of-mail', 'c2hvcnQ', 'AAHdq', 'loud']) expect(answer.text).not.toContain(secret);
    expect(await shown(t)).toEqual(before);
  });

  it('ask for the password of mail again when it would go elsewhere', async () => {
    await put(all());
    const { password: _password, ...email } = all().email as Record<string, unknown>;
    expect((await put({ ...NO_CHANNELS, email: { ...email, to: ['other@example.com'] } })).status).toBe(200);
    for (const more of [{ host: 'localhost' }, { port: 26 }, { user: 'another' }, { tls: 'starttls' }]) {
      expect(await put({ ...NO_CHANNELS, email: { ...email, ...more } })).toMatchObject({ status: 400, body: { detail: 'email.password: must be given again: server, user or TLS are other ones now' } });
    }
  });

  it('sealed under a key that was rotated away are said to be unreadable, and never sent as something else; named as a former one it is read', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    await open(t, 'sealed');
    const key = 'Yd4Gk9Zp2Qw7Ls5Nv8Rb3Tx6Hc1Jm0Fa';
    const rotated = await t.second({ AUDIT_KEY: key });
    try {
      await tell(rotated);
      expect((await shown(rotated)).webhook).toMatchObject({ url: { isSet: true, origin: null }, state: { lastError: expect.stringContaining('another AUDIT_KEY') } });
      expect(receiver.received).toEqual([]);
    } finally {
      await rotated.close();
    }
    const knowing = await t.second({ AUDIT_KEY: key, AUDIT_KEYS_FORMER: 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy' });
    try {
      await t.db.query(`update notification_messages set next_attempt_at = app_clock() where status = 'waiting'`);
      await tell(knowing);
      expect(receiver.received).toHaveLength(1);
    } finally {
      await knowing.close();
    }
  });

  it('sealed under a key that this server does not have is told before there is anything to tell', async () => {
    await setUp(t, { webhook: webhookTo(receiver) });
    const rotated = await t.second({ AUDIT_KEY: 'Yd4Gk9Zp2Qw7Ls5Nv8Rb3Tx6Hc1Jm0Fa' });
    try {
      await tell(rotated);
      expect((await shown(rotated)).webhook?.state).toMatchObject({ lastError: expect.stringContaining('another AUDIT_KEY'), waiting: 0 });
      await t.db.query(`update notification_channels set failing_since = failing_since - interval '5 minutes' where channel = 'webhook'`);
      await tell(rotated);
      await tell(rotated);
      expect(await t.db.query(`select severity, summary from incidents where kind = 'NOTIFICATION_FAILING' and subject_id = 'webhook' and resolved_at is null`)).toEqual([{ severity: 'critical', summary: expect.stringContaining('another AUDIT_KEY') }]);
    } finally {
      await rotated.close();
    }
  });
});
