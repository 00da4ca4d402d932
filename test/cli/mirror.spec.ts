import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MirrorWatch } from '../../src/legacy/mirror/mirror-watch.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { countOf, drift, endMirrors, type MirrorProcess, newPlace, oldRows, type Place, predict, startMirror, trade, whenWhole } from '../support/mirrors.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';

let t: TestApp;
let agent: TestAgent;
let place: Place;
let running: MirrorProcess;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  for (let n = 0; n < 3; n++) await predict(agent);
  await trade(agent);
  place = newPlace(t);
  running = startMirror(place);
});
afterAll(async () => {
  await endMirrors();
  await t.close();
});

const whole = () => whenWhole(t, running.output);
interface Shown { id: string; place: string; behindSeconds: number | null; behindEvents: number; error: string | null }
const mirrors = async () => (await t.http<{ mirrors: Shown[] | null }>('GET', '/system')).body.mirrors;

describe('a mirror', () => {
  it('begins with all there is, and follows what is written after it', async () => {
    await whole();
    expect([countOf(place, 'predictions'), countOf(place, 'trades')]).toEqual([3, 1]);
    const [before] = oldRows(place, 'select * from trades');
    expect(before).toMatchObject({ symbol: 'EURUSD', direction: 'long', status: 'closed', execution_mode: 'paper', pnl_usd: 3.5 });

    await predict(agent, { symbol: 'GBPUSD' });
    const id = await trade(agent, null);
    await whole();
    expect(oldRows(place, `select status, pnl_usd from trades order by id`)).toMatchObject([{ status: 'closed' }, { status: 'open', pnl_usd: null }]);
    await agent.http('POST', `/trades/${id}/transitions`, { body: { to: 'closed', brokerDealId: 'x', occurredAt: new Date().toISOString(), exitPrice: '1.05', exitReason: 'stop', grossProfit: '-5' } });
    await whole();
    expect(oldRows(place, `select status, pnl_usd, exit_reason from trades order by id desc limit 1`)).toMatchObject([{ status: 'closed', pnl_usd: -5, exit_reason: 'sl' }]);
    expect(countOf(place, 'predictions')).toBe(4);
  });

  it('has what came in batches, of which one event tells', async () => {
    const at = (n: number) => new Date(Date.now() - 86_400_000 + n * 1_000).toISOString();
    const items = Array.from({ length: 700 }, (_, n) => ({ model: 'batch', symbol: 'EURUSD', timestamp: at(n), direction: 'short', confidence: '0.6' }));
    expect((await agent.http('POST', '/predictions/batch', { body: { items } })).status).toBe(201);
    const candles = Array.from({ length: 20 }, (_, n) => ({ symbol: 'EURUSD', timeframe: 'M5', openTime: new Date(Math.floor(Date.now() / 300_000) * 300_000 - (n + 1) * 300_000).toISOString(), open: '1.1', high: '1.2', low: '1', close: '1.15' }));
    expect((await agent.http('POST', '/snapshots/market', { body: { items: candles } })).status).toBeLessThan(300);
    await whole();
    expect(countOf(place, 'predictions')).toBe(704);
    expect(countOf(place, 'market_data')).toBe(20);
    const { code, json, stderr } = await drift(place);
    expect([code, json.tables.filter(({ missing, extra, different }) => missing + extra + different > 0), stderr]).toEqual([0, [], expect.any(String)]);
  });

  it('is the only one in its place', async () => {
    const second = startMirror(place);
    expect(await second.exited).toMatchObject({ code: 1 });
    expect(second.output()).toContain('A mirror runs');
    expect(await drift(place, '--repair', 'mirror')).toMatchObject({ code: 1, json: { error: { code: 'MIRROR_RUNS' } } });
  });

  it('says how far it is, in /health, /metrics and /system, and makes nothing unhealthy', async () => {
    await whole();
    await until(async () => (await mirrors()) !== null, 10_000);
    // It has 0.9 s for what the database says.
    const look = () => t.http<{ status: string; mirrors: (Shown & { failing: boolean })[] | null }>('GET', '/health');
    let health = await look();
    await until(async () => (health.status === 200 && health.body.mirrors !== null) || ((health = await look()), false), 10_000);
    const shown = health.body.mirrors ?? [];
    expect([health.status, health.body.status, shown.length]).toEqual([200, 'ok', 1]);
    expect(shown[0]).toMatchObject({ shape: 'ai-trader', failing: false });
    // Anybody may read it, so it names no path.
    expect([health.text.includes(place.file), 'place' in (shown[0] ?? {}), 'error' in (shown[0] ?? {})]).toEqual([false, false, false]);
    expect(shown[0]?.behindSeconds).toBeLessThan(60);
    const { text } = await scrape(t.base);
    expect(text).toMatch(/^tradewarden_mirror_lag_seconds\{mirror="[0-9a-f-]{36}",shape="ai-trader"\} \d/m);
    expect((await t.http('GET', '/system')).body).toMatchObject({ mirrors: [{ shape: 'ai-trader', place: place.env['MIRROR_URL'], error: null }] });
  });

  it('that is behind is told to people until it is whole again', async () => {
    running.kill('SIGTERM');
    expect(await running.exited).toEqual({ code: 0, signal: null });
    const open = async () => (await t.http<{ items: { summary: string; subject: { type: string } }[] }>('GET', '/incidents?kind=MIRROR_BEHIND&status=open')).body.items;
    const watch = t.app.get(MirrorWatch, { strict: false });
    await watch.look();
    expect(await open()).toEqual([]);
    await t.db.query(`update mirrors set whole_as_of = app_clock() - interval '301 seconds', reported_at = app_clock() - interval '301 seconds'`);
    await watch.look();
    expect(await open()).toMatchObject([{ subject: { type: 'mirror' }, summary: expect.stringContaining('was last whole 301 s ago') }]);

    await predict(agent);
    running = startMirror(place);
    await whole();
    expect(countOf(place, 'predictions')).toBe(705);
    await watch.look();
    expect(await open()).toEqual([]);
  });

  it('holds up nobody: what it cannot write it says, and writes later', async () => {
    const other = new DatabaseSync(place.file);
    other.exec('BEGIN EXCLUSIVE');
    try {
      expect((await predict(agent)).status).toBe(201);
      await until(async () => (await mirrors())?.[0]?.error != null, 30_000);
      expect(await t.db.query('select error from mirrors')).toMatchObject([{ error: expect.stringMatching(/locked/) }]);
      expect((await predict(agent)).status).toBe(201);
      await until(async () => (await t.http('GET', '/readyz')).status === 200, 5_000);
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    await whole();
    expect(countOf(place, 'predictions')).toBe(707);
    expect(running.output()).toContain('not up to date, trying again');
  });

  it('leaves alone what it did not write', async () => {
    const foreign = newPlace(t);
    const db = new DatabaseSync(foreign.file);
    db.exec('create table trades (id integer primary key)');
    db.close();
    const refused = startMirror(foreign);
    await until(() => refused.output().includes('was not written by a mirror'), 30_000);
    refused.kill('SIGTERM');
    expect((await refused.exited).code).toBe(0);
    expect(oldRows(foreign, `select name from sqlite_master where type = 'table'`)).toMatchObject([{ name: 'trades' }]);
  });

  it('is refused with a place that is none', async () => {
    for (const wrong of ['sqlite:relative.db?shape=ai-trader', 'sqlite:/tmp/x.db', 'postgres://x', 'sqlite:/tmp/x.db?shape=none', 'csv:/tmp/x?shape=ai-trader']) {
      expect([wrong, (await cli(['mirror'], { ...place.env, MIRROR_URL: wrong })).code]).toEqual([wrong, expect.any(Number)]);
      expect((await cli(['mirror'], { ...place.env, MIRROR_URL: wrong })).code).not.toBe(0);
    }
  });
});

describe('what a mirror keeps for the server', () => {
  it('is as the server answers it, and follows a change', async () => {
    const read = (name: string) => JSON.parse(readFileSync(join(place.folder, 'tradewarden', `${name}.json`), 'utf8')) as { asOf: string; content: { version: number } };
    expect(read('risk-config').content).toEqual((await t.http('GET', '/risk-config')).body);
    await t.http('POST', '/strategies', { body: { name: 'kept' } });
    await until(() => JSON.stringify(read('strategies').content).includes('"kept"'), 30_000);
    expect(read('strategies').content).toMatchObject([{ strategy: (await t.http<{ items: object[] }>('GET', '/strategies')).body.items[0] }]);
  });
});

describe('drift', () => {
  it('is found row by row with its columns, and repaired in one direction', async () => {
    running.kill('SIGTERM');
    await running.exited;
    const db = new DatabaseSync(place.file);
    db.exec(`update predictions set confidence = 0.123, symbol = 'XXXYYY' where id = 2; delete from predictions where id = 3;
      insert into predictions (id, timestamp, symbol, direction, confidence) values (900001, '2026-01-01 00:00:00.000000', 'EURUSD', 'long', 0.5)`);
    db.close();
    const { code, json } = await drift(place);
    expect([code, json.drifted]).toEqual([1, true]);
    const found = json.tables.find(({ table }) => table === 'predictions');
    expect(found).toMatchObject({ missing: 1, extra: 1, different: 1 });
    expect(found?.examples).toEqual([{ key: '3', what: 'missing', columns: [] }, { key: '900001', what: 'extra', columns: [] }, { key: '2', what: 'different', columns: ['symbol', 'confidence'] }]);
    const stored = await t.db.query(`select count(*)::int as n from predictions where symbol = 'XXXYYY'`);
    expect(stored).toEqual([{ n: 0 }]);

    expect(await cli(['mirror:drift', '--repair', 'database'], place.env)).toMatchObject({ code: 2 });
    expect(await drift(place, '--repair', 'mirror')).toMatchObject({ code: 0, json: { repaired: true, drifted: true } });
    expect(await drift(place)).toMatchObject({ code: 0, json: { drifted: false } });
    expect(oldRows(place, 'select symbol from predictions where id = 2')).toMatchObject([{ symbol: 'EURUSD' }]);
  });

  it('is forgotten with its mirror', async () => {
    const [{ id } = { id: '' }] = await t.db.query<{ id: string }>('select id from mirrors where place = $1', [place.env['MIRROR_URL']]);
    expect(await cli(['mirror', '--forget', id], place.env)).toMatchObject({ code: 0 });
    expect(await cli(['mirror', '--forget', id, '--json'], place.env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_FOUND' } } });
  });
});

