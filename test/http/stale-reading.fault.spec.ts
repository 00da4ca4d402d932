import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { OwnFiles } from '../../src/legacy/mirror/own-files.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Cluster, databaseOn, startCluster } from '../support/cluster.js';
import type { Answer } from '../support/http.js';
import { expectWithin, timeOf } from '../support/timing.js';

interface Read { stale?: boolean; asOf?: string; version: number; code: string }
interface Listed { stale?: boolean; asOf?: string; items: { id: string; name: string }[]; nextCursor: string | null }

describe('limits and strategies, while the database is away', () => {
  let cluster: Cluster;
  let t: TestApp;
  let agent: TestAgent;
  let viewer: string;
  let folder: string;
  let ids: string[];
  let fresh: Answer<Read>;
  beforeAll(async () => {
    cluster = await startCluster();
    folder = mkdtempSync(join(tmpdir(), 'tradewarden-stale-'));
    t = await startTestApp({ MIRROR_URL: `sqlite:${join(folder, 'old.db')}?shape=ai-trader`, DB_POOL_TIMEOUT: '4', DB_QUERY_TIMEOUT: '2' }, await databaseOn(cluster));
    agent = await t.agent();
    viewer = await t.person('viewer');
    ids = [];
    for (const name of ['one', 'two', 'three']) ids.push((await t.http<{ id: string }>('POST', '/strategies', { body: { name, isActive: name !== 'two' } })).body.id);
    fresh = await t.http<Read>('GET', '/risk-config');
    await t.app.get(OwnFiles, { strict: false }).bring(join(folder, 'tradewarden'));
  });
  afterEach(async () => {
    cluster.thaw();
    await cluster.start();
  });
  afterAll(async () => {
    await t.close();
    await cluster.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const read = (path: string, ask: object = {}) => t.http<Read & Listed>('GET', path, ask);

  it('are answered by the database while it is there, without a word of age', async () => {
    const { status, body, headers } = await read('/risk-config');
    expect([status, body.stale, body.asOf, headers.get('warning'), headers.get('age'), headers.get('etag')]).toEqual([200, undefined, undefined, null, null, `"${fresh.body.version}"`]);
  });

  it('are as the mirror kept them, said to be old, to whoever shows a token that was signed', async () => {
    await cluster.stop();
    const config = await read('/risk-config', { token: viewer });
    expect(config.status).toBe(200);
    const { stale, asOf, ...rest } = config.body;
    expect([stale, rest]).toEqual([true, fresh.body]);
    expect([config.headers.get('warning'), config.headers.get('etag')]).toEqual(['110 - "Response is Stale"', null]);
    const age = (Date.now() - Date.parse(asOf ?? '')) / 1_000;
    expect(Math.abs(Number(config.headers.get('age')) - age)).toBeLessThan(60);

    const list = await read('/strategies');
    expect([list.status, list.body.stale, list.body.items.map(({ name }) => name), list.body.nextCursor]).toEqual([200, true, ['one', 'two', 'three'], null]);
    expect((await read('/strategies?isActive=false')).body.items.map(({ name }) => name)).toEqual(['two']);
    const page = await read('/strategies?limit=2');
    expect(page.body.items.map(({ name }) => name)).toEqual(['one', 'two']);
    expect((await read(`/strategies?limit=2&cursor=${page.body.nextCursor}`)).body.items.map(({ name }) => name)).toEqual(['three']);
    expect((await read(`/strategies/${ids[1]}`)).body).toMatchObject({ name: 'two', stale: true, asOf: list.body.asOf });
    expect((await read('/strategies?limit=0')).status).toBe(400);
  });

  it('are nobody else\'s, and nothing else is answered: writing, the gate, and what the mirror does not know', async () => {
    await cluster.stop();
    const codes = async (answers: Promise<Answer<Read & Listed>>[]) => (await Promise.all(answers)).map(({ status, body }) => [status, body.code]);
    const away = [503, 'DATABASE_UNAVAILABLE'];
    expect(await codes([read('/risk-config', { token: 'a.b.c' }), read('/risk-config', { token: `${viewer.slice(0, -4)}AAAA` })])).toEqual([[401, 'TOKEN_REFUSED'], [401, 'TOKEN_REFUSED']]);
    expect((await read('/risk-config', { token: null })).status).toBeGreaterThanOrEqual(401);
    expect(await codes([agent.http('GET', '/risk-config'), agent.http('GET', '/strategies'), read('/risk-config/history'), read('/agents'), read(`/strategies/${agent.id}`), read(`/strategies/${ids[0]}/versions`)])).toEqual([away, away, away, away, away, away]);
    const { version: _version, updatedAt: _at, updatedBy: _by, lastHaltReason: _why, warnings: _said, ...limits } = fresh.body as unknown as Record<string, unknown>;
    expect(await codes([
      t.http('PUT', '/risk-config', { body: limits, headers: { 'if-match': '"1"' } }), t.http('POST', '/strategies', { body: { name: 'new' } }), t.http('POST', '/kill-switch', { body: { scope: { type: 'global' }, mode: 'halt', reason: 'x' } }),
      agent.http('POST', '/trade-ideas', { body: {} }), agent.http('POST', '/agents/me/commands/lease', { body: {} }), t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } }),
    ])).toEqual([away, away, away, away, away, away]);
  });

  it('come within seconds from a database that hangs', async () => {
    await expectWithin(8_000, async () => {
      cluster.freeze();
      let answer: Answer<Read> | null = null;
      const took = await timeOf(async () => (answer = await read('/risk-config', { token: viewer }))).finally(() => cluster.thaw());
      expect(answer).toMatchObject({ status: 200, body: { stale: true } });
      return took;
    });
  });

  it('are not there without a file, or with one that is broken', async () => {
    writeFileSync(join(folder, 'tradewarden', 'strategies.json'), '{"asOf": 1');
    await cluster.stop();
    expect(await read('/strategies')).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE' } });
    expect(await read('/risk-config')).toMatchObject({ status: 200 });
  });

  it('are the database\'s again when it is back', async () => {
    const { status, body } = await read('/strategies');
    expect([status, body.stale, body.items.length]).toEqual([200, undefined, 3]);
  });
});
