import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';

/** Files of the old systems lie beside the project, not in it. */
const LEGACY = join(process.cwd(), '..', 'shared', 'data', 'legacy');
const TRADER = join(LEGACY, 'ai-trader', 'trading.db');
const PLATFORM = join(LEGACY, 'ai-trading-platform');
const areHere = existsSync(TRADER) && existsSync(PLATFORM);

interface Table { name: string; target: string; because: string | null; read: number; imported: number; unchanged: number; archived: number; rejected: number; columns: { name: string; to: string | null; says: string }[] }
interface Report { runId: string; status: string; source: { system: string; shape: string }; tables: Table[]; sums: Record<string, Record<string, { source: string; target: string }>>; notes: Record<string, number>; rejected: number; secrets: { table: string; column: string; count: number }[]; secretsLeft: number; proof: { ok: boolean } | null }
interface Strategy { id: string; version: number; name: string; isActive: boolean; allowedSymbols: string[]; riskCaps: Record<string, unknown> }

const counts = ({ tables }: Report) => Object.fromEntries(tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, [read, imported, unchanged, archived, rejected]]));
/** What a run says that does not depend on when it was, nor on what was there before. */
const said = ({ tables, sums, notes, rejected, secrets, secretsLeft, source }: Report) => ({ tables, sums, notes, rejected, secrets, secretsLeft, source });

describe('the files that AI Trader and the AI Trading Platform were shipped with', () => {
  it(areHere ? 'are here' : 'are not here: nothing was checked', () => undefined);
  if (!areHere) return;

  let t: TestApp;
  let env: Record<string, string>;
  const reports: Record<string, Report> = {};
  const run = async (path: string, ...flags: string[]): Promise<Report> => {
    const done = await cli<Report>(['import', path, '--json', ...flags], env);
    if (done.code !== 0) throw new Error(`${done.stdout}\n${done.stderr}`);
    return done.json;
  };
  const ours = async () => t.db.query(`select (select count(*)::int from predictions) as predictions, (select count(*)::int from strategies) as strategies, (select count(*)::int from snapshot_account) as snapshots, (select count(*)::int from import_rows) as rows,
    (select count(*)::int from import_archive) as archived, (select count(*)::int from agents) as agents`);

  beforeAll(async () => {
    t = await startTestApp();
    env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
  });
  afterAll(() => t.close());

  it('are told of beforehand exactly as they are imported afterwards, and nothing is written by being told', async () => {
    const before = await ours();
    const dry = [await run(TRADER, '--dry-run'), await run(PLATFORM, '--dry-run')];
    expect(await ours()).toEqual(before);
    Object.assign(reports, { trader: await run(TRADER), platform: await run(PLATFORM) });
    expect(dry.map(said)).toEqual([reports.trader, reports.platform].map((report) => said(report as Report)));
  });

  it('of AI Trader come over whole: 35 predictions, no trade, 11 snapshots', () => {
    const report = reports.trader as Report;
    expect(report.source).toMatchObject({ system: 'ai-trader', shape: 'paper' });
    expect(counts(report)).toEqual({ predictions: [35, 35, 0, 0, 0], trades: [0, 0, 0, 0, 0], performance_snapshots: [11, 11, 0, 0, 0], market_data: [0, 0, 0, 0, 0], threshold_history: [0, 0, 0, 0, 0], sqlite_sequence: [0, 0, 0, 0, 0] });
    expect(report).toMatchObject({ notes: { PREDICTION_BACKDATED: 23, THRESHOLD_STATIC: 35 }, secrets: [], secretsLeft: 0, proof: { ok: true }, sums: { performance_snapshots: { balance: { source: '1100000', target: '1100000' }, unrealized_pnl: { source: '0', target: '0' } } } });
  });

  it('of AI Trader are what they were, digit by digit', async () => {
    const { body } = await t.http<{ items: Record<string, unknown>[] }>('GET', '/predictions?limit=100');
    expect(body.items).toHaveLength(35);
    expect(new Set(body.items.map(({ confidence }) => confidence)).size).toBe(2);
    expect(body.items.find(({ timestamp }) => timestamp === '2026-01-21T07:00:00.000Z')).toMatchObject({
      symbol: 'EURUSD', direction: 'short', confidence: '0.5685535669326782', probUp: '0.4314464032649994', marketPrice: '1.1712344884872437', agreementCount: 3, marketRegime: 'ranging_low_vol', thresholdUsed: '0.6', shouldTrade: false, usedByAgent: false,
      components: { '1h': { direction: 'down', confidence: '0.5' }, '4h': { direction: 'down', confidence: '0.5' }, '1d': { direction: 'down', confidence: '0.5' } }, score: null,
    });
  });

  it('of the AI Trading Platform are five strategies, and the rest is kept with its reason', () => {
    const report = reports.platform as Report;
    expect(report.source).toMatchObject({ system: 'ai-trading-platform', shape: 'files' });
    expect(counts(report)).toMatchObject({ strategies: [5, 5, 0, 0, 0], risk_limits: [5, 0, 0, 5, 0], settings: [1, 0, 0, 1, 0], profiles: [1, 0, 0, 1, 0], symbol_map: [2, 0, 0, 2, 0], sessions: [2, 0, 0, 2, 0], accounts_example: [1, 0, 0, 1, 0], api_integrations_example: [2, 0, 0, 2, 0] });
    for (const { read, imported, unchanged, archived, rejected } of report.tables) expect(imported + unchanged + archived + rejected).toBe(read);
    expect(report.tables.filter(({ read, target, because }) => read > 0 && target === 'archive' && !because)).toEqual([]);
    expect(report).toMatchObject({ notes: { LIMIT_OFF: 2, RISK_FRACTION_NOT_ENFORCED: 5 }, secretsLeft: 0, proof: { ok: true } });
    expect(report.secrets.map(({ table, column, count }) => `${table}.${column} ${count}`).sort()).toEqual(['accounts_example.login 1', 'accounts_example.password_encrypted 1', 'api_integrations_example.api_key_encrypted 2']);
  });

  it('of the AI Trading Platform are strategies that a person can put back as they were read', async () => {
    const { body } = await t.http<{ items: Strategy[] }>('GET', '/strategies?limit=100');
    expect(body.items.map(({ name, isActive }) => [name, isActive]).sort()).toEqual([['EURUSD H1 Relaxed', true], ['EURUSD H1 Trend Following', true], ['GBPUSD H4 Mean Reversion', false], ['USDJPY M15 Scalping', true], ['XAUUSD H1 Breakout Strategy', true]]);
    for (const strategy of body.items) {
      const { id, version, createdAt: _, updatedAt: __, updatedBy: ___, retired: ____, retiredAt: _____, currency: ______, ...content } = strategy as Strategy & Record<string, unknown>;
      const put = await t.http('PUT', `/strategies/${id}`, { body: content, headers: { 'if-match': `"${version}"` } });
      expect([strategy.name, put.status, put.body]).toEqual([strategy.name, 200, expect.objectContaining({ version: version + 1, ...content })]);
    }
  });

  it('leave no secret in what is stored', async () => {
    const secrets = readdirSync(join(PLATFORM, 'config')).filter((name) => name.endsWith('.example')).flatMap((name) => [...readFileSync(join(PLATFORM, 'config', name), 'utf8').matchAll(/"(?:password_encrypted|api_key_encrypted)": "([^"]+)"|"login": (\d+)/g)].map(([, text, number]) => text ?? number ?? ''));
    expect(secrets).toHaveLength(4);
    for (const secret of secrets) expect(await t.db.query(`select table_id, old_id from import_archive where original::text like $1`, [`%${secret}%`])).toEqual([]);
  });

  it('change nothing when they are imported again', async () => {
    const before = await ours();
    const again = await run(TRADER);
    expect(counts(again)).toMatchObject({ predictions: [35, 0, 35, 0, 0], performance_snapshots: [11, 0, 11, 0, 0] });
    expect(await ours()).toEqual(before);
  });

  it('do not stand in the way of the next row', async () => {
    const next = await t.http('POST', '/strategies', { body: { name: 'the next one' } });
    expect(next.status).toBe(201);
  });
});
