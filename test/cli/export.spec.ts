import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { storeTrades } from '../support/trade-rows.js';

interface Result { system: string; source: string | null; tables: { name: string; read: number; written: number; leftOut: number }[]; error?: { code: string; openTrades?: { id: string }[] } }

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-export-'));
let t: TestApp;
const run = (...args: string[]) => cli<Result>(['export', ...args], { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl });

beforeAll(async () => {
  t = await startTestApp();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await t.close();
});

describe('tradewarden export', () => {
  it.each([[['--shape', 'nobody', '--out', 'x']], [['--shape', 'ai-trader']], [['--out', 'x']], [['--shape', 'finance-feedback-engine', '--out', 'x']]])('%j is wrong usage', async (args) => {
    expect((await run(...args, '--json')).code).toBe(2);
  });

  it('writes, says what it wrote, and refuses what is there', async () => {
    const agent = await t.agent();
    await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, exitTime: '2026-01-05T11:00:00Z', grossProfit: '1' }]);
    const out = join(folder, 'trading.db');
    const done = await run('--shape', 'ai-trader', '--out', out, '--json');
    expect([done.code, done.json.source, done.json.tables.find(({ name }) => name === 'trades')]).toEqual([0, null, { name: 'trades', read: 1, written: 1, leftOut: 0, added: 1 }]);
    expect((await run('--shape', 'ai-trader', '--out', out, '--json')).json.error?.code).toBe('OUT_EXISTS');
    const text = await run('--shape', 'ai-trader', '--out', out, '--overwrite');
    expect(text.stdout).toContain('trades: 1 read = 1 written (1 of them new) + 0 left out');
    writeFileSync(join(folder, 'mine.db'), 'mine');
    expect(await run('--shape', 'ai-trader', '--out', join(folder, 'mine.db'), '--overwrite', '--json')).toMatchObject({ code: 1, json: { error: { code: 'NOT_OURS' } } });
  });

  it('says that a folder is not there before it stops anything for it', async () => {
    const out = join(folder, 'missing', 'trading.db');
    expect(await run('--shape', 'ai-trader', '--out', out, '--final', '--json')).toMatchObject({ code: 1, json: { error: { code: 'OUT_NOT_WRITABLE', message: `--out: the folder ${join(folder, 'missing')} is not there: make it first.` } } });
    expect(await t.db.query('select from halts')).toHaveLength(0);
    expect((await run('--shape', 'ai-trading-platform', '--out', join(folder, 'new', 'files'), '--json')).code).toBe(0);
  });

  it('writes nothing while trades with real money are open, and lists them', async () => {
    const agent = await t.agent();
    const [id = ''] = await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, executionMode: 'live', status: 'open' }]);
    const out = join(folder, 'live.db');
    const { code, json } = await run('--shape', 'ai-trader', '--out', out, '--json');
    expect([code, json.error?.code, json.error?.openTrades?.map((trade) => trade.id)]).toEqual([1, 'OPEN_LIVE_TRADES', [id]]);
    expect(existsSync(out)).toBe(false);
    expect((await run('--shape', 'ai-trader', '--out', out, '--with-open-trades')).stdout).toContain('only one of the two systems may manage them');
  });
});
