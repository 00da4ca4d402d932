import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExportReport } from '../../src/legacy/export/export-report.js';
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

function columnsOf(path: string, table: string): unknown[] {
  using db = new DatabaseSync(path, { readOnly: true });
  return db.prepare('select name, upper(type) as type, pk from pragma_table_info(?)').all(table).map((row) => ({ ...row }));
}

/** Rows of other sources are other tests'. */
const leftOut = (report: ExportReport) => report.leftOut.filter(({ code }) => code !== 'OTHER_SOURCE');

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

  it('from an older revision of SigmaTrader comes back without the indexes of columns that it lacks', async () => {
    write('sigmatrader', {}, `drop table orders; create table orders (id integer primary key, symbol varchar(128) not null, side varchar(8) not null, qty float not null, status varchar(32) not null, created_at datetime not null, updated_at datetime not null);
      insert into orders values (3, 'NSE:INFY', 'BUY', 1, 'CANCELLED', '${AT(0)}', '${AT(0)}'); update alembic_version set version_num = '0021'`);
    expect(await importPath(t, old, 'sigmatrader', 'older')).toMatchObject({ status: 'finished', rejected: 0 });
    await exportPath(t, out, 'sigmatrader', 'older');
    expect(columnsOf(out, 'orders')).toEqual(columnsOf(old, 'orders'));
    using db = new DatabaseSync(out, { readOnly: true });
    expect(db.prepare(`select name from sqlite_master where name in ('ix_orders_symbol_time', 'ix_orders_sent_at')`).all().map(({ name }) => name)).toEqual(['ix_orders_symbol_time']);
  });

  it('has its types and keys again, in tables of another shape and in those that nobody knows, also without a row', async () => {
    write('ai-trader', TRADER, `create table mine (k text, at integer, v numeric, primary key (k, at)); insert into mine values ('a', 1, 2); create table without_rows (a integer primary key, b text);
      alter table circuit_breaker_events add column severity varchar(20); update circuit_breaker_events set severity = 'critical'`);
    await importPath(t, old, 'ai-trader', 'typed');
    expect(leftOut(await exportPath(t, out, 'ai-trader', 'typed'))).toEqual([]);
    for (const name of ['mine', 'without_rows', 'circuit_breaker_events']) expect([name, columnsOf(out, name)]).toEqual([name, columnsOf(old, name)]);
    expect((await importPath(t, out, 'ai-trader', 'typed')).tables.filter(({ imported, archived, rejected }) => imported + archived + rejected > 0)).toEqual([]);
  });

  it('of a setting that was a secret is JSON still, which the old program parses with the row', async () => {
    write('ai-trader', { configuration_settings: [{ id: 1n, category: 'system', key: 'openai_api_key', value: '"sk-proj-abcdefghijklmnop1234"', value_type: 'string', version: 1n, updated_at: AT(0), created_at: AT(0) }] });
    await importPath(t, old, 'ai-trader', 'secret setting');
    await exportPath(t, out, 'ai-trader', 'secret setting');
    using db = new DatabaseSync(out, { readOnly: true });
    expect({ ...db.prepare('select value, json_valid(value) as valid from configuration_settings').get() }).toEqual({ value: '"[secret removed]"', valid: 1 });
  });

  it('explains a trade that is not there any more, as a review', async () => {
    write('ai-trader', { ...TRADER, trade_explanations: [{ id: 4n, trade_id: 99n, prediction_id: 3n, explanation: 'it was', confidence_factors: null, risk_factors: null, llm_model: null, created_at: AT(1) }] });
    expect(await importPath(t, old, 'ai-trader', 'orphan')).toMatchObject({ status: 'finished', rejected: 0, notes: { REFERENCE_MISSING: 1 }, proof: { ok: true } });
    expect(await t.db.query(`select kind, trade_id, prediction_id is not null as predicted from trade_explanations where explanation = 'it was'`)).toEqual([{ kind: 'review', trade_id: null, predicted: true }]);
    await exportPath(t, out, 'ai-trader', 'orphan');
    using db = new DatabaseSync(out, { readOnly: true });
    expect({ ...db.prepare('select id, trade_id from trade_explanations').get() }).toEqual({ id: 4, trade_id: 99 });
  });

  it('from databases of one folder comes back in one, each with its counter, and a table of a user as it is now', async () => {
    mkdirSync(old);
    const made = (name: string, sql: string) => { using db = new DatabaseSync(join(old, name)); db.exec(sql); };
    made('trades.db', `create table trades_0001 (id integer primary key autoincrement, status text not null, date text not null, time text not null, symbol text, market text, trade_strategy text, contract text, strike text not null, side text not null, prob real, diff text,
      buy_price real not null, position integer not null, sell_price real, closed_at text, fees real, pnl real, symbol_open real, symbol_close real, momentum real, volatility real, win_loss text, ticker text, ticket_id text, market_id text, momentum_delta real, entry_method text, close_method text);
      insert into trades_0001 (id, status, date, time, strike, side, buy_price, position, ticker, ticket_id) values (41, 'open', '2025-08-01', '13:05:07', '$118,750', 'Y', 0.92, 1, 'KXBTCD-25AUG0114-T118749.99', 'TICKET-a')`);
    made('orders.db', `create table orders (id integer primary key autoincrement, order_id text unique, ticker text, status text, queue_position integer, yes_price integer, maker_fees integer); insert into orders values (7, 'o-7', 'X', 'executed', 0, 92, 0)`);
    expect(await importPath(t, old, 'rec-io')).toMatchObject({ status: 'finished', rejected: 0 });
    await t.db.query(`update trades set status = 'closed', version = 2, exit_price = 1, exit_time = '2025-08-01T18:00:00Z', exit_reason = 'operator', gross_profit = 0.08, finished_at = '2025-08-01T18:00:00Z' where broker_ticket = 'TICKET-a'`);
    expect(leftOut(await exportPath(t, out, 'rec-io'))).toEqual([]);
    using db = new DatabaseSync(out, { readOnly: true });
    expect(db.prepare('select name, seq from sqlite_sequence order by name').all().map((row) => ({ ...row }))).toEqual([{ name: 'orders', seq: 7 }, { name: 'trades_0001', seq: 41 }]);
    expect({ ...db.prepare('select id, status, sell_price, pnl, close_method from trades_0001').get() }).toEqual({ id: 41, status: 'closed', sell_price: 1, pnl: 0.08, close_method: 'manual' });
    expect(columnsOf(out, 'trades_0001')).toEqual(columnsOf(join(old, 'trades.db'), 'trades_0001'));
    expect(db.prepare('select count(*) as n from trades where ticket_id = ?').get('TICKET-a')?.n).toBe(0);
  });

  it('from a watcher alone is a watcher alone again, although an export has a table for trades', async () => {
    write('rec-io', { active_trades: [{ id: 2n, trade_id: 9n, ticket_id: 'T', date: '2025-08-01', time: '13:05:07', strike: '$118,750', side: 'Y', buy_price: 0.92, position: 1n }] }, 'drop table trades');
    const first = await importPath(t, old, 'rec-io', 'watcher');
    await exportPath(t, out, 'rec-io', 'watcher');
    const again = await importPath(t, out, 'rec-io', 'watcher again');
    const watched = ({ tables }: typeof first) => tables.filter(({ name }) => name === 'active_trades').map(({ read, imported, archived }) => [read, imported, archived]);
    expect([watched(first), watched(again)]).toEqual([[[1, 0, 1]], [[1, 0, 1]]]);
  });

  it('from a CSV file of PostgreSQL goes by its id: it comes back as it is now, and does not come in twice', async () => {
    mkdirSync(old);
    writeFileSync(join(old, 'trades.csv'), `id,date,time,strike,side,buy_price,position,status,closed_at,ticker,ticket_id,created_at\n5,2025-08-01,13:05:07,"$118,750",Y,0.9200,1,open,,KXBTCD-25AUG0114-T118749.99,TICKET-csv,2025-08-01 13:05:07-04\n`);
    expect(await importPath(t, old, 'rec-io', 'csv')).toMatchObject({ status: 'finished', rejected: 0 });
    await t.db.query(`update trades set status = 'closed', version = 2, exit_price = 1, exit_time = '2025-08-01T18:00:00Z', exit_reason = 'operator', gross_profit = 0.08, finished_at = '2025-08-01T18:00:00Z' where broker_ticket = 'TICKET-csv'`);
    await exportPath(t, out, 'rec-io', 'csv');
    using db = new DatabaseSync(out, { readOnly: true });
    expect(db.prepare(`select id, status, buy_price, position from trades where ticket_id = 'TICKET-csv'`).all().map((row) => ({ ...row }))).toEqual([{ id: 5, status: 'closed', buy_price: 0.92, position: 1 }]);
    expect((await importPath(t, out, 'rec-io', 'csv')).tables.find(({ name }) => name === 'trades')).toMatchObject({ imported: 0, archived: 0 });
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
