import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BREAKER_NAMES } from '../../src/circuit-breaker/breakers.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { BOT_TOKEN, mailTo, SIGNING_SECRET, telegramTo } from '../support/notify.js';

type Read = Record<string, unknown> & { version: number };
type Refused = { code: string; errors?: { path: string; message: string }[] };

let t: TestApp;
let agent: TestAgent;
let paths: string[];
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running', equity: '1000', balance: '1000', currency: 'USD' } });
  const body = { name: 'one', allowedSymbols: ['EURUSD'], riskCaps: { maxLotSize: '0.2' }, sessionWindows: [{ days: ['mon'], from: '08:00', to: '16:30', zone: 'Europe/London' }] };
  const { id } = (await t.http<{ id: string }>('POST', '/strategies', { body })).body;
  paths = ['/risk-config', `/limits/account/${agent.accountId}`, `/limits/agent/${agent.id}`, `/limits/strategy/${id}`, `/strategies/${id}`, '/notifications', ...BREAKER_NAMES.map((name) => `/circuit-breakers/${name}`)];
});
afterAll(() => t.close());

const read = async (path: string) => (await t.http<Read>('GET', path)).body;
const put = (path: string, version: number, body: object) => t.http<Read & Refused>('PUT', path, { headers: { 'if-match': `"${version}"` }, body });
/** Each is a version, and says who made it; states are measured anew. */
const settled = ({ version: _version, updatedAt: _at, updatedBy: _by, states: _states, ...rest }: Read) => rest;
const webhook = { enabled: true, minimumSeverity: 'info', url: 'https://alerts.example.com/very-secret-path', secret: SIGNING_SECRET };
const configure = async () => put('/notifications', (await read('/notifications')).version, {
  telegram: telegramTo([7], { enabled: false }), email: mailTo({ port: 25 }, { enabled: false, user: 'warden', password: 'correct-horse-battery' }), webhook: { ...webhook, enabled: false },
});

describe('what GET answered', () => {
  it('is taken whole by PUT, and changes nothing', async () => {
    expect((await configure()).status).toBe(200);
    for (const path of paths) {
      const before = await read(path);
      const { status, body, text } = await put(path, before.version, before);
      expect([path, status === 200 ? settled(body) : text]).toEqual([path, settled(before)]);
      expect([path, body.version]).toEqual([path, before.version + 1]);
      expect([path, settled(await read(path))]).toEqual([path, settled(before)]);
    }
  });

  it('is taken with one field changed', async () => {
    const changes: [string, Record<string, unknown>][] = [['/risk-config', { maxConcurrentTrades: 2 }], ['/circuit-breakers/daily_loss', { enabled: false }], ['/circuit-breakers/drawdown', { haltMode: 'halt' }]];
    for (const [path, change] of changes) {
      const before = await read(path);
      const { body } = await put(path, before.version, { ...before, ...change, reason: 'at three in the morning' });
      expect([path, settled(body)]).toEqual([path, expect.objectContaining(change)]);
    }
  });

  it('keeps its secrets, which it does not show, unless it says that there is none', async () => {
    await configure();
    const before = await read('/notifications');
    const telegram = before['telegram'] as object;
    const { body } = await put('/notifications', before.version, { ...before, telegram: { ...telegram, minimumSeverity: 'critical' } });
    expect(body).toMatchObject({ telegram: { minimumSeverity: 'critical', botToken: { isSet: true } }, email: { password: { isSet: true } }, webhook: { url: { isSet: true, origin: 'https://alerts.example.com' }, secret: { isSet: true } } });
    const without = await put('/notifications', body.version, { ...body, telegram: { ...telegram, botToken: { isSet: false } } });
    expect(without.body).toMatchObject({ telegram: { botToken: { isSet: false } }, webhook: { url: { isSet: true } } });
    expect(without.text).not.toContain(BOT_TOKEN);
  });

  it('is refused for another thing, in another version, in another currency, or with what is not set there, by the name of the field', async () => {
    const [daily, limits, strategy] = [await read('/circuit-breakers/daily_loss'), await read(paths[1] ?? ''), await read(paths[4] ?? '')];
    const drawdown = await read('/circuit-breakers/drawdown');
    const asked: [string, number, object, string][] = [
      ['/circuit-breakers/drawdown', drawdown.version, { ...daily, version: drawdown.version }, 'name'],
      ['/circuit-breakers/daily_loss', daily.version, { ...daily, version: daily.version - 1 }, 'version'],
      ['/circuit-breakers/daily_loss', daily.version, { ...daily, version: null }, 'version'],
      ['/risk-config', (await read('/risk-config')).version, { ...(await read('/risk-config')), lastHaltReason: 'mine' }, 'lastHaltReason'],
      [paths[1] ?? '', limits.version, { ...limits, id: agent.id }, 'id'],
      [paths[4] ?? '', strategy.version, { ...strategy, retired: true }, 'retired'],
      [paths[1] ?? '', limits.version, { ...limits, currency: 'EUR' }, 'currency'],
      [paths[4] ?? '', strategy.version, { ...strategy, id: agent.id }, 'id'],
      ['/risk-config', (await read('/risk-config')).version, { ...(await read('/risk-config')), version: 99 }, 'version'],
    ];
    for (const [path, version, body, field] of asked) {
      const answer = await put(path, version, body);
      expect([path, field, answer.status, answer.body.errors?.find((error) => error.path === field)]).toEqual([path, field, 400, { path: field, message: expect.stringMatching(/^must be as GET answers it \(.+\), or left out: it is not set here$/) }]);
    }
    expect([settled(await read('/circuit-breakers/drawdown')), settled(await read(paths[1] ?? ''))]).toEqual([settled(drawdown), settled(limits)]);
    const late = await put('/circuit-breakers/daily_loss', daily.version - 1, { ...daily, version: daily.version - 1 });
    expect([late.status, late.body['currentVersion']]).toEqual([412, daily.version]);
  });

  it('amounts in a currency that is not theirs any more are not taken for the new one', async () => {
    const euros = await t.second({ BASE_CURRENCY: 'EUR' });
    const there = clientOf(euros.base, t.adminToken);
    const path = paths[4] ?? '';
    const { body: before } = await there<Read>('GET', path);
    expect(before['currency']).toBe('USD');
    const answer = await there<Refused>('PUT', path, { headers: { 'if-match': `"${before.version}"` }, body: before });
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'currency']);
    await euros.close();
  });

  it('is refused with a field that GET does not answer, whether beside the others or within', async () => {
    for (const path of paths) {
      const before = await read(path);
      const { status, body } = await put(path, before.version, { ...before, surprise: 1, stale: true });
      expect([path, status, body.errors]).toEqual([path, 400, ['surprise', 'stale'].map((field) => ({ path: field, message: 'is not a field of this request' }))]);
    }
    await configure();
    const before = await read('/notifications');
    const { status, body } = await put('/notifications', before.version, { ...before, email: { ...(before['email'] as object), chat: null } });
    expect([status, body.errors]).toEqual([400, [{ path: 'email.chat', message: 'is not a field of this request' }]]);
  });
});
