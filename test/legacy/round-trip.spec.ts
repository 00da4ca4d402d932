import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SHAPES } from '../../src/legacy/shapes/shapes.js';
import { SqliteStore } from '../../src/legacy/shapes/sqlite-store.js';
import type { Cells } from '../../src/legacy/shapes/shape.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { contentOf, exportPath, importPath } from '../support/round-trip.js';
import { writeSigmatrader } from '../support/sigmatrader-database.js';

let t: TestApp;
let old: string;
let out: string;

beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-round-'));
  [old, out] = [join(folder, 'old.db'), join(folder, 'out.db')];
});
afterEach(() => rmSync(join(old, '..'), { recursive: true, force: true }));

/** A database as the old system has it. */
function write(system: string, rows: Record<string, Cells[]>, more = ''): void {
  const store = new SqliteStore(old, true);
  for (const table of SHAPES.find((each) => each.system === system)?.tables ?? []) {
    store.make(table);
    for (const cells of table.part === '' || table.part === 'entry' ? (rows[table.name] ?? []) : []) store.upsert(table, cells);
  }
  store.commit();
  store.close();
  const db = new DatabaseSync(old);
  db.exec(`pragma application_id = 0; ${more}`);
  db.close();
}

const AT = (n: number) => `2026-01-05 10:0${n}:00.000000`;
const TRADE = { symbol: 'EURUSD', direction: 'long', entry_price: 1.1, entry_time: AT(0), lot_size: 0.30000000000000004, status: 'open', execution_mode: 'paper', created_at: AT(0), mt5_ticket: 9007199254740993n };
const TRADER: Record<string, Cells[]> = {
  predictions: [{ id: 3n, timestamp: AT(0), symbol: 'EUR/USD', direction: 'short', confidence: 0.1, prob_up: 0.9, pred_1h: 0n, conf_1h: 0.5, should_trade: 1n, used_by_agent: 1n, dynamic_threshold_used: 0.55, vix_value: 18.25, created_at: AT(0) }],
  trades: [
    { id: 5n, ...TRADE, prediction_id: 3n }, { id: 6n, ...TRADE, status: 'closed', exit_price: 1.2, exit_time: AT(5), exit_reason: 'take_profit', pnl_usd: -0.1, is_winner: 0n, take_profit: 1.25, max_holding_bars: 24n, pips: 100.00000000000001, updated_at: AT(5) },
  ],
  trade_explanations: [{ id: 1n, trade_id: 6n, prediction_id: 3n, explanation: 'because', confidence_factors: '{"a": 1.50}', risk_factors: null, llm_model: 'gpt', created_at: AT(1) }],
  performance_snapshots: [{ id: 1n, timestamp: AT(1), balance: 100000.01, equity: 99999.99, unrealized_pnl: -0.02, total_trades: 1n, winning_trades: 0n, losing_trades: 1n, total_pips: 0, total_pnl_usd: 0, predictions_made: 0n, predictions_correct: 0n }],
  market_data: [{ id: 8n, symbol: 'EURUSD', timestamp: AT(0), open: 1.1, high: 1.3, low: 1, close: 1.2, volume: 12.5, timeframe: '5min' }],
  circuit_breaker_events: [{ id: 2n, breaker_type: 'drawdown', action: 'triggered', triggered_at: AT(2), value: 15.5, event_metadata: '{"reason": "too much"}', created_at: AT(2) }],
  agent_commands: [{ id: 1n, command: 'start', payload: '{}', status: 'pending', created_at: AT(0) }],
};

describe('what is imported', () => {
  it('from AI Trader comes back cell by cell, with open trades, candles and a table that nobody knows', async () => {
    write('ai-trader', TRADER, `create table mine (a, b text); insert into mine values (1.0, x'00ff'), (null, 'b'); alter table trades add column note text; update trades set note = 'mine' where id = 6`);
    expect(await importPath(t, old, 'ai-trader')).toMatchObject({ status: 'finished', rejected: 0 });
    const report = await exportPath(t, out, 'ai-trader');
    expect(report.leftOut).toEqual([]);
    expect(await contentOf(out, 'ai-trader', [])).toEqual(await contentOf(old, 'ai-trader', []));
    const again = await importPath(t, out, 'ai-trader');
    expect(again.tables.filter(({ imported, archived, rejected }) => imported + archived + rejected > 0)).toEqual([]);
  });

  it('from SigmaTrader comes back from each of its eighty tables', async () => {
    writeSigmatrader(old);
    const db = new DatabaseSync(old);
    db.exec('update users set theme_id = null');
    db.close();
    const first = await importPath(t, old, 'sigmatrader');
    expect(first).toMatchObject({ status: 'finished', rejected: 0 });
    const report = await exportPath(t, out, 'sigmatrader');
    expect(report.leftOut.filter(({ code }) => code !== 'CURRENCY_OTHER' && code !== 'OTHER_SOURCE')).toEqual([]);
    const [mine, theirs] = [await contentOf(out, 'sigmatrader', first.secrets), await contentOf(old, 'sigmatrader', first.secrets)];
    expect(Object.keys(theirs).length).toBeGreaterThan(60);
    expect(Object.fromEntries(Object.keys(theirs).map((name) => [name, mine[name]]))).toEqual(theirs);
  });

  it('and changed here since, is changed there in what we hold, and in nothing else', async () => {
    write('ai-trader', TRADER);
    await importPath(t, old, 'ai-trader', 'changed');
    await t.db.query(`update trades set status = 'closed', version = 2, exit_price = 1.15, exit_time = '2026-02-01T10:00:00.25Z', exit_reason = 'stop', gross_profit = 3.3, finished_at = '2026-02-01T10:00:00.25Z', updated_at = '2026-02-01T10:00:01Z'
      where id = (select r.target_id from import_rows r join import_tables i on i.id = r.table_id where i.source = 'changed' and i.name = 'trades' and r.old_id = '5')`);
    await exportPath(t, out, 'ai-trader', 'changed');
    const db = new DatabaseSync(out, { readOnly: true });
    const statement = db.prepare('select * from trades where id in (5, 6) order by id');
    statement.setReadBigInts(true);
    const [five, six] = statement.all();
    db.close();
    const nothing = { exit_price: null, exit_time: null, exit_reason: null, position_value: null, take_profit: null, stop_loss: null, max_holding_bars: null, pips: null, pnl_usd: null, is_winner: null, confidence: null, updated_at: null, risk_percentage_used: null, broker: null, explanation_id: null };
    expect({ ...five }).toEqual({
      ...nothing, ...TRADER.trades?.[0], confidence: 0.1, status: 'closed', exit_price: 1.15, exit_time: '2026-02-01 10:00:00.250000', exit_reason: 'sl', pnl_usd: 3.3, is_winner: 1n, updated_at: '2026-02-01 10:00:01.000000',
    });
    expect({ ...six }).toEqual({ ...nothing, prediction_id: null, ...TRADER.trades?.[1] });
  });

  it('after rows of ours went there, does not come back twice: they are kept beside, and what is here stays as it is', async () => {
    write('ai-trader', TRADER);
    await importPath(t, old, 'ai-trader', 'returning');
    const agent = await t.agent();
    const made = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'since', symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: new Date().toISOString() } });
    expect(made.status).toBe(201);
    await exportPath(t, out, 'ai-trader', 'returning');
    const trades = () => t.db.query('select id from trades order by id');
    const before = await trades();
    const again = await importPath(t, out, 'ai-trader', 'returning');
    expect(again).toMatchObject({ status: 'finished', rejected: 0, proof: { ok: true } });
    expect(again.notes).toMatchObject({ EXPORTED_HERE: expect.any(Number) });
    expect(await trades()).toEqual(before);
    expect((await importPath(t, out, 'ai-trader', 'returning')).tables.filter(({ imported, archived }) => imported + archived > 0)).toEqual([]);
  });
});
