import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IntakeService } from '../../src/webhooks/intake/intake.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { freezeClock } from '../support/frozen-clock.js';
import { withinASecond } from '../support/http.js';
import { expectWithin, timeOf } from '../support/timing.js';
import { rawRequest } from '../support/raw-http.js';
import { alertBody, alertsOf, makeSource, postAlert, type Posted, type TestSource } from '../support/webhooks.js';

let t: TestApp;
let second: TestApp;
let source: TestSource;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  for (const { app } of [t, second]) app.get(IntakeService).answerWithinMs = 20_000;
  source = await makeSource(t.http);
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const times = <T>(n: number, one: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => one(i)));
const outcome = ({ status, body }: Posted) => [status, body.status];
const refusal = ({ status, body }: Posted) => [status, body.code];
/** No two are one: each has an id of its own, which has to hold a time or a number to count as one. */
const distinct = (n: number) => alertBody({ alertId: `alert-${20_260_000 + n}` });

describe('an alert', () => {
  it('is stored when it is answered 202, with what it came with, and its event', async () => {
    const answer = await postAlert(t, source.path, alertBody(), { 'content-type': 'application/json; charset=utf-8', 'x-request-id': 'tv-1' });
    expect(outcome(answer)).toEqual([202, 'accepted']);
    expect(Object.keys(answer.body).sort()).toEqual(['alertId', 'status']);
    const [alert] = await alertsOf(t, source.id);
    expect(alert).toMatchObject({
      id: answer.body.alertId, key_kind: 'content', content_type: 'application/json; charset=utf-8', sender: '127.0.0.1', symbol: 'NSE:INFY', correlation_id: 'tv-1', duplicate_count: 0, run: 1,
    });
    expect(alert?.body.toString()).toBe(alertBody());
    expect(await t.db.query('select type, actor, correlation_id, data from events where subject_id = $1 and type = \'alert.received\'', [answer.body.alertId])).toEqual([
      { type: 'alert.received', actor: `webhook:${source.id}`, correlation_id: 'tv-1', data: { sourceId: source.id, symbol: 'NSE:INFY', keyKind: 'content' } },
    ]);
  });

  it('is taken under any content type and under none, byte by byte', async () => {
    const { id, path } = await makeSource(t.http);
    const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'no type at all', '/', 'a/b;'.repeat(100)];
    for (const [n, type] of types.entries()) expect([type, ...outcome(await postAlert(t, path, distinct(n), { 'content-type': type }))]).toEqual([type, 202, 'accepted']);
    const bare = await rawRequest(t.base, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\nsymbol=X1`);
    expect(bare.status).toBe(202);
    const stored = await alertsOf(t, id);
    expect(stored.map(({ content_type }) => content_type)).toEqual([...types.map((type) => type.slice(0, 200)), null]);
    expect(stored.map(({ body }) => body.toString())).toEqual([...types.map((_, n) => distinct(n)), 'symbol=X1']);
  });

  it('of what cannot be read is stored all the same: NUL, broken UTF-8, half of a JSON, nothing but a brace', async () => {
    const { id, path } = await makeSource(t.http);
    const bodies = ['\0', '{"symbol":"A\0B"}', '{"a":"\\u0000\\ud800"}', '{', '[[[[', `${'['.repeat(30_000)}`].map((text) => Buffer.from(text)).concat(Buffer.from([0xff, 0xfe, 0x00, 0xd8]));
    for (const body of bodies) expect([body.toString('latin1').slice(0, 30), ...outcome(await postAlert(t, path, body))]).toEqual([body.toString('latin1').slice(0, 30), 202, 'accepted']);
    expect((await alertsOf(t, id)).map(({ body }) => body.toString('base64'))).toEqual(bodies.map((body) => body.toString('base64')));
  });

  it('may have 64 KiB; of one byte more nothing is stored', async () => {
    const { id, path } = await makeSource(t.http);
    const of = (bytes: number) => alertBody({ note: '' }).replace('"note":""', () => `"note":"${'x'.repeat(bytes - alertBody({ note: '' }).length)}"`);
    expect(outcome(await postAlert(t, path, of(65_536)))).toEqual([202, 'accepted']);
    const large = await postAlert(t, path, of(65_537));
    expect(refusal(large)).toEqual([413, 'BODY_TOO_LARGE']);
    expect(large.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const chunk = `${(65_537).toString(16)}\r\n${of(65_537)}\r\n0\r\n\r\n`;
    expect((await rawRequest(t.base, `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)).status).toBe(413);
    expect(await alertsOf(t, id)).toHaveLength(1);
  });

  it('without a body is refused', async () => {
    expect(refusal(await postAlert(t, source.path, null))).toEqual([400, 'BODY_EMPTY']);
    expect(refusal(await postAlert(t, source.path, '', {}))).toEqual([400, 'BODY_EMPTY']);
    expect(refusal(await postAlert(t, source.path, ''))).toEqual([400, 'BODY_EMPTY']);
  });

  it('under a token that nobody has is refused, and no answer repeats a token', async () => {
    const token = source.path.split('/').at(-1) ?? '';
    for (const wrong of ['x', `${token}x`, token.slice(0, -1), token.toUpperCase(), `tws_${'A'.repeat(43)}`, '%00', '%E0%A4%A', 'x'.repeat(300), `${token}/more`, `${token}/`]) {
      const answer = await postAlert(t, `/webhooks/tradingview/${wrong}`);
      expect([wrong, [400, 404, 414].includes(answer.status)]).toEqual([wrong, true]);
      expect(answer.text).not.toContain(token.slice(4, 40));
      expect(answer.body.instance ?? '/webhooks/tradingview/***').toBe('/webhooks/tradingview/***');
    }
    expect(await (await fetch(t.base + source.path)).text()).not.toContain(token);
  });

  it('that pings is answered and not stored', async () => {
    const { id, path } = await makeSource(t.http, { bodySecret: 'one-two-three' });
    const ping = (secret: string) => postAlert(t, path, JSON.stringify({ test: 'tradingview', secret }));
    expect(await ping('one-two-three')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(refusal(await ping('three-two-one'))).toEqual([401, 'WRONG_BODY_SECRET']);
    expect(await alertsOf(t, id)).toEqual([]);
  });

  it('is never told to slow down, however many come', async () => {
    const { id, path } = await makeSource(t.http);
    const answers = await times(200, (n) => postAlert(n % 2 ? t : second, path, distinct(n)));
    expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
    const stored = await alertsOf(t, id);
    expect(stored.map((alert) => alert.id).sort()).toEqual(answers.map(({ body }) => body.alertId).sort());
    expect(new Set(stored.map(({ body }) => body.toString()))).toEqual(new Set(Array.from({ length: 200 }, (_, n) => distinct(n))));
  });

  it('is numbered after those that were answered before it came', async () => {
    const { id, path } = await makeSource(t.http);
    for (let n = 0; n < 12; n++) await postAlert(n % 2 ? t : second, path, distinct(n));
    expect((await alertsOf(t, id)).map(({ body }) => body.toString())).toEqual(Array.from({ length: 12 }, (_, n) => distinct(n)));
  });
});

describe('bodies of other routes', () => {
  it.each(['text/plain', 'application/x-tradewarden-bytes', 'no type at all'])('are still refused as %s', async (type) => {
    const answer = await fetch(`${t.base}/api/v1/auth/login`, { method: 'POST', headers: { 'content-type': type }, body: '{}' });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([415, 'CONTENT_TYPE_NOT_SUPPORTED']);
  });
});

describe('duplicates', () => {
  it('of twelve identical alerts at once, through two servers: one is stored, eleven are counted, all are told its id', async () => {
    const { id, path } = await makeSource(t.http);
    const answers = await times(12, (n) => postAlert(n % 2 ? t : second, path));
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(202));
    expect(answers.filter(({ body }) => body.status === 'accepted')).toHaveLength(1);
    expect(answers.filter(({ body }) => body.status === 'duplicate')).toHaveLength(11);
    const [alert, ...others] = await alertsOf(t, id);
    expect(others).toEqual([]);
    expect(new Set(answers.map(({ body }) => body.alertId))).toEqual(new Set([alert?.id]));
    await withinASecond(async () => expect((await alertsOf(t, id))[0]).toMatchObject({ duplicate_count: 11, last_duplicate_at: expect.any(Date) }));
  });

  it('among hundreds at once: each is stored once, and each repetition is counted', async () => {
    const { id, path } = await makeSource(t.http);
    const answers = await times(240, (n) => postAlert(n % 2 ? t : second, path, distinct(Math.floor(n / 6))));
    expect(answers.map(({ status }) => status)).toEqual(Array(240).fill(202));
    expect(answers.filter(({ body }) => body.status === 'accepted')).toHaveLength(40);
    await withinASecond(async () => expect((await alertsOf(t, id)).map(({ duplicate_count }) => duplicate_count)).toEqual(Array(40).fill(5)));
    for (let n = 0; n < 40; n++) expect(new Set(answers.slice(n * 6, n * 6 + 6).map(({ body }) => body.alertId)).size).toBe(1);
  });

  it('of one source are none of another', async () => {
    const other = await makeSource(t.http);
    const [one, two] = [await postAlert(t, source.path, distinct(7_000)), await postAlert(t, other.path, distinct(7_000))];
    expect([outcome(one), outcome(two)]).toEqual([[202, 'accepted'], [202, 'accepted']]);
  });

  it('are answered while the first is being worked through, and counted when that is over', async () => {
    const { id, path } = await makeSource(t.http);
    const first = await postAlert(t, path);
    let sent = 0;
    await onConnection(t.db.adminUrl, async (worker) => {
      await worker.query('begin');
      await worker.query('select 1 from alerts where id = $1 for update', [first.body.alertId]);
      await expectWithin(1_500, () => timeOf(async () => {
        sent += 5;
        const answers = await times(5, () => postAlert(t, path));
        expect(answers.map(({ status, body }) => [status, body.status, body.alertId])).toEqual(Array(5).fill([202, 'duplicate', first.body.alertId]));
      }));
      await worker.query('rollback');
    });
    await withinASecond(async () => expect((await alertsOf(t, id))[0]?.duplicate_count).toBe(sent));
  });

  it('are such for a minute where nothing tells one from the next, and extend it by nothing', async () => {
    const own = await startTestApp();
    own.app.get(IntakeService).answerWithinMs = 20_000;
    try {
      const clock = await freezeClock(own.db);
      const { id, path } = await makeSource(own.http);
      const first = await postAlert(own, path);
      for (const seconds of [1, 30, 59]) {
        await clock.moveTo(seconds);
        expect((await postAlert(own, path)).body).toEqual({ alertId: first.body.alertId, status: 'duplicate' });
      }
      await clock.moveTo(61);
      const next = await postAlert(own, path);
      expect(outcome(next)).toEqual([202, 'accepted']);
      await clock.moveTo(120);
      expect((await postAlert(own, path)).body).toEqual({ alertId: next.body.alertId, status: 'duplicate' });
      await clock.moveTo(122);
      const twelve = await times(12, () => postAlert(own, path));
      expect(twelve.filter(({ body }) => body.status === 'accepted')).toHaveLength(1);
      await withinASecond(async () => expect((await alertsOf(own, id)).map(({ duplicate_count }) => duplicate_count)).toEqual([3, 1, 11]));
    } finally {
      await own.close();
    }
  });

  it('are such for ever where the alert has an id of its own', async () => {
    const { path } = await makeSource(t.http);
    const first = await postAlert(t, path, distinct(1));
    await t.db.query(`update alert_keys set expires_at = app_clock() - interval '1 day' where expires_at is not null`);
    expect((await postAlert(t, path, distinct(1))).body).toEqual({ alertId: first.body.alertId, status: 'duplicate' });
  });
});

describe('when the database does not answer', () => {
  it('an alert is answered 503 with Retry-After within two seconds, and sent again it is stored once', async () => {
    const { id, path } = await makeSource(t.http);
    const impatient = await t.second();
    await onConnection(t.db.adminUrl, async (other) => {
      await other.query('begin; lock table alert_keys in access exclusive mode');
      const answers: Awaited<ReturnType<typeof postAlert>>[] = [];
      await expectWithin(2_900, () => timeOf(async () => answers.push(...(await times(4, () => postAlert(impatient, path))))));
      for (const answer of answers) {
        expect(refusal(answer)).toEqual([503, 'NOT_STORED_IN_TIME']);
        expect(answer.body.retryable).toBe(true);
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      }
      await other.query('rollback');
    });
    await impatient.close();
    expect((await times(4, () => postAlert(t, path))).map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(await alertsOf(t, id)).toHaveLength(1);
  });
});
