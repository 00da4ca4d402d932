import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import { LIMIT_NAMES, valuesOf } from '../../src/limits/limit-fields.js';
import { RiskConfigRepository } from '../../src/risk/risk-config.repository.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { holding, whenWaiting } from '../support/locks.js';

type Config = Record<string, unknown> & { version: number; warnings: string[] };
type Refusal = { code: string; currentVersion?: number; errors?: { path: string; message: string }[] };
type Answered = Config & Refusal;
interface Version { version: number; effect: string; changed: { field: string; before: unknown; after: unknown; effect: string }[]; content: Record<string, unknown>; reason: string | null; actor: string; currency: string }

const DEFAULTS = {
  aiTradingEnabled: false, requireApproval: false, allowOffWatchlistAutotrade: false, stopAfterTarget: true, haltOnDrawdown: true, minConfidenceThreshold: '0.7', maxLotSize: '1',
  maxConcurrentTrades: 3, maxTradesPerSymbol: 1, maxTradesPerDay: 50, dailyLossLimitFraction: '0.05', maxDrawdownFraction: '0.15', minRewardToRisk: '2', newsEmbargoMinutes: 30,
  maxPriceAgeSeconds: 10, maxGrossExposureAmount: null, maxNetCurrencyExposureAmount: null, maxOpenRiskAmount: null, dailyProfitTarget: null, dailyLossLimitAmount: null,
  maxDrawdownAmount: null, duplicateIntentSeconds: null, cooldownSeconds: null, maxPriceDeviation: null,
};
const SWITCHES = ['aiTradingEnabled', 'requireApproval', 'stopAfterTarget', 'haltOnDrawdown', 'allowOffWatchlistAutotrade'];
const NUMBERS = LIMIT_NAMES.filter((name) => !SWITCHES.includes(name));

let t: TestApp;
let second: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const get = async () => (await t.http<Config>('GET', '/risk-config')).body;
const put = (body: object, version: number | string, base = t.base) => clientOf(base, t.adminToken)<Answered>('PUT', '/risk-config', { body, headers: { 'if-match': typeof version === 'number' ? `"${version}"` : version } });
const change = async (more: object) => put({ ...DEFAULTS, ...more }, (await get()).version);
const history = async (query = '') => (await t.http<{ items: Version[]; nextCursor: string | null }>('GET', `/risk-config/history${query}`)).body;
const events = () => t.db.query<{ data: { version: number; effect: string; changed: unknown[] } }>(`select data from events where type = 'risk_config.changed' order by seq`);

describe('the limits for everybody', () => {
  it('begin with nothing traded by itself, and exactly these fields', async () => {
    const answer = await t.http<Config>('GET', '/risk-config');
    expect(answer.headers.get('etag')).toBe('"1"');
    const { version, updatedAt, updatedBy, lastHaltReason, warnings, ...fields } = answer.body;
    expect(fields).toEqual(DEFAULTS);
    expect([version, updatedBy, lastHaltReason, typeof updatedAt]).toEqual([1, 'system', null, 'string']);
    expect(warnings).toHaveLength(9);
    expect((await history()).items).toMatchObject([{ version: 1, content: DEFAULTS, changed: [], effect: 'none', actor: 'system' }]);
    expect(LIMIT_NAMES.sort()).toEqual(Object.keys(DEFAULTS).sort());
  });

  it('are put whole, on the version that was read, and come back digit for digit', async () => {
    const { version } = await get();
    const all = {
      aiTradingEnabled: true, requireApproval: true, allowOffWatchlistAutotrade: true, stopAfterTarget: false, haltOnDrawdown: false, minConfidenceThreshold: '0.123456789012345678',
      maxLotSize: '99999999999999.999999999999999999', maxConcurrentTrades: 1_000_000, maxTradesPerSymbol: 2, maxTradesPerDay: 0, maxGrossExposureAmount: '9999999999999999999.999999999999999999',
      maxNetCurrencyExposureAmount: '0.000000000000000001', maxOpenRiskAmount: '3', dailyProfitTarget: '4', dailyLossLimitAmount: '5', dailyLossLimitFraction: '1', maxDrawdownAmount: '6',
      maxDrawdownFraction: '0', minRewardToRisk: '1000', duplicateIntentSeconds: 604_800, cooldownSeconds: 1, newsEmbargoMinutes: 1_440, maxPriceDeviation: '0.01', maxPriceAgeSeconds: 0,
    };
    const answer = await put({ ...all, reason: 'password=hunter2 of the evening' }, version);
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, `"${version + 1}"`]);
    expect(await get()).toEqual(answer.body);
    expect(answer.body).toMatchObject({ ...all, version: version + 1, updatedBy: expect.stringMatching(/^user:/) });
    const [latest] = (await history()).items;
    expect(latest).toMatchObject({ version: version + 1, content: all, effect: 'looser', actor: answer.body['updatedBy'], reason: 'password=*** of the evening' });
    expect(latest?.changed.map(({ field }) => field).sort()).toEqual(Object.keys(all).sort());
    expect((await events()).at(-1)?.data).toMatchObject({ version: version + 1, effect: 'looser', changed: latest?.changed });
  });

  it.each(LIMIT_NAMES)('that leave %s out are refused by its name: it is neither kept nor reset', async (name) => {
    const before = await get();
    const answer = await change({ [name]: undefined });
    expect([answer.status, answer.body.errors]).toEqual([400, [{ path: name, message: 'is required' }]]);
    expect(await get()).toEqual(before);
  });

  it.each(NUMBERS)('of %s may be off, which is a warning, or 0, which is another', async (name) => {
    expect((await change({ [name]: null })).body).toMatchObject({ [name]: null, warnings: expect.arrayContaining([`${name} is off: null limits nothing`]) });
    const zero = (await change({ [name]: 0 })).body;
    expect(String(zero[name])).toBe('0');
    expect(zero.warnings.filter((warning) => warning.startsWith(`${name} is 0:`))).toHaveLength(1);
  });

  it.each(SWITCHES)('have %s one way or the other, never off', async (name) => {
    for (const value of [true, false]) expect((await change({ [name]: value })).body[name]).toBe(value);
    for (const value of [null, 'true', 1, 0, 'off']) expect((await change({ [name]: value })).body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: name }] });
  });

  it.each<[string, unknown[]]>([
    ...NUMBERS.map((name): [string, unknown[]] => [name, ['NaN', 'Infinity', '-Infinity', '1e999', -1, '-0.01', '0x10', '', ' ', true, [], {}, '1,5']]),
    ...['minConfidenceThreshold', 'dailyLossLimitFraction', 'maxDrawdownFraction', 'maxPriceDeviation'].map((name): [string, unknown[]] => [name, ['1.0000000001', 70, 1.5, '5%', 100]]),
    ['maxConcurrentTrades', [0.5, 1_000_001, '3']], ['maxTradesPerDay', [1e300, 2.5]], ['newsEmbargoMinutes', [1_441]], ['cooldownSeconds', [604_801]], ['minRewardToRisk', ['1000.01']],
    ['maxLotSize', ['100000000000000.1', '0.1234567890123456789']], ['maxOpenRiskAmount', ['99999999999999999999']],
  ])('refuse a %s that is none, by its name', async (name, values) => {
    const before = await get();
    for (const value of values) {
      const answer = await change({ [name]: value });
      expect([value, answer.status, answer.body.errors?.[0]?.path]).toEqual([value, 400, name]);
    }
    expect(await get()).toEqual(before);
  });

  it('refuse what nobody knows, what only the server writes, and numbers that lose digits', async () => {
    for (const field of ['surprise', 'version', 'lastHaltReason', 'updatedBy', 'max_lot_size', 'id']) expect((await change({ [field]: 1 })).body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: field }] });
    const raw = JSON.stringify({ ...DEFAULTS, maxLotSize: 0.5 }).replace('0.5', '0.12345678901234567890123');
    const answer = await t.http<Answered>('PUT', '/risk-config', { raw, headers: { 'if-match': '"1"' } });
    expect(answer.body).toMatchObject({ status: 400, code: 'NUMBER_NOT_EXACT', errors: [{ path: 'maxLotSize' }] });
  });

  it('ask for the version that was read', async () => {
    const { version } = await get();
    expect((await t.http<Refusal>('PUT', '/risk-config', { body: DEFAULTS })).body).toMatchObject({ status: 428, code: 'PRECONDITION_REQUIRED' });
    for (const stale of [version - 1, version + 1, 0]) expect((await put(DEFAULTS, stale)).body).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED', currentVersion: version });
    for (const wrong of ['*', '"x"', '"1", "2"', 'NaN', '-1', '"1', '1e0', '"99999999999"']) expect((await put(DEFAULTS, wrong)).body).toMatchObject({ status: 400, code: 'IF_MATCH_INVALID' });
    expect((await get()).version).toBe(version);
    expect((await put(DEFAULTS, `W/"${version}"`)).status).toBe(200);
    expect((await put(DEFAULTS, `${version + 1}`)).status).toBe(200);
  });

  it('are won by one of twenty who put at once on two servers, whether or not it changes something', async () => {
    for (const maxLotSize of [(n: number) => `${n + 2}`, () => '7', () => '7']) {
      const { version } = await get();
      const before = (await history('?limit=500')).items.length;
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => put({ ...DEFAULTS, maxLotSize: maxLotSize(n) }, version, n % 2 ? t.base : second.base)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(412)]);
      const winner = answers.find(({ status }) => status === 200)?.body;
      expect(await get()).toEqual(winner);
      for (const { status, body } of answers) if (status === 412) expect(body.currentVersion).toBe(version + 1);
      expect((await history('?limit=500')).items.length).toBe(before + 1);
      expect((await events()).filter(({ data }) => data.version === version + 1)).toHaveLength(1);
    }
  });

  it('say which change lets more through', async () => {
    await change({});
    const effects = [];
    for (const more of [{ maxLotSize: '0.5' }, { maxLotSize: '0.5' }, { maxLotSize: null }, { maxLotSize: '2', minRewardToRisk: '3' }, { minRewardToRisk: '1' }, { aiTradingEnabled: true, minRewardToRisk: '9' }]) {
      await change(more);
      effects.push((await history('?limit=1')).items[0]?.effect);
    }
    expect(effects).toEqual(['tighter', 'none', 'looser', 'tighter', 'looser', 'looser']);
  });

  it('are written by administrators only, and read by everybody who is known', async () => {
    const { version } = await get();
    const agent = await t.agent();
    for (const token of [await t.person('viewer'), await t.person('operator'), agent.apiKey]) {
      expect((await t.http('GET', '/risk-config', { token })).status).toBe(200);
      expect((await t.http('GET', '/risk-config/history', { token })).status).toBe(200);
      expect((await t.http('PUT', '/risk-config', { token, body: DEFAULTS, headers: { 'if-match': `"${version}"` } })).status).toBe(403);
    }
    expect((await get()).version).toBe(version);
  });

  it('wait for a decision that has read them; a decision after the answer reads the new ones', async () => {
    const source = t.app.get(DataSource);
    const config = t.app.get(RiskConfigRepository);
    const before = await get();
    let writing: ReturnType<typeof put> | undefined;
    let answered = false;
    await inTransaction(source, async (tx) => {
      expect(valuesOf(await config.forShare(tx)).maxLotSize).toBe(before['maxLotSize']);
      writing = put({ ...DEFAULTS, maxLotSize: '0.25' }, before.version, second.base);
      void writing.then(() => (answered = true));
      await whenWaiting(t.db, 1);
      // Plain reads go on, and what was read still holds.
      expect((await get()).version).toBe(before.version);
      expect((await config.forShare(tx)).version).toBe(before.version);
      expect(answered).toBe(false);
    });
    expect((await writing)?.status).toBe(200);
    await inTransaction(source, async (tx) => expect(valuesOf(await config.forShare(tx)).maxLotSize).toBe('0.25'));
  });

  it('are put however many decisions overlap: those that begin after it wait for it', async () => {
    const source = t.app.get(DataSource);
    const config = t.app.get(RiskConfigRepository);
    const { version } = await get();
    let writing: ReturnType<typeof put> | undefined;
    let later: Promise<number> | undefined;
    await holding(t.db, 'select 1 from risk_config for share', [], async () => {
      writing = put({ ...DEFAULTS, maxLotSize: '0.2' }, version);
      await whenWaiting(t.db, 1);
      later = inTransaction(source, async (tx) => (await config.forShare(tx)).version);
      await whenWaiting(t.db, 2);
    });
    expect([(await writing)?.status, await later]).toEqual([200, version + 1]);
  });

  it('have one row, which stays, and only figures in it', async () => {
    await expect(t.db.query(`insert into risk_config select false, version from risk_config`)).rejects.toThrow();
    await expect(t.db.query(`update risk_config set id = false`)).rejects.toMatchObject({ constraint: 'risk_config_single' });
    for (const [column, value, constraint] of [
      ['max_lot_size', 'NaN', 'risk_config_sizes'], ['max_open_risk_amount', 'Infinity', 'risk_config_amounts'], ['max_drawdown_fraction', '1.01', 'risk_config_fractions'],
      ['cooldown_seconds', '-1', 'risk_config_times'], ['max_trades_per_day', '-1', 'risk_config_counts'],
    ]) await expect(t.db.query(`update risk_config set ${column} = '${value}'`)).rejects.toMatchObject({ constraint });
    await expect(t.db.query(`update risk_config set ai_trading_enabled = null`)).rejects.toMatchObject({ constraint: 'risk_config_switches' });
    const writer = t.app.get(DataSource);
    await expect(writer.query('delete from risk_config')).rejects.toMatchObject({ driverError: { code: '42501' } });
  });

  it('have a history that leaves nothing out and that nobody changes', async () => {
    const all = (await history('?limit=500')).items;
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: (await get()).version }, (_, n) => n + 1).reverse());
    const paged: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: Version[]; nextCursor: string | null } = await history(`?limit=40${cursor && `&cursor=${cursor}`}`);
      paged.push(...page.items.map(({ version }) => version));
      cursor = page.nextCursor;
    }
    expect(paged).toEqual(all.map(({ version }) => version));
    // Each begins where the one before ended.
    for (const [n, { changed, content }] of all.entries()) for (const { field, before, after } of changed) expect([content[field], all[n + 1]?.content[field]]).toEqual([after, before]);
    const writer = t.app.get(DataSource);
    for (const statement of [`update risk_config_history set actor = 'x'`, 'delete from risk_config_history', 'truncate risk_config_history']) {
      await expect(writer.query(statement)).rejects.toMatchObject({ driverError: { code: '42501' } });
      await expect(t.db.query(statement)).rejects.toThrow(/append-only|refuse|history|change/i);
    }
  });
});

describe('amounts', () => {
  it('keep the currency in which they were written when BASE_CURRENCY becomes another', async () => {
    await change({ maxOpenRiskAmount: '100' });
    const euros = await t.second({ BASE_CURRENCY: 'EUR' });
    const seen = async () => (await clientOf(euros.base, t.adminToken)<Config>('GET', '/risk-config')).body;
    expect((await seen()).warnings[0]).toBe('amounts are in USD, in which they were written, not in EUR');
    const { version } = await seen();
    expect((await put({ ...DEFAULTS, maxOpenRiskAmount: '90' }, version, euros.base)).body.warnings.join()).not.toContain('amounts');
    expect((await history('?limit=1')).items[0]?.currency).toBe('EUR');
    await euros.close();
    await change({});
  });
});

describe('the limits for everybody, put back', () => {
  it('are taken as GET answers them, without what the server says of its own', async () => {
    const { version, updatedAt: _at, updatedBy: _by, lastHaltReason: _why, ...rest } = await get();
    expect(rest.warnings.length).toBeGreaterThan(0);
    const { status, body } = await put(rest, version);
    expect([status, body.version, body.warnings]).toEqual([200, version + 1, rest.warnings]);
    expect((await put({ ...rest, version }, version + 1)).body.errors).toEqual([{ path: 'version', message: `must be as GET answers it (${version + 1}), or left out: it is not set here` }]);
  });
});
