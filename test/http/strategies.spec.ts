import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import { StrategiesRepository } from '../../src/strategies/strategies.repository.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { whenWaiting } from '../support/locks.js';

type Refusal = { code: string; currentVersion?: number; errors?: { path: string; message: string }[] };
type Strategy = Record<string, unknown> & Refusal & { id: string; version: number; name: string };
interface Version { version: number; content: Record<string, unknown>; changed: string[]; reason: string | null; actor: string }

const FULL = {
  isActive: true, allowedSymbols: ['eur/usd', 'EURUSD.m', 'nse:infy'], rrExpectation: '2.5',
  sessionWindows: [{ days: ['fri', 'mon'], from: '22:00', to: '02:00', zone: 'Europe/London' }, { days: ['tue'], from: '00:00', to: '24:00' }],
  holidays: [{ date: '2026-12-25', closed: true }, { date: '2026-12-24', closesAt: '12:30' }],
  entryConditions: { trend: 'up', rsi: { below: 30 } }, forbiddenConditions: { spreads: ['wide'] },
  exitRules: { trailingDistance: '0.00150', maxHoldingSeconds: 3600, probabilityFloor: { below: '0.4', verifySeconds: 10 }, momentumSpike: null, minSecondsToClose: 0, flatBy: { time: '15:15', zone: 'Asia/Kolkata', days: ['mon'] } },
  riskCaps: { maxLotSize: '0.50', requireApproval: true, cooldownSeconds: null },
};
const KEPT = {
  ...FULL, allowedSymbols: ['EURUSD', 'NSE:INFY'],
  sessionWindows: [{ days: ['mon', 'fri'], from: '22:00', to: '02:00', zone: 'Europe/London' }, { days: ['tue'], from: '00:00', to: '24:00', zone: 'UTC' }],
  exitRules: { trailingDistance: '0.0015', maxHoldingSeconds: 3600, probabilityFloor: { below: '0.4', verifySeconds: 10 }, minSecondsToClose: 0, flatBy: { time: '15:15', zone: 'Asia/Kolkata', days: ['mon'] } },
  riskCaps: { maxLotSize: '0.5', requireApproval: true },
};
const EMPTY = { isActive: true, allowedSymbols: null, sessionWindows: null, entryConditions: {}, exitRules: {}, forbiddenConditions: {}, riskCaps: {}, rrExpectation: null };

let t: TestApp;
let second: TestApp;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const create = (more: object = {}, headers = {}) => t.http<Strategy>('POST', '/strategies', { body: { name: `strategy ${++made}`, ...more }, headers });
const put = (id: string, body: object, version: number, base = t.base) => clientOf(base, t.adminToken)<Strategy>('PUT', `/strategies/${id}`, { body, headers: { 'if-match': `"${version}"` } });
const get = (id: string) => t.http<Strategy>('GET', `/strategies/${id}`);
const versions = async (id: string) => (await t.http<{ items: Version[] }>('GET', `/strategies/${id}/versions`)).body.items;
const events = (id: string) => t.db.query<{ type: string; data: Record<string, unknown> }>('select type, data from events where subject_id = $1 order by seq', [id]);

describe('a strategy', () => {
  it('comes back as it was made, in one spelling, with every version and why', async () => {
    const answer = await create({ name: 'whole', ...FULL, reason: 'first' });
    expect([answer.status, answer.headers.get('etag')]).toEqual([201, '"1"']);
    const { body: strategy } = answer;
    expect(strategy).toEqual({
      id: expect.any(String), version: 1, name: 'whole', ...KEPT, currency: 'USD', retired: false, retiredAt: null, createdAt: expect.any(String), updatedAt: expect.any(String),
      updatedBy: expect.stringMatching(/^user:/),
    });
    const read = await get(strategy.id);
    expect([read.body, read.headers.get('etag')]).toEqual([strategy, '"1"']);
    const changed = await put(strategy.id, { ...EMPTY, name: 'whole', reason: 'simpler' }, 1);
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    // Holidays are no part of the rest: who does not know of them takes none away.
    expect(changed.body).toMatchObject({ ...EMPTY, holidays: FULL.holidays, version: 2 });
    expect(await versions(strategy.id)).toMatchObject([
      { version: 2, reason: 'simpler', changed: ['allowedSymbols', 'sessionWindows', 'entryConditions', 'exitRules', 'forbiddenConditions', 'riskCaps', 'rrExpectation'], content: { ...EMPTY, retired: false } },
      { version: 1, reason: 'first', changed: [], content: { name: 'whole', ...KEPT }, actor: strategy['updatedBy'] },
    ]);
    expect((await events(strategy.id)).map(({ type, data }) => [type, data['version']])).toEqual([['strategy.created', 1], ['strategy.changed', 2]]);
  });

  it('needs only a name, and then trades anything at any time', async () => {
    expect((await create()).body).toMatchObject({ ...EMPTY, holidays: [], version: 1 });
  });

  it('is made once for one Idempotency-Key', async () => {
    const [first, again] = [await create({ name: 'once' }, { 'idempotency-key': 's' }), await create({ name: 'once' }, { 'idempotency-key': 's' })];
    expect([first.status, again.status, again.headers.get('idempotency-replayed'), again.headers.get('etag')]).toEqual([201, 201, 'true', '"1"']);
    expect(again.body).toEqual(first.body);
  });

  it('has a name of its own among those that are not retired, whoever asks at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => clientOf(n % 2 ? t.base : second.base, t.adminToken)<Strategy>('POST', '/strategies', { body: { name: 'one of ten' } })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(9).fill(409)]);
    const { body: other } = await create();
    expect((await put(other.id, { ...EMPTY, name: 'one of ten' }, 1)).body).toMatchObject({ status: 409, code: 'STRATEGY_NAME_TAKEN' });
    const holder = answers.find(({ status }) => status === 201)?.body as Strategy;
    await t.http('POST', `/strategies/${holder.id}/retire`, { body: {} });
    expect((await put(other.id, { ...EMPTY, name: 'one of ten' }, 1)).status).toBe(200);
  });

  it('is changed on the version that was read, by one of twenty', async () => {
    const { body: { id } } = await create();
    expect((await t.http<Refusal>('PUT', `/strategies/${id}`, { body: { ...EMPTY, name: 'x' } })).body).toMatchObject({ status: 428, code: 'PRECONDITION_REQUIRED' });
    for (const version of [1, 2]) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => put(id, { ...EMPTY, name: `of twenty ${id}`, rrExpectation: n }, version, n % 2 ? t.base : second.base)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
      for (const { status, body } of answers) if (status === 412) expect(body).toMatchObject({ code: 'PRECONDITION_FAILED', currentVersion: version + 1 });
      expect((await get(id)).body).toEqual(answers.find(({ status }) => status === 200)?.body);
    }
    expect((await versions(id)).map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('is put whole: what was left out is named, and nothing is taken away', async () => {
    const { body: strategy } = await create(FULL);
    for (const field of Object.keys(EMPTY)) expect((await put(strategy.id, { ...EMPTY, name: 'y', [field]: undefined }, 1)).body).toMatchObject({ status: 400, errors: [{ path: field }] });
    expect((await get(strategy.id)).body).toEqual(strategy);
  });

  it('is retired for ever, again and again, and stays readable', async () => {
    const { body: strategy } = await create({ ...FULL, name: 'ends' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => t.http<Strategy>('POST', `/strategies/${strategy.id}/retire`, { body: { reason: 'over' } })));
    for (const { status, body } of answers) expect([status, body]).toMatchObject([200, { ...KEPT, isActive: false, retired: true, retiredAt: expect.any(String), version: 2 }]);
    expect(await versions(strategy.id)).toMatchObject([{ version: 2, reason: 'over', changed: ['isActive', 'retired'], content: { retired: true } }, { version: 1 }]);
    expect((await events(strategy.id)).map(({ type }) => type)).toEqual(['strategy.created', 'strategy.retired']);
    expect((await put(strategy.id, { ...EMPTY, name: 'ends' }, 2)).body).toMatchObject({ status: 409, code: 'STRATEGY_RETIRED' });
    expect((await create({ name: 'ends' })).status).toBe(201);
    const list = async (query: string) => (await t.http<{ items: Strategy[] }>('GET', `/strategies?name=ends&${query}`)).body.items.length;
    expect([await list(''), await list('retired=true'), await list('retired=false'), await list('isActive=true'), await list('isActive=false')]).toEqual([2, 1, 1, 1, 1]);
  });

  it('is written by administrators, and read by everybody who is known', async () => {
    const { body: { id } } = await create();
    const agent = await t.agent();
    for (const token of [await t.person('viewer'), await t.person('operator'), agent.apiKey]) {
      for (const path of ['', `/${id}`, `/${id}/versions`]) expect((await t.http('GET', `/strategies${path}`, { token })).status).toBe(200);
      expect((await t.http('POST', '/strategies', { token, body: { name: 'n' } })).status).toBe(403);
      expect((await t.http('PUT', `/strategies/${id}`, { token, body: { ...EMPTY, name: 'n' }, headers: { 'if-match': '"1"' } })).status).toBe(403);
      expect((await t.http('POST', `/strategies/${id}/retire`, { token, body: {} })).status).toBe(403);
    }
    expect((await get('01930000-0000-7000-8000-00000000dead')).status).toBe(404);
    expect((await put('01930000-0000-7000-8000-00000000dead', { ...EMPTY, name: 'n' }, 1)).status).toBe(404);
  });

  it('is waited for when a decision has read it; a decision after the answer reads the new one', async () => {
    const strategies = t.app.get(StrategiesRepository);
    const { body: strategy } = await create();
    let writing: ReturnType<typeof put> | undefined;
    await inTransaction(t.app.get(DataSource), async (tx) => {
      expect((await strategies.forShare(tx, strategy.id))?.is_active).toBe(true);
      writing = put(strategy.id, { ...EMPTY, name: strategy.name, isActive: false }, 1, second.base);
      await whenWaiting(t.db, 1);
      expect((await get(strategy.id)).body.version).toBe(1);
    });
    expect((await writing)?.status).toBe(200);
    expect((await inTransaction(t.app.get(DataSource), (tx) => strategies.forShare(tx, strategy.id)))?.is_active).toBe(false);
  });
});

describe('what a strategy may not say', () => {
  const inWindow = (more: object) => ({ sessionWindows: [{ days: ['mon'], from: '08:00', to: '16:00', ...more }] });

  it.each<[string, object, string]>([
    ['no name', { name: undefined }, 'name'],
    ['a field that nobody knows', { stopLoss: 1 }, 'stopLoss'],
    ['that it is retired', { retired: true }, 'retired'],
    ['no symbol at all', { allowedSymbols: [] }, 'allowedSymbols'],
    ['a symbol that is none', { allowedSymbols: ['EURUSD', '{{ticker}}'] }, 'allowedSymbols.1'],
    ['no window at all', { sessionWindows: [] }, 'sessionWindows'],
    ['a window without days', inWindow({ days: [] }), 'sessionWindows.0.days'],
    ['a day in another spelling', inWindow({ days: ['Monday'] }), 'sessionWindows.0.days.0'],
    ['a window of no time', inWindow({ to: '08:00' }), 'sessionWindows.0.to'],
    ['a beginning at 24:00', inWindow({ from: '24:00' }), 'sessionWindows.0.from'],
    ['an end after 24:00', inWindow({ to: '24:01' }), 'sessionWindows.0.to'],
    ['a time with its zone behind it, as text that would be compared', inWindow({ from: '07:00Z' }), 'sessionWindows.0.from'],
    ['a time without its nought', inWindow({ from: '8:00' }), 'sessionWindows.0.from'],
    ['an offset for a zone', inWindow({ zone: '+02:00' }), 'sessionWindows.0.zone'],
    ['a zone that is none', inWindow({ zone: 'Europe/Nowhere' }), 'sessionWindows.0.zone'],
    ['a window with more than that', inWindow({ timezone: 'UTC' }), 'sessionWindows.0.timezone'],
    ['a holiday that is no day', { holidays: [{ date: '2026-02-30', closed: true }] }, 'holidays.0.date'],
    ['a holiday of nothing', { holidays: [{ date: '2026-12-25' }] }, 'holidays.0'],
    ['a holiday that is both', { holidays: [{ date: '2026-12-25', closed: true, closesAt: '12:00' }] }, 'holidays.0'],
    ['a holiday that is open', { holidays: [{ date: '2026-12-25', closed: false }] }, 'holidays.0.closed'],
    ['a day twice', { holidays: [{ date: '2026-12-25', closed: true }, { date: '2026-12-25', closesAt: '12:00' }] }, 'holidays.1.date'],
    ['an exit rule that nobody knows', { exitRules: { stopLoss: 5 } }, 'exitRules.stopLoss'],
    ['a trailing distance of 0', { exitRules: { trailingDistance: 0 } }, 'exitRules.trailingDistance'],
    ['a trailing distance of NaN', { exitRules: { trailingDistance: 'NaN' } }, 'exitRules.trailingDistance'],
    ['a holding time of 0', { exitRules: { maxHoldingSeconds: 0 } }, 'exitRules.maxHoldingSeconds'],
    ['a probability in per cent', { exitRules: { probabilityFloor: { below: 40, verifySeconds: 1 } } }, 'exitRules.probabilityFloor.below'],
    ['half a probability floor', { exitRules: { probabilityFloor: { below: '0.4' } } }, 'exitRules.probabilityFloor.verifySeconds'],
    ['seconds to the close below 0', { exitRules: { minSecondsToClose: -1 } }, 'exitRules.minSecondsToClose'],
    ['flat by a time that is none', { exitRules: { flatBy: { time: '24:00', days: ['mon'] } } }, 'exitRules.flatBy.time'],
    ['flat on no day', { exitRules: { flatBy: { time: '15:15', days: [] } } }, 'exitRules.flatBy.days'],
    ['a cap under another name', { riskCaps: { max_lot_size: 1 } }, 'riskCaps.max_lot_size'],
    ['a cap in per cent', { riskCaps: { maxDrawdownFraction: 15 } }, 'riskCaps.maxDrawdownFraction'],
    ['a cap of Infinity', { riskCaps: { maxLotSize: 'Infinity' } }, 'riskCaps.maxLotSize'],
    ['conditions that are a list', { entryConditions: [] }, 'entryConditions'],
    ['a credential among the conditions, which every viewer sees', { forbiddenConditions: { api: 'password=hunter2' } }, 'forbiddenConditions.api'],
    ['conditions beyond 16 KiB', { entryConditions: { a: 'x'.repeat(16_400) } }, 'entryConditions'],
    ['an expectation below 0', { rrExpectation: '-0.1' }, 'rrExpectation'],
    ['an expectation beyond reason', { rrExpectation: '1e999' }, 'rrExpectation'],
  ])('%s', async (_what, more, path) => {
    const { body: there } = await create();
    const before = await t.db.query('select count(*) from strategies');
    for (const answer of [await create(more), await put(there.id, { ...EMPTY, name: there.name, ...more }, 1)]) {
      expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', path]);
    }
    expect(await t.db.query('select count(*) from strategies')).toEqual(before);
    expect((await get(there.id)).body).toEqual(there);
  });
});
