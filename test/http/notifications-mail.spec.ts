import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { closeStandIns, mailTo, nothingOpen, open, setUp, shown, startMailServer, tell } from '../support/notify.js';

const USER = 'warden';
const PASSWORD = 'correct-horse-battery';
const refusal = (message: string, responseCode: number) => Object.assign(new Error(message), { responseCode });

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ PUBLIC_URL: 'https://warden.example.com' });
});
beforeEach(() => nothingOpen(t));
afterAll(async () => {
  await t.close();
  await closeStandIns();
});

const test = () => t.http<{ code: string; detail: string; said: string; reached: string[] }>('POST', '/notifications/test', { body: { channel: 'email' } });
const signIn = { authOptional: false, allowInsecureAuth: true, onAuth: (auth: { username?: string | null | undefined; password?: string | null | undefined }, _session: unknown, done: (error: Error | null, as?: { user: string }) => void) =>
  (auth.username === USER && auth.password === PASSWORD ? done(null, { user: USER }) : done(refusal(`no ${auth.password} here`, 535))) };

describe('mail', () => {
  it('is plain text to all recipients, with a subject of one line whatever an incident says', async () => {
    const box = await startMailServer();
    await setUp(t, { email: mailTo(box, { to: ['one@example.com', 'two@example.com'] }) });
    const { id, seq } = await open(t, 'mailed', { summary: 'odd\r\nBcc: thief@example.com\r\n\r\n.\r\n<b>not html</b>' });
    await tell(t);
    const [mail] = box.mails;
    expect(box.mails).toHaveLength(1);
    expect(mail?.to).toEqual(['one@example.com', 'two@example.com']);
    const [head = '', body = ''] = mail?.raw.split('\r\n\r\n') ?? [];
    expect(head).toMatch(/^Content-Type: text\/plain/m);
    expect(head.split('\r\n').filter((line) => /^(bcc|cc):/i.test(line))).toEqual([]);
    expect(head).toMatch(new RegExp(`^Subject: CRITICAL: COMMAND_UNKNOWN #${seq}$`, 'm'));
    expect(head).toMatch(/^Message-ID: <[0-9a-f-]{36}@example\.com>$/im);
    const text = body.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    expect(text).toContain('odd Bcc: thief@example.com . <b>not html</b>');
    expect(text).toContain(`https://warden.example.com/overview?incident=${id}`);
  });

  it('signs in where a user is given, and tells why it was not let in without the password', async () => {
    const box = await startMailServer(signIn);
    await setUp(t, { email: mailTo(box, { user: USER, password: PASSWORD }) });
    expect(await test()).toMatchObject({ status: 200, body: { reached: ['trader@example.com'], said: expect.stringMatching(/^250/) } });
    expect(box.mails.map(({ user }) => user)).toEqual([USER]);
    await setUp(t, { email: mailTo(box, { user: USER, password: 'the-wrong-one' }) });
    const refused = await test();
    expect(refused).toMatchObject({ status: 502, body: { detail: 'Nobody was reached: it answered 535 no *** here' } });
    expect(refused.text).not.toContain('the-wrong-one');
    await setUp(t, { email: mailTo(box, {}) });
    expect((await test()).status).toBe(502);
  });

  it('is not sent in clear where STARTTLS was asked for, nor to a certificate that is not trusted', async () => {
    const without = await startMailServer();
    await setUp(t, { email: mailTo(without, { tls: 'starttls' }) });
    expect((await test()).body.detail).toBe('Nobody was reached: it does not offer STARTTLS, or failed at it: nothing was sent');
    const untrusted = await startMailServer({ disabledCommands: [], authOptional: true });
    await setUp(t, { email: mailTo(untrusted, { tls: 'starttls' }) });
    expect((await test()).body.detail).toMatch(/certificate/);
    const implicit = await startMailServer({ secure: true });
    await setUp(t, { email: mailTo(implicit, { tls: 'implicit' }) });
    expect((await test()).body.detail).toMatch(/certificate/);
    expect([without.mails, untrusted.mails, implicit.mails]).toEqual([[], [], []]);
  });

  it('to a recipient that is refused reaches the others, once', async () => {
    const box = await startMailServer({ onRcptTo: ({ address }, _session, done) => (address.startsWith('gone') ? done(refusal('no such user', 550)) : done()) });
    await setUp(t, { email: mailTo(box, { to: ['here@example.com', 'gone@example.com'] }) });
    await open(t, 'some');
    await tell(t);
    await t.db.query(`update notification_messages set next_attempt_at = app_clock() where status = 'waiting'`);
    await tell(t);
    expect(box.mails.map(({ to }) => to)).toEqual([['here@example.com']]);
    expect((await shown(t)).email?.state).toMatchObject({ lastError: 'gone@example.com was refused', failures: 1, waiting: 0 });
  });

  it('that is put off by its server comes again as the same message', async () => {
    let busy = true;
    const ids: string[] = [];
    const box = await startMailServer({ onData(stream, _session, done) {
      let raw = '';
      stream.on('data', (chunk: Buffer) => (raw += chunk.toString()));
      stream.on('end', () => {
        ids.push(/^Message-ID: (.*)$/im.exec(raw)?.[1] ?? '');
        done(busy ? refusal('try later', 451) : undefined);
      });
    } });
    await setUp(t, { email: mailTo(box) });
    await open(t, 'later');
    await tell(t);
    expect((await shown(t)).email?.state.lastError).toBe('it answered 451 try later');
    busy = false;
    await t.db.query(`update notification_messages set next_attempt_at = app_clock() where status = 'waiting'`);
    await tell(t);
    expect(new Set(ids).size).toBe(1);
    expect(ids).toHaveLength(2);
    expect((await shown(t)).email?.state).toMatchObject({ lastError: null, failures: 0 });
  });
});
