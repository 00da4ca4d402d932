import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { alertBody, alertsOf, makeSource, postAlert, type Posted } from '../support/webhooks.js';

interface Shown {
  id: string;
  url: string | null;
  version: number;
  previousTokenUntil: string | null;
  hasBodySecret: boolean;
  secretAlreadyShown?: true;
  route: Record<string, unknown>;
  defaults: Record<string, unknown>;
  code: string;
  errors: { path: string; message: string }[];
}

let t: TestApp;
let second: TestApp;
let agentId: string;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  agentId = (await t.agent()).id;
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const create = (body: Record<string, unknown>, headers = {}) => t.http<Shown>('POST', '/webhook-sources', { body: { mapping: 'sigmatrader', ...body }, headers });
const change = (id: string, body: object) => t.http<Shown>('PATCH', `/webhook-sources/${id}`, { body });
const rotate = (id: string, body: object = {}, headers = {}) => t.http<Shown>('POST', `/webhook-sources/${id}/rotate`, { body, headers });
const refusal = ({ status, body }: Posted) => [status, body.code];
const pathOf = ({ url }: Shown) => new URL(url ?? '').pathname;
let alerts = 20_260_000;
const another = () => alertBody({ alertId: `another-${++alerts}` });
const eventsOf = async (id: string) => (await t.db.query<{ type: string }>('select type from events where subject_id = $1 order by seq', [id])).map(({ type }) => type);

describe('a webhook source', () => {
  it('is shown with its address once, and afterwards without', async () => {
    const made = await create({ name: 'first', bodySecret: 'a secret of words' }, { 'idempotency-key': 'first' });
    expect(made.status).toBe(201);
    expect(made.body.url).toMatch(new RegExp(`^${t.base}/webhooks/tradingview/tws_[\\w-]{43}$`));
    const { url: _url, ...rest } = made.body;
    expect(rest).toMatchObject({
      name: 'first', mapping: 'sigmatrader', symbols: {}, hasBodySecret: true, allowedAddresses: null, version: 1, retired: false,
      route: { action: 'store', executorAgentId: null, strategyId: null, maxAgeSeconds: 60, expectSignalWithin: null },
      defaults: { lotSize: null, riskRule: null, stopDistance: null, rewardToRisk: null, confidence: null, product: null },
    });
    const again = await create({ name: 'first', bodySecret: 'a secret of words' }, { 'idempotency-key': 'first' });
    expect(again.body).toEqual({ ...rest, url: null, secretAlreadyShown: true });
    expect((await t.http('GET', `/webhook-sources/${made.body.id}`)).body).toEqual(rest);
    const list = await t.http<{ items: Shown[] }>('GET', '/webhook-sources?name=first');
    expect(list.body.items).toEqual([rest]);
    // Neither the token nor the secret stands in any row.
    const token = pathOf(made.body).split('/').at(-1) ?? '';
    const [dump] = await t.db.query<{ all: string }>(`select concat((select jsonb_agg(s) from webhook_sources s), (select jsonb_agg(k) from idempotency_keys k), (select jsonb_agg(e) from events e)) as all`);
    for (const secret of [token, 'a secret of words']) expect(dump?.all.includes(secret)).toBe(false);
    expect(await eventsOf(made.body.id)).toEqual(['webhook_source.created']);
  });

  it('has an address that begins with PUBLIC_URL, where that is set', async () => {
    const behind = await t.second({ PUBLIC_URL: 'https://alerts.example.com/desk/' });
    const { body } = await clientOf(behind.base, t.adminToken)<Shown>('POST', '/webhook-sources', { body: { name: 'public', mapping: 'traderspost' } });
    await behind.close();
    expect(body.url).toMatch(/^https:\/\/alerts\.example\.com\/desk\/webhooks\/tradingview\/tws_/);
  });

  it.each([
    [{ route: { action: 'idea' } }, 'route.executorAgentId'],
    [{ route: { action: 'command' } }, 'route.executorAgentId'],
    [{ route: { action: 'idea', executorAgentId: 'AGENT' } }, 'defaults.lotSize'],
    [{ route: { action: 'idea', executorAgentId: 'AGENT' }, defaults: { riskRule: { fraction: '0.01' } } }, 'defaults.stopDistance'],
    [{ route: { executorAgentId: '01930000-0000-7000-8000-00000000dead' } }, 'route.executorAgentId'],
    [{ route: { strategyId: '01930000-0000-7000-8000-00000000dead' } }, 'route.strategyId'],
    [{ route: { maxAgeSeconds: 0 } }, 'route.maxAgeSeconds'],
    [{ route: { expectSignalWithin: 59 } }, 'route.expectSignalWithin'],
    [{ defaults: { riskRule: { fraction: '1' } } }, 'defaults.riskRule'],
    [{ defaults: { stopDistance: '0' } }, 'defaults.stopDistance'],
    [{ defaults: { confidence: '1.1' } }, 'defaults.confidence'],
    [{ mapping: 'elsewhere' }, 'mapping'],
    [{ allowedAddresses: ['203.0.113.0/33'] }, 'allowedAddresses.0'],
    [{ allowedAddresses: ['elsewhere.example.com'] }, 'allowedAddresses.0'],
    [{ allowedAddresses: [] }, 'allowedAddresses'],
    [{ symbols: { INFY: 'a b' } }, 'symbols.INFY'],
    [{ bodySecret: 'abc' }, 'bodySecret'], [{ bodySecret: '*****' }, 'bodySecret'],
    [{ surprise: 1 }, 'surprise'],
  ])('of %j is refused, and the field is named', async (body, path) => {
    const answer = await create(JSON.parse(JSON.stringify({ name: 'refused', ...body }).replace('AGENT', agentId)) as object as Record<string, unknown>);
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path]);
    expect((await t.http<{ items: [] }>('GET', '/webhook-sources?name=refused')).body.items).toEqual([]);
  });

  it('takes a bare number as a distance of the price', async () => {
    const made = await create({ name: 'routed', route: { action: 'idea', executorAgentId: agentId }, defaults: { lotSize: 0.1, stopDistance: 0.005, rewardToRisk: '2', confidence: '0.8', product: 'MIS' } });
    expect(made.status).toBe(201);
    expect(made.body.defaults).toEqual({ lotSize: '0.1', riskRule: null, stopDistance: { price: '0.005' }, rewardToRisk: '2', confidence: '0.8', product: 'MIS' });
  });

  it('keeps what a change does not name, and a change that would leave its route without what it needs is refused', async () => {
    const { body: { id } } = await create({ name: 'changed', route: { action: 'idea', executorAgentId: agentId, maxAgeSeconds: 30 }, defaults: { lotSize: '1', stopDistance: { fraction: '0.01' } }, symbols: { US30: 'DJ30' } });
    const changed = await change(id, { route: { expectSignalWithin: 3_600 }, defaults: { rewardToRisk: '1.5' } });
    expect(changed.body).toMatchObject({ version: 2, symbols: { US30: 'DJ30' }, route: { action: 'idea', executorAgentId: agentId, maxAgeSeconds: 30, expectSignalWithin: 3_600 }, defaults: { lotSize: '1', stopDistance: { fraction: '0.01' }, rewardToRisk: '1.5' } });
    for (const [body, path] of [[{ defaults: { lotSize: null } }, 'defaults.lotSize'], [{ defaults: { stopDistance: null } }, 'defaults.stopDistance'], [{ route: { executorAgentId: null } }, 'route.executorAgentId']] as const) {
      const answer = await change(id, body);
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([400, path]);
    }
    expect((await t.http<Shown>('GET', `/webhook-sources/${id}`)).body.version).toBe(2);
    const [event] = await t.db.query(`select data from events where subject_id = $1 and type = 'webhook_source.changed'`, [id]);
    expect(event).toMatchObject({ data: { fields: ['expectSignalWithinSeconds', 'defaults'] } });
  });

  it('shares its name with none that is in use; a retired one gives it back', async () => {
    const { body: { id } } = await create({ name: 'named' });
    expect(await create({ name: 'named' })).toMatchObject({ status: 409, body: { code: 'SOURCE_NAME_TAKEN' } });
    const { body: other } = await create({ name: 'other' });
    expect(await change(other.id, { name: 'named' })).toMatchObject({ status: 409, body: { code: 'SOURCE_NAME_TAKEN' } });
    await t.http('POST', `/webhook-sources/${id}/retire`);
    expect((await create({ name: 'named' })).status).toBe(201);
  });

  it('is for administrators to make and change, and for everybody to see', async () => {
    const { id } = await makeSource(t.http);
    for (const role of ['viewer', 'operator'] as const) {
      const http = clientOf(t.base, await t.person(role));
      expect((await http('GET', `/webhook-sources/${id}`)).status).toBe(200);
      for (const [method, path] of [['POST', ''], ['PATCH', `/${id}`], ['POST', `/${id}/rotate`], ['POST', `/${id}/retire`]] as const) {
        expect([path, (await http(method, `/webhook-sources${path}`, { body: {} })).status]).toEqual([path, 403]);
      }
    }
  });
});

describe('rotating a source', () => {
  it('gives it another address, and the one before is good until the overlap has ended', async () => {
    const made = await makeSource(t.http);
    const rotated = await rotate(made.id, { overlapSeconds: 600 }, { 'idempotency-key': 'rotated' });
    expect([rotated.status, rotated.body.version]).toEqual([200, 2]);
    const now = pathOf(rotated.body);
    expect(now).not.toBe(made.path);
    expect((await rotate(made.id, { overlapSeconds: 600 }, { 'idempotency-key': 'rotated' })).body).toMatchObject({ url: null, secretAlreadyShown: true, version: 2 });
    for (const path of [made.path, now]) for (const server of [t, second]) expect((await postAlert(server, path, another())).status).toBe(202);
    await t.db.query(`update webhook_sources set previous_token_until = app_clock() where id = $1`, [made.id]);
    for (const server of [t, second]) {
      expect(refusal(await postAlert(server, made.path, another()))).toEqual([404, 'NOT_FOUND']);
      expect((await postAlert(server, now, another())).status).toBe(202);
    }
    expect(await eventsOf(made.id)).toEqual(['webhook_source.created', 'webhook_source.rotated']);
  });

  it('without an overlap ends the address before at once, on every server that has just used it', async () => {
    const made = await makeSource(t.http);
    for (const server of [t, second]) expect((await postAlert(server, made.path, another())).status).toBe(202);
    const now = pathOf((await rotate(made.id, { overlapSeconds: 0 })).body);
    for (const server of [second, t]) expect(refusal(await postAlert(server, made.path, another()))).toEqual([404, 'NOT_FOUND']);
    expect((await postAlert(second, now, another())).status).toBe(202);
    expect(await alertsOf(t, made.id)).toHaveLength(3);
  });
});

describe('retiring a source', () => {
  it('ends it at once on every server, once', async () => {
    const { id, path } = await makeSource(t.http);
    for (const server of [t, second]) expect((await postAlert(server, path, another())).status).toBe(202);
    const retired = await t.http<Shown>('POST', `/webhook-sources/${id}/retire`);
    expect([retired.status, retired.body]).toMatchObject([200, { retired: true, version: 2 }]);
    for (const server of [second, t]) expect(refusal(await postAlert(server, path, another()))).toEqual([404, 'NOT_FOUND']);
    expect((await t.http<Shown>('POST', `/webhook-sources/${id}/retire`)).body.version).toBe(2);
    for (const answer of [await change(id, { name: 'x' }), await rotate(id)]) expect(answer).toMatchObject({ status: 409, body: { code: 'SOURCE_RETIRED' } });
    expect(await eventsOf(id)).toEqual(['webhook_source.created', 'webhook_source.retired']);
  });
});

describe('the secret in the body', () => {
  const RIGHT = 'the right one';
  const told: [string, (secret: string) => [body: string, headers: Record<string, string>]][] = [
    ['at the root', (secret) => [alertBody({ secret, alertId: `s${++alerts}` }), {}]],
    ['under meta', (secret) => [alertBody({ meta: { secret }, alertId: `s${++alerts}` }), {}]],
    ['as a form', (secret) => [`secret=${encodeURIComponent(secret)}&strategy_name=TV&st_user_id=a&symbol=NSE:INFY&order_action=BUY&quantity=${++alerts}`, {}]],
    ['as X-Webhook-Secret', (secret) => [another(), { 'x-webhook-secret': secret }]],
    ['as X-SigmaTrader-Secret', (secret) => [another(), { 'X-SigmaTrader-Secret': secret }]],
  ];

  it.each(told)('%s lets alerts in when it is right, and is stored nowhere', async (_where, tell) => {
    const { id, path } = await makeSource(t.http, { bodySecret: RIGHT });
    const right = await postAlert(t, path, ...tell(RIGHT));
    expect(right.status).toBe(202);
    for (const wrong of ['the wrong one', `${RIGHT}!`, RIGHT.slice(1), RIGHT.toUpperCase(), '***']) expect(refusal(await postAlert(t, path, ...tell(wrong)))).toEqual([401, 'WRONG_BODY_SECRET']);
    const stored = await alertsOf(t, id);
    expect(stored).toHaveLength(1);
    expect(stored[0]?.body.toString()).not.toMatch(/right(%20|\+| )one/);
  });

  it('that is right excuses no wrong one beside it', async () => {
    const { id, path } = await makeSource(t.http, { bodySecret: RIGHT });
    for (const [body, headers] of [[alertBody({ secret: RIGHT }), { 'x-webhook-secret': 'no' }], [alertBody({ secret: 'no' }), { 'x-webhook-secret': RIGHT }], [alertBody({ secret: RIGHT, meta: { secret: 'no' } }), {}]] as const) {
      expect(refusal(await postAlert(t, path, body, headers))).toEqual([401, 'WRONG_BODY_SECRET']);
    }
    expect(refusal(await postAlert(t, path, alertBody()))).toEqual([401, 'WRONG_BODY_SECRET']);
    expect(refusal(await postAlert(t, path, '{"half'))).toEqual([401, 'WRONG_BODY_SECRET']);
    expect(await alertsOf(t, id)).toEqual([]);
  });

  it('is no part of what makes an alert a duplicate, and is masked also where none is asked for', async () => {
    const { id, path } = await makeSource(t.http);
    const first = await postAlert(t, path, alertBody({ secret: 'one' }));
    expect((await postAlert(t, path, alertBody({ secret: 'another' }))).body).toEqual({ alertId: first.body.alertId, status: 'duplicate' });
    expect((await alertsOf(t, id))[0]?.body.toString()).toContain('"secret":"***"');
  });

  it('that was just changed holds at once, also on a server that knew the one before', async () => {
    const { id, path } = await makeSource(t.http, { bodySecret: RIGHT });
    const post = (server: TestApp, secret: string) => postAlert(server, path, alertBody({ secret, alertId: `c${++alerts}` }));
    expect((await post(second, RIGHT)).status).toBe(202);
    await change(id, { bodySecret: 'a newer one' });
    expect((await post(second, 'a newer one')).status).toBe(202);
    expect((await post(second, RIGHT)).status).toBe(401);
    expect((await change(id, { bodySecret: null })).body.hasBodySecret).toBe(false);
    expect((await post(second, 'whatever')).status).toBe(202);
  });

  it('is still known when AUDIT_KEY has changed and the former one is named', async () => {
    const { path } = await makeSource(t.http, { bodySecret: RIGHT });
    const later = await t.second({ AUDIT_KEY: 'z9Xw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fed', AUDIT_KEYS_FORMER: 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy' });
    const answers = [await postAlert(later, path, alertBody({ secret: RIGHT })), await postAlert(later, path, alertBody({ secret: 'wrong' }))];
    await later.close();
    expect(answers.map(({ status }) => status)).toEqual([202, 401]);
  });
});

describe('the list of addresses', () => {
  const from = (address: string) => ({ 'x-forwarded-for': address });

  it('lets in who stands in it, behind a proxy that is declared', async () => {
    const behind = await t.second({ TRUST_PROXY: '127.0.0.1' });
    const { id, path } = await makeSource(t.http, { allowedAddresses: ['tradingview', '203.0.113.0/24', '2001:db8::/32'] });
    for (const [address, status] of [['52.89.214.238', 202], ['203.0.113.77', 202], ['::ffff:203.0.113.78', 202], ['2001:db8:1::1', 202], ['203.0.114.1', 403], ['52.89.214.239', 403], ['2001:db9::1', 403], ['nonsense', 403], ['203.0.113.5, 198.51.100.1', 403]] as const) {
      const answer = await postAlert(behind, path, another(), from(address));
      expect([address, answer.status]).toEqual([address, status]);
      if (status === 403) expect(answer.body.code).toBe('ADDRESS_NOT_ALLOWED');
    }
    await behind.close();
    expect((await alertsOf(t, id)).map(({ sender }) => sender)).toEqual(['52.89.214.238', '203.0.113.77', '203.0.113.78', '2001:db8:1::1']);
  });

  it('believes no header where no proxy is declared', async () => {
    const { id, path } = await makeSource(t.http, { allowedAddresses: ['203.0.113.0/24'] });
    for (const headers of [from('203.0.113.77'), { forwarded: 'for=203.0.113.77' }, { 'x-real-ip': '203.0.113.77' }]) expect((await postAlert(t, path, another(), headers as Record<string, string>)).status).toBe(403);
    expect((await change(id, { allowedAddresses: ['127.0.0.1'] })).status).toBe(200);
    expect((await postAlert(t, path, another())).status).toBe(202);
  });
});

describe('a preview', () => {
  it('says what an alert would be taken for, stores nothing and shows no secret', async () => {
    const { id } = await makeSource(t.http, { bodySecret: 'the right one' });
    const preview = (body: string) => t.http<{ outcome: string; secret: string; signal: object | null; code: string | null }>('POST', `/webhook-sources/${id}/preview`, { body: { contentType: 'application/json', body } });
    const right = await preview(alertBody({ secret: 'the right one' }));
    expect([right.status, right.body]).toMatchObject([200, { ping: false, secret: 'right', stream: 'NSE:INFY', outcome: 'signal', key: { kind: 'content', expires: true }, code: null }]);
    expect(right.body.signal).toMatchObject({ intent: 'order', side: 'long', symbol: 'INFY', exchange: 'NSE', quantity: '1' });
    expect(right.text).not.toContain('the right one');
    expect((await preview(alertBody({ secret: 'no' }))).body.secret).toBe('wrong');
    expect((await preview(alertBody())).body.secret).toBe('missing');
    expect((await preview('{"half')).body).toMatchObject({ outcome: 'quarantined', signal: null, code: expect.stringMatching(/^[A-Z_]+$/) });
    expect((await preview('{"test":"tradingview"}')).body).toMatchObject({ ping: true, outcome: 'ping' });
    expect(await alertsOf(t, id)).toEqual([]);
  });
});

describe('a preview of a mapping that is not the source\'s yet', () => {
  const own = (symbol: string) => ({ fields: { symbol, action: 'side' }, actions: { in: 'enter_long' } });
  const body = JSON.stringify({ s: 'GOLD', side: 'in' });

  it('says what that one would make of it, and leaves the source as it is', async () => {
    const { id } = await makeSource(t.http, { mapping: own('pair') });
    const preview = (more: object) => t.http<{ outcome: string; code: string | null; signal: object | null }>('POST', `/webhook-sources/${id}/preview`, { body: { contentType: 'application/json', body, ...more } });
    expect((await preview({})).body).toMatchObject({ outcome: 'quarantined', code: 'SYMBOL_MISSING' });
    expect((await preview({ mapping: own('s'), symbols: { GOLD: 'XAUUSD' } })).body).toMatchObject({ outcome: 'signal', signal: { intent: 'entry', side: 'long', symbol: 'XAUUSD' } });
    expect((await preview({})).body).toMatchObject({ outcome: 'quarantined' });
    expect((await t.http('GET', `/webhook-sources/${id}`)).body).toMatchObject({ version: 1, mapping: own('pair'), symbols: {} });
    expect(await preview({ mapping: { fields: { symbol: 's' }, actions: {} } })).toMatchObject({ status: 400 });
  });
});

describe('a template', () => {
  it('is what the source takes', async () => {
    const { id } = await makeSource(t.http, { bodySecret: 'the right one' });
    for (const query of ['', '?kind=indicator&action=sell', '?kind=strategy']) {
      const answer = await t.http<{ contentType: string; text: string; notes: string[] }>('GET', `/webhook-sources/${id}/template${query}`);
      expect([query, answer.status]).toEqual([query, 200]);
      expect(answer.body).toEqual({ contentType: expect.any(String), text: expect.any(String), notes: expect.any(Array) });
      expect(answer.text).not.toContain('the right one');
    }
    expect((await t.http('GET', `/webhook-sources/${id}/template?kind=other`)).status).toBe(400);
  });
});
