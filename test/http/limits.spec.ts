import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import { LIMIT_NAMES, type LimitName } from '../../src/limits/limit-fields.js';
import { RiskLimitsRepository } from '../../src/risk/risk-limits.repository.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { whenWaiting } from '../support/locks.js';

type Refusal = { code: string; currentVersion?: number; detail: string; errors?: { path: string; message: string }[] };
type Limits = Record<string, unknown> & Refusal & { version: number };
interface Bound { value: unknown; from: string; currency: string | null }
interface Effective { agentId: string | null; accountId: string | null; strategyId: string | null; limits: Record<LimitName, Bound[]> }

const NONE = Object.fromEntries(LIMIT_NAMES.map((name) => [name, null]));
const GLOBAL = {
  ...NONE, aiTradingEnabled: true, requireApproval: false, stopAfterTarget: true, haltOnDrawdown: false, allowOffWatchlistAutotrade: false, minConfidenceThreshold: '0.7', maxLotSize: '1',
  maxTradesPerDay: 50, maxOpenRiskAmount: '100', cooldownSeconds: 60,
};

let t: TestApp;
let second: TestApp;
let agent: TestAgent;
let strategyId: string;
let made = 0;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
afterAll(async () => {
  await second.close();
  await t.close();
});
beforeEach(async () => {
  agent = await t.agent();
  strategyId = (await t.http<{ id: string }>('POST', '/strategies', { body: { name: `strategy ${++made}` } })).body.id;
  expect((await putGlobal(GLOBAL)).status).toBe(200);
});

const putGlobal = async (body: object) => t.http<Refusal>('PUT', '/risk-config', { body, headers: { 'if-match': String((await t.http<{ version: number }>('GET', '/risk-config')).body.version) } });
const get = async (path: string) => t.http<Limits>('GET', `/limits/${path}`);
const put = (path: string, more: object, version: number, base = t.base) => clientOf(base, t.adminToken)<Limits>('PUT', `/limits/${path}`, { body: { ...NONE, ...more }, headers: { 'if-match': `"${version}"` } });
const set = async (path: string, more: object) => put(path, more, (await get(path)).body.version);
const effective = async (query: string) => (await t.http<Effective>('GET', `/limits/effective?${query}`)).body;
const paths = () => ({ account: `account/${agent.accountId}`, agent: `agent/${agent.id}`, strategy: `strategy/${strategyId}` });

describe.each(['account', 'agent', 'strategy'] as const)('the limits of an %s', (scope) => {
  const path = () => paths()[scope];

  it('are none, of version 0, until somebody sets them; then they come back as they were put', async () => {
    const before = await get(path());
    expect([before.status, before.headers.get('etag')]).toEqual([200, '"0"']);
    expect(before.body).toEqual({ scope, id: path().split('/')[1], ...NONE, currency: 'USD', version: 0, updatedAt: null, updatedBy: null, warnings: [] });
    const answer = await put(path(), { maxLotSize: '0.500', aiTradingEnabled: false, maxTradesPerDay: 0, minConfidenceThreshold: '0.7', reason: 'careful' }, 0);
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"1"']);
    expect(answer.body).toEqual({ ...before.body, maxLotSize: '0.5', aiTradingEnabled: false, maxTradesPerDay: 0, minConfidenceThreshold: '0.7', version: 1, updatedAt: expect.any(String), updatedBy: expect.stringMatching(/^user:/) });
    expect((await get(path())).body).toEqual(answer.body);
    await set(path(), {});
    const { items } = (await t.http<{ items: Record<string, unknown>[] }>('GET', `/limits/${path()}/history`)).body;
    expect(items).toMatchObject([
      { version: 2, effect: 'looser', content: NONE, reason: null },
      { version: 1, effect: 'tighter', reason: 'careful', content: { ...NONE, maxLotSize: '0.5', aiTradingEnabled: false, maxTradesPerDay: 0, minConfidenceThreshold: '0.7' }, actor: answer.body['updatedBy'] },
    ]);
    expect(await t.db.query(`select data->>'version' as v from events where type = 'limits.changed' and subject_id = $1 order by seq`, [path().split('/')[1]])).toEqual([{ v: '1' }, { v: '2' }]);
  });

  it.each<[string, object, string, string]>([
    ['a larger lot', { maxLotSize: '1.000000000000000001' }, 'maxLotSize', '1.000000000000000001 is looser than 1 of /risk-config'],
    ['a lower threshold', { minConfidenceThreshold: '0.6999' }, 'minConfidenceThreshold', '0.6999 is looser than 0.7 of /risk-config'],
    ['a shorter wait', { cooldownSeconds: 59 }, 'cooldownSeconds', '59 is looser than 60 of /risk-config'],
    ['a switch that is off above', { allowOffWatchlistAutotrade: true }, 'allowOffWatchlistAutotrade', 'true is looser than false of /risk-config'],
    ['not stopping where all stop', { stopAfterTarget: false }, 'stopAfterTarget', 'false is looser than true of /risk-config'],
  ])('cannot loosen: %s', async (_what, more, field, message) => {
    const answer = await put(path(), { maxTradesPerDay: 1, ...more }, 0);
    expect(answer.body).toMatchObject({ status: 409, code: 'LIMIT_NOT_TIGHTER', detail: `${field}: ${message}`, errors: [{ path: field, message }] });
    expect((await get(path())).body.version).toBe(0);
  });

  it('may say the same, and what nobody says above', async () => {
    expect((await put(path(), { maxLotSize: '1.0', cooldownSeconds: 60, maxDrawdownAmount: '1', requireApproval: true, maxPriceDeviation: '1' }, 0)).status).toBe(200);
  });

  it('never loosen when those above become tighter later', async () => {
    await put(path(), { maxLotSize: '0.9' }, 0);
    await putGlobal({ ...GLOBAL, maxLotSize: '0.3' });
    expect((await get(path())).body['maxLotSize']).toBe('0.9');
    expect((await effective(`agentId=${agent.id}&strategyId=${strategyId}`)).limits.maxLotSize).toEqual([{ value: '0.3', from: 'global', currency: null }]);
    await putGlobal({ ...GLOBAL, maxLotSize: null });
    expect((await effective(`agentId=${agent.id}&strategyId=${strategyId}`)).limits.maxLotSize).toEqual([{ value: '0.9', from: scope, currency: null }]);
  });

  it('are won by one of twenty who put at once, also when there were none', async () => {
    for (const version of [0, 1]) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => put(path(), { maxTradesPerDay: n }, version, n % 2 ? t.base : second.base)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
      expect((await get(path())).body).toEqual(answers.find(({ status }) => status === 200)?.body);
      for (const { status, body } of answers) if (status === 412) expect(body).toMatchObject({ code: 'PRECONDITION_FAILED', currentVersion: version + 1 });
    }
    expect((await t.http<{ items: unknown[] }>('GET', `/limits/${path()}/history`)).body.items).toHaveLength(2);
  });

  it('are put whole, by administrators, on a version', async () => {
    for (const name of LIMIT_NAMES) {
      expect((await put(path(), { [name]: undefined }, 0)).body).toMatchObject({ status: 400, errors: [{ path: name }] });
      for (const value of ['NaN', 'Infinity', -1, '1e999', 'x', []]) expect([value, (await put(path(), { [name]: value }, 0)).body]).toMatchObject([value, { status: 400, errors: [{ path: name }] }]);
    }
    expect((await put(path(), { surprise: 1 }, 0)).body).toMatchObject({ status: 400, errors: [{ path: 'surprise' }] });
    expect((await t.http<Refusal>('PUT', `/limits/${path()}`, { body: NONE })).body).toMatchObject({ status: 428, code: 'PRECONDITION_REQUIRED' });
    for (const token of [await t.person('viewer'), await t.person('operator'), agent.apiKey]) {
      expect((await t.http('PUT', `/limits/${path()}`, { token, body: NONE, headers: { 'if-match': '"0"' } })).status).toBe(403);
      expect((await t.http('GET', `/limits/${path()}`, { token })).status).toBe(200);
    }
    expect((await put(`${scope}/01930000-0000-7000-8000-00000000dead`, {}, 0)).body).toMatchObject({ status: 404 });
    expect((await get(`${scope}/01930000-0000-7000-8000-00000000dead`)).status).toBe(404);
  });

  it('are waited for when a decision has read them, also when there were none', async () => {
    const limits = t.app.get(RiskLimitsRepository);
    let writing: ReturnType<typeof put> | undefined;
    await inTransaction(t.app.get(DataSource), async (tx) => {
      expect(await limits.forShare(tx, { [scope]: path().split('/')[1] ?? null })).toEqual([]);
      writing = put(path(), { maxLotSize: '0.1' }, 0, second.base);
      await whenWaiting(t.db, 1);
      expect((await get(path())).body.version).toBe(0);
    });
    expect((await writing)?.status).toBe(200);
    expect(await inTransaction(t.app.get(DataSource), (tx) => limits.forShare(tx, { [scope]: path().split('/')[1] ?? null }))).toMatchObject([{ max_lot_size: '0.1' }]);
  });
});

describe('the limits of an agent', () => {
  it('cannot be looser than those of its account', async () => {
    await set(paths().account, { maxLotSize: '0.5', maxTradesPerDay: 50 });
    expect((await put(paths().agent, { maxLotSize: '0.6', maxTradesPerDay: 51 }, 0)).body).toMatchObject({
      code: 'LIMIT_NOT_TIGHTER', errors: [{ path: 'maxLotSize', message: '0.6 is looser than 0.5 of the account' }, { path: 'maxTradesPerDay', message: '51 is looser than 50 of /risk-config' }],
    });
    expect((await put(paths().agent, { maxLotSize: '0.5', maxTradesPerDay: 49 }, 0)).status).toBe(200);
  });

  it('are nothing to another agent', async () => {
    const other = await t.agent();
    for (const path of [paths().agent, paths().account]) for (const more of ['', '/history']) expect((await other.http<Refusal>('GET', `/limits/${path}${more}`)).body).toMatchObject({ status: 403, code: 'NOT_YOUR_AGENT' });
    expect((await other.http<Refusal>('GET', `/limits/effective?agentId=${agent.id}`)).body).toMatchObject({ status: 403, code: 'NOT_YOUR_AGENT' });
    expect((await agent.http<Limits>('GET', '/limits/agent/me')).body).toMatchObject({ scope: 'agent', id: agent.id });
  });
});

describe('amounts', () => {
  it('of an account are in its own currency: in another than BASE_CURRENCY both hold, and neither refuses', async () => {
    const account = (await t.http<{ id: string }>('POST', '/accounts', { body: { name: `yen ${++made}`, kind: 'paper', currency: 'JPY', marginMode: 'hedging' } })).body;
    const yen = await t.agent({ account: `yen ${made}` });
    const answer = await put(`account/${account.id}`, { maxOpenRiskAmount: '5000' }, 0);
    expect(answer.body).toMatchObject({ currency: 'JPY', maxOpenRiskAmount: '5000', version: 1 });
    expect((await effective(`agentId=${yen.id}`)).limits.maxOpenRiskAmount).toEqual([{ value: '100', from: 'global', currency: 'USD' }, { value: '5000', from: 'account', currency: 'JPY' }]);
    expect((await put(`agent/${yen.id}`, { maxOpenRiskAmount: '101' }, 0)).body).toMatchObject({ code: 'LIMIT_NOT_TIGHTER' });
    expect((await put(`agent/${yen.id}`, { maxOpenRiskAmount: '99' }, 0)).status).toBe(200);
    expect((await effective(`agentId=${yen.id}`)).limits.maxOpenRiskAmount.map(({ from }) => from)).toEqual(['agent', 'account']);
    expect((await put(`account/${agent.accountId}`, { maxOpenRiskAmount: '101' }, 0)).body).toMatchObject({ code: 'LIMIT_NOT_TIGHTER' });
  });
});

describe('what holds', () => {
  it("is the tightest of everybody's, the account's, the agent's, the strategy's and its caps, and says where it stands", async () => {
    await set(paths().account, { maxTradesPerDay: 40, requireApproval: true });
    await set(paths().agent, { cooldownSeconds: 90 });
    await set(paths().strategy, { minConfidenceThreshold: '0.8' });
    const { version, ...rest } = (await t.http<Record<string, unknown>>('GET', `/strategies/${strategyId}`)).body;
    const fields = ['name', 'isActive', 'allowedSymbols', 'sessionWindows', 'entryConditions', 'exitRules', 'forbiddenConditions', 'rrExpectation'];
    const body = { ...Object.fromEntries(fields.map((field) => [field, rest[field]])), riskCaps: { maxLotSize: '0.2', maxTradesPerDay: 45, minConfidenceThreshold: '0.1' } };
    expect((await t.http('PUT', `/strategies/${strategyId}`, { body, headers: { 'if-match': String(version) } })).status).toBe(200);
    const answer = await effective(`agentId=${agent.id}&strategyId=${strategyId}`);
    expect(answer).toMatchObject({ agentId: agent.id, accountId: agent.accountId, strategyId });
    expect(answer.limits).toMatchObject({
      maxTradesPerDay: [{ value: 40, from: 'account', currency: null }], requireApproval: [{ value: true, from: 'account' }], cooldownSeconds: [{ value: 90, from: 'agent' }],
      minConfidenceThreshold: [{ value: '0.8', from: 'strategy' }], maxLotSize: [{ value: '0.2', from: 'riskCaps' }], aiTradingEnabled: [{ value: true, from: 'global' }],
      maxOpenRiskAmount: [{ value: '100', from: 'global', currency: 'USD' }], maxDrawdownAmount: [],
    });
    expect((await agent.http<Effective>('GET', `/limits/effective?strategyId=${strategyId}`)).body).toEqual(answer);
    expect((await effective('')).limits.maxTradesPerDay).toEqual([{ value: 50, from: 'global', currency: null }]);
    expect((await t.http('GET', '/limits/effective?agentId=01930000-0000-7000-8000-00000000dead')).status).toBe(404);
    expect((await t.http('GET', '/limits/effective?strategyId=01930000-0000-7000-8000-00000000dead')).status).toBe(404);
  });
});

it('the history of limits is complete and refuses every change', async () => {
  const writer = t.app.get(DataSource);
  for (const statement of [`update risk_limits_history set actor = 'x'`, 'delete from risk_limits_history', 'truncate risk_limits_history', 'delete from risk_limits', 'delete from strategies', 'delete from strategy_versions']) {
    await expect(writer.query(statement)).rejects.toMatchObject({ driverError: { code: '42501' } });
  }
  const gaps = await t.db.query(`select l.id from risk_limits l where version <> (select count(*) from risk_limits_history h where h.scope_id = coalesce(l.account_id, l.agent_id, l.strategy_id))`);
  expect(gaps).toEqual([]);
});
