import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli, type CliRun } from '../support/cli.js';
import { beat, enqueue, type Halt, impose, queueOpening, release, releaseAll } from '../support/halts.js';
import { held, reportOf } from '../support/positions.js';

interface Final { ready: boolean; inTheWay: { code: string; text: string }[]; takenAsStopped: { agent: string; why: string }[] }
interface Retired { haltId: string; reason: string; final: Final; error: { code: string; message: string } }

let t: TestApp;
let env: Record<string, string>;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
});
afterAll(() => t.close());

const retire = (reason = 'the old system trades again'): Promise<CliRun<Retired>> => cli<Retired>(['retire', '--reason', reason, '--json'], env);
const unretire = (more: Record<string, string> = {}): Promise<CliRun<{ haltId: string | null; error: { code: string } }>> =>
  cli(['unretire', '--reason', 'it has stopped', '--confirm', 'UNRETIRE', '--json'], { ...env, ...more });
const codes = ({ json }: CliRun<Retired>) => json.final.inTheWay.map(({ code }) => code);
const versionOf = async (agent: TestAgent) => (await beat(agent)).body.desiredState.version;

describe('a system that is retired', () => {
  it('opens nothing, is released by nobody, and stays so over a restart, until it is told otherwise in words', async () => {
    const agent = await t.agent();
    const opening = await queueOpening(t, agent);
    const run = await retire();
    expect([run.code, run.json.reason]).toEqual([0, 'the old system trades again']);
    expect((await t.http('GET', `/commands/${opening}`)).body).toMatchObject({ status: 'cancelled' });
    const { haltId } = run.json;
    expect((await t.http<Halt>('GET', `/kill-switch/${haltId}`)).body).toMatchObject({ source: 'retirement', scope: { type: 'global' }, mode: 'halt', inForce: true });

    expect(await release(t, haltId)).toMatchObject({ status: 409, body: { code: 'RETIRED' } });
    expect(await cli(['release', haltId, '--reason', 'x', '--confirm', 'RELEASE', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'RETIRED' } } });
    expect(await cli(['unretire', '--reason', 'x'], env)).toMatchObject({ code: 2 });
    expect(await cli(['unretire', '--reason', 'x', '--confirm', 'RELEASE'], env)).toMatchObject({ code: 2 });
    const again = await t.second();
    try {
      expect((await enqueue(again, agent, 'custom')).status).toBe(409);
    } finally {
      await again.close();
    }

    const overview = (await t.http<{ light: { word: string }; halts: { endsBy: string }[] }>('GET', '/overview')).body;
    expect([overview.light.word, overview.halts[0]?.endsBy]).toEqual(['HALTED', expect.stringContaining('unretire')]);
    expect(await cli(['status', '--json'], env)).toMatchObject({ code: 3, json: { halted: true, halts: [{ id: haltId }] } });

    expect((await unretire()).code).toBe(0);
    expect((await enqueue(t, agent, 'custom')).status).toBe(201);
    expect((await t.http('GET', `/commands/${opening}`)).body).toMatchObject({ status: 'cancelled' });
    expect((await unretire()).json).toMatchObject({ error: { code: 'NOT_RETIRED' } });
  });

  it('is retired once, however many do it, and another halt beside it changes nothing', async () => {
    const runs = await Promise.all([1, 2, 3].map((n) => retire(`by ${n}`)));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(new Set(runs.map(({ json }) => json.haltId)).size).toBe(1);
    const other = (await impose(t, { type: 'global' })).body;
    expect((await release(t, other.id)).body).toMatchObject({ released: true, inTheWay: { halts: [{ id: runs[0]?.json.haltId }] } });
    expect((await unretire()).code).toBe(0);
  });

  it('where two people release, unretire leaves a halt that takes both', async () => {
    await retire();
    const { json } = await unretire({ TWO_PERSON_RELEASE: 'on' });
    expect((await t.http<Halt>('GET', `/kill-switch/${json.haltId}`)).body).toMatchObject({ source: 'person', inForce: true });
    expect(await t.db.query(`select 1 from halts where source = 'retirement' and released_at is null`)).toEqual([]);
    await releaseAll(t);
  });

  it('is refused by the database with an end or for a part', async () => {
    const insert = (columns: string, values: string) => t.db.query(`insert into halts (reason, imposed_by, source, mode, ${columns}) values ('x', 'system', 'retirement', 'halt', ${values})`);
    await expect(insert('scope_type, expires_at', `'global', app_clock()`)).rejects.toThrow(/halts_retirement/);
    await expect(insert('scope_type, scope_id', `'symbol', 'EURUSD'`)).rejects.toThrow(/halts_retirement/);
  });
});

describe('nothing here trades any more', () => {
  const heard: TestAgent[] = [];

  it('only when each agent has seen it or cannot open, nothing is under way, and no broker shows an entry order', async () => {
    await t.db.query(`update agents set retired_at = app_clock()`);
    const [sees, sleeps, lives] = [await t.agent(), await t.agent(), await t.agent({ mode: 'paper' })];
    await beat(sees);
    await beat(sleeps);
    await beat(lives);
    heard.push(sees, lives);
    const first = await retire();
    expect(codes(first)).toEqual(['AGENT_NOT_STOPPED', 'AGENT_NOT_STOPPED', 'AGENT_NOT_STOPPED']);
    expect(first.json.final.ready).toBe(false);

    await beat(sees, { observedStateVersion: await versionOf(sees) });
    await beat(lives, { observedStateVersion: await versionOf(lives) });
    await t.db.query(`update agent_state set trading_lease_until = app_clock() - interval '1 second', last_seen_at = app_clock() - interval '61 seconds' where agent_id = $1`, [sleeps.id]);
    const opening = await queueOpening(t, sleeps);
    await t.db.query(`update agent_commands set status = 'unknown', finished_at = null where id = $1`, [opening]);
    const second = await retire();
    expect(codes(second)).toEqual(['OPENING_NOT_SETTLED']);
    expect(second.json.final.takenAsStopped).toMatchObject([{ agent: sleeps.name, why: expect.stringContaining('lease is over') }]);
    await t.db.query(`delete from agent_commands where id = $1`, [opening]);

    const { direction, size, symbol } = held();
    await lives.http('POST', '/agents/me/positions', { body: reportOf({ orders: [{ brokerOrderId: 'e-1', type: 'limit', role: 'entry', symbol, direction, size, price: '1.05' }] }) });
    expect(codes(await retire())).toEqual(['ENTRY_ORDER_SHOWN']);
    await lives.http('POST', '/agents/me/positions', { body: reportOf({}) });
    await lives.http('POST', '/agents/me/positions', { body: reportOf({ asOf: new Date(Date.now() + 1_000).toISOString() }) });
    const last = await retire();
    expect([codes(last), last.json.final.ready]).toEqual([[], true]);
    await unretire();
  });

  it('is what a last export asks for, and from then on this system is retired', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-final-'));
    const out = join(folder, 'old.db');
    const last = () => cli<{ tables: object[]; error: { code: string; message: string } }>(['export', '--shape', 'ai-trader', '--out', out, '--final', '--json'], env);
    try {
      const agent = await t.agent();
      await beat(agent);
      expect(await last()).toMatchObject({ code: 1, json: { error: { code: 'NOT_FINAL', message: expect.stringContaining('Nothing halts everything') } } });
      await impose(t, { type: 'global' });
      await beat(agent);
      expect(await last()).toMatchObject({ code: 1, json: { error: { code: 'NOT_FINAL', message: expect.stringContaining(agent.name) } } });
      expect([existsSync(out), (await t.db.query(`select 1 from halts where source = 'retirement' and released_at is null`)).length]).toEqual([false, 0]);
      for (const each of [agent, ...heard]) await beat(each, { observedStateVersion: await versionOf(each) });
      for (const each of heard) await each.http('POST', '/agents/me/positions', { body: reportOf({ asOf: new Date(Date.now() + 2_000).toISOString() }) });
      const run = await last();
      expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('retired: nothing opens here')]);
      expect((await t.db.query(`select 1 from halts where source = 'retirement' and released_at is null`)).length).toBe(1);
      expect((await release(t, (await impose(t, { type: 'global' })).body.id)).status).toBe(200);
      expect((await enqueue(t, agent, 'custom')).status).toBe(409);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    await unretire();
    await releaseAll(t);
  });

  it('is where the last import of an old system may end: refused while an agent here may trade, taken once none does', async () => {
    await releaseAll(t);
    const folder = mkdtempSync(join(tmpdir(), 'tradewarden-final-'));
    const old = new DatabaseSync(join(folder, 'old.db'));
    old.exec(`create table threshold_history (id integer primary key autoincrement, timestamp datetime not null, threshold_value float not null, short_term_component float, medium_term_component float, long_term_component float,
      blended_value float, performance_adjustment float, prediction_count_7d integer, prediction_count_14d integer, prediction_count_30d integer, trade_win_rate_25 float, trade_count_25 integer, reason varchar(200), config_version integer)`);
    old.close();
    const bring = (...more: string[]) => cli<{ status: string; error: { code: string; message: string } }>(['import', join(folder, 'old.db'), '--profile', 'ai-trader', '--final', ...more, '--json'], env);
    const agent = await t.agent();
    await beat(agent);
    expect(await bring('--hot')).toMatchObject({ code: 2 });
    expect(await bring()).toMatchObject({ code: 1, json: { error: { code: 'NOT_FINAL' } } });
    await retire();
    await t.db.query(`update agent_state set trading_lease_until = app_clock() - interval '1 second'`);
    expect(await bring()).toMatchObject({ code: 0, json: { status: 'finished' } });
    await unretire();
    rmSync(folder, { recursive: true, force: true });
  });
});
