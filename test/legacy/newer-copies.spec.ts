import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { figures, Importer } from '../support/fuzz-import.js';

let t: TestApp;
let importer: Importer;
beforeAll(async () => {
  t = await startTestApp();
  importer = new Importer(t);
});
afterAll(() => t.close());

let names = 0;
const newName = () => `copies ${++names}`;
const folder = () => mkdtempSync(join(tmpdir(), 'tradewarden-copies-'));
const codes = (report: { rejects: { table: string; oldId: string; code: string }[] }) => report.rejects.map(({ table, oldId, code }) => `${table} ${oldId} ${code}`);
const tradesOf = (name: string) => t.db.query<{ id: string; status: string; mode: string; exit: string | null; account: string }>(
  `select r.old_id as id, t.status, t.execution_mode as mode, trim_scale(t.exit_price)::text as exit, a.name as account from import_tables i join import_rows r on r.table_id = i.id join trades t on t.id = r.target_id
   join accounts a on a.id = t.account_id where i.source = $1 order by i.name, r.old_id`, [name]);

function database(statements: string): string {
  const path = join(folder(), 'old.db');
  const db = new DatabaseSync(path);
  db.exec(statements);
  db.close();
  return path;
}

function files(of: Record<string, string>): string {
  const root = join(folder(), 'data');
  for (const [path, content] of Object.entries(of)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const TRADES = `create table trades (id integer primary key autoincrement, status text, date text, time text, side text, buy_price real, position integer, sell_price real, closed_at text, fees real, pnl real, win_loss text, ticker text, ticket_id text);
  create table settlements (id integer primary key autoincrement, ticker text, market_result text);
  create table active_trades (id integer primary key, trade_id integer, ticket_id text, date text, time text, strike text, side text, buy_price real, position integer, ticker text, status text);`;
const contract = (id: number, status = 'expired') => `insert into trades (id, status, date, time, side, buy_price, position, ticker) values (${id}, '${status}', '2025-08-0${id}', '10:05:00', 'Y', 0.9, 2, 'KXBTCD-25AUG0${id}11-T1000')`;
const watched = (trade: number) => `insert into active_trades (id, trade_id, date, time, strike, side, buy_price, position, ticker, status) values (1, ${trade}, '2025-08-05', '10:05:00', '$1', 'Y', 0.9, 2, 'KXBTCD-25AUG0511-T1000', 'active')`;

describe('a newer copy of a source that lives on', () => {
  it('takes a contract whose settlement came later for a changed row, and with --update for a closed trade', async () => {
    const name = newName();
    expect((await importer.run(database(`${TRADES} ${contract(1)}; ${contract(2)}`), 'rec-io', name)).error).toBeNull();
    expect(await tradesOf(name)).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }]);
    const newer = database(`${TRADES} ${contract(1)}; ${contract(2)}; ${contract(3)}; insert into settlements (ticker, market_result) values ('KXBTCD-25AUG0111-T1000', 'yes')`);
    const report = await importer.run(newer, 'rec-io', name);
    expect([report.error, codes(report)]).toEqual([null, ['trades 1 ROW_CHANGED']]);
    expect(figures(report).trades).toEqual([3, 1, 1, 0, 1]);
    const updated = await importer.run(newer, 'rec-io', name, { update: true });
    expect([updated.error, codes(updated)]).toEqual([null, []]);
    expect(await tradesOf(name)).toMatchObject([{ id: '1', status: 'closed', exit: '1' }, { id: '2', status: 'unknown' }, { id: '3', status: 'unknown' }]);
    expect(figures(await importer.run(newer, 'rec-io', name))).toMatchObject({ trades: [3, 0, 3, 0, 0], settlements: [1, 0, 1, 0, 0] });
  });

  it("takes over SQLite's own counters without being told", async () => {
    const name = newName();
    await importer.run(database(`${TRADES} ${contract(1)}`), 'rec-io', name);
    const report = await importer.run(database(`${TRADES} ${contract(1)}; ${contract(2)}`), 'rec-io', name, { acceptRejects: false });
    expect([report.error, figures(report).sqlite_sequence]).toEqual([null, [1, 0, 0, 1, 0]]);
    expect(await t.db.query(`select original ->> 'seq' as seq from import_archive a join import_tables i on i.id = a.table_id where i.source = $1 and i.name = 'sqlite_sequence'`, [name])).toEqual([{ seq: '2' }]);
  });

  it('lets a row move between archive and table with --update, says what stays of it, and gives both back', async () => {
    const name = newName();
    const first = await importer.run(database(`${TRADES} ${contract(1, 'open')}; ${watched(1)}`), 'rec-io', name);
    expect(figures(first).active_trades).toEqual([1, 0, 0, 1, 0]);
    const before = await importer.digest();
    const orphan = database(`${TRADES} ${contract(1, 'open')}; ${watched(9)}`);
    expect(codes(await importer.run(orphan, 'rec-io', name))).toEqual(['active_trades 1 ROW_CHANGED']);
    const out = await importer.run(orphan, 'rec-io', name, { update: true, acceptRejects: false });
    expect([out.error, figures(out).active_trades, out.proof?.ok]).toEqual([null, [1, 1, 0, 0, 0], true]);
    expect(figures(await importer.run(orphan, 'rec-io', name)).active_trades).toEqual([1, 0, 1, 0, 0]);
    // A third turn is a person's to look at.
    expect(codes(await importer.run(database(`${TRADES} ${contract(1, 'open')}; ${watched(1)}`), 'rec-io', name, { update: true }))).toEqual(['active_trades 1 ROW_CHANGED']);
    await importer.back(out.runId);
    expect(await importer.digest()).toEqual(before);
  });

  const outcome = (id: string, size: string, more = {}) => JSON.stringify({ trade_id: id, product: 'BTC-USD', side: 'LONG', entry_time: '2026-02-01T10:00:00Z', entry_price: '100', entry_size: '1', exit_time: '2026-02-01T12:00:00Z', exit_price: '110', exit_size: size, realized_pnl: String(10 * Number(size)), fees: '0', ...more });
  const held = JSON.stringify({ 'ETH-USD_LONG': { trade_id: 'open-A', product: 'ETH-USD', side: 'LONG', entry_time: '2026-03-01T00:00:00Z', entry_price: '3000', entry_size: '1' } });
  it('takes a position that trade_outcomes has closed meanwhile, and a close that an earlier file tells of', async () => {
    const name = newName();
    const old = { 'trade_outcomes/2026-02-27.jsonl': `${outcome('a', '0.4')}\n${outcome('a', '0.6')}\n`, 'open_positions_state.json': held };
    expect((await importer.run(files(old), 'finance-feedback-engine', name)).error).toBeNull();
    const newer = files({ ...old, 'trade_outcomes/2026-02-01.jsonl': `${outcome('a', '1')}\n`, 'trade_outcomes/2026-03-02.jsonl': `${outcome('open-A', '1', { product: 'ETH-USD' })}\n` });
    const report = await importer.run(newer, 'finance-feedback-engine', name);
    expect([report.error, codes(report)]).toEqual([null, ['trade_outcomes trade_outcomes/2026-02-27.jsonl#1 ROW_CHANGED', 'trade_outcomes trade_outcomes/2026-02-27.jsonl#2 ROW_CHANGED', 'open_positions open_positions_state.json#ETH-USD_LONG ROW_CHANGED']]);
    const updated = await importer.run(newer, 'finance-feedback-engine', name, { update: true, acceptRejects: false });
    expect([updated.error, updated.notes['STILL_HERE']]).toEqual([null, 3]);
  });

  const signals = (more: string) => `create table predictions (id integer primary key, timestamp text, symbol text, direction text, confidence real, prob_up real, should_trade integer, created_at text);
    create table trades (id integer primary key, prediction_id integer, symbol text, direction text, entry_price real, entry_time text, exit_price real, exit_time text, exit_reason text, lot_size real, pnl_usd real, is_winner integer, status text, created_at text);
    create table notes (id integer primary key, body text); create table configuration_settings (id integer primary key, category text, key text, value text, value_type text);
    insert into trades values (1, 7, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00', 1.2, '2026-01-05 11:00:00', 'tp', 0.1, 5, 1, 'closed', '2026-01-05 10:00:00'); insert into notes values (1, 'it is Xy77pass-Word99, he said'); ${more}`;
  it('fills a reference whose row has come since, with --update', async () => {
    const name = newName();
    expect((await importer.run(database(signals('')), 'ai-trader', name)).notes['REFERENCE_MISSING']).toBe(1);
    const newer = database(signals(`insert into predictions values (7, '2026-01-05 09:00:00', 'EURUSD', 'long', 0.7, 0.7, 1, '2026-01-05 09:00:00')`));
    const report = await importer.run(newer, 'ai-trader', name);
    expect([report.error, codes(report)]).toEqual([null, ['trades 1 ROW_CHANGED']]);
    expect((await importer.run(newer, 'ai-trader', name, { update: true, acceptRejects: false })).error).toBeNull();
    expect(await t.db.query(`select p.symbol from import_tables i join import_rows r on r.table_id = i.id join trades t on t.id = r.target_id join predictions p on p.id = t.prediction_id where i.source = $1`, [name])).toEqual([{ symbol: 'EURUSD' }]);
  });

  it('takes a text for changed in which there is a secret by what has come since', async () => {
    const name = newName();
    await importer.run(database(signals('')), 'ai-trader', name);
    const newer = database(signals(`insert into configuration_settings values (1, 'agent', 'mt5_password', 'Xy77pass-Word99', 'str')`));
    const report = await importer.run(newer, 'ai-trader', name);
    expect([report.error, codes(report)]).toEqual([null, ['notes 1 ROW_CHANGED']]);
    expect((await importer.run(newer, 'ai-trader', name, { update: true, acceptRejects: false })).error).toBeNull();
    expect(await t.db.query(`select original ->> 'body' as body from import_archive a join import_tables i on i.id = a.table_id where i.source = $1 and i.name = 'notes'`, [name])).toEqual([{ body: 'it is [secret removed], he said' }]);
  });

  const sigma = (rules: string, more = '') => database(`create table signal_strategies (id integer primary key, scope text, owner_id integer, name text, description text, tags_json text, regimes_json text, latest_version integer, created_at text, updated_at text);
    create table signal_strategy_versions (id integer primary key, strategy_id integer, version integer, inputs_json text, variables_json text, outputs_json text, created_at text, compatibility_json text, enabled integer);
    create table positions (id integer primary key, broker_name text, symbol text, exchange text, product text, qty real, avg_price real, pnl real, last_updated text);
    insert into signal_strategies values (1, 'USER', 1, 'swings', null, '[]', '[]', 1, null, null); insert into signal_strategy_versions values (1, 1, 1, '${rules}', '[]', '[]', null, '{}', 1);
    insert into positions values (4, 'zerodha', 'INFY', 'NSE', 'CNC', 10, 1500, 0, null); ${more}`);
  it('takes rules of which only the version beside them changed, with --update, as their next version', async () => {
    const name = newName();
    expect((await importer.run(sigma('[{"name": "a"}]'), 'sigmatrader', name, { acceptRejects: false })).error).toBeNull();
    const newer = sigma('[{"name": "b"}]');
    const report = await importer.run(newer, 'sigmatrader', name);
    expect([report.error, codes(report)]).toEqual([null, ['signal_strategies 1 ROW_CHANGED', 'signal_strategy_versions 1 ROW_CHANGED']]);
    const updated = await importer.run(newer, 'sigmatrader', name, { update: true, acceptRejects: false });
    expect([updated.error, updated.proof?.ok]).toEqual([null, true]);
    expect(await t.db.query(`select v.version, v.content -> 'entryConditions' -> 'sigmatrader' -> 'inputs' -> 0 ->> 'name' as input from import_tables i join import_rows r on r.table_id = i.id join strategy_versions v on v.strategy_id = r.target_id where i.source = $1 order by 1`, [name]))
      .toEqual([{ version: 1, input: 'a' }, { version: 2, input: 'b' }]);
  });

  it('finds a position that says no time as it was: the time of an import is not part of what is known of it', async () => {
    const name = newName();
    const path = sigma('[]');
    expect((await importer.run(path, 'sigmatrader', name, { acceptRejects: false })).error).toBeNull();
    const again = await importer.run(path, 'sigmatrader', name, { acceptRejects: false });
    expect([again.error, figures(again).positions]).toEqual([null, [1, 0, 1, 0, 0]]);
    const newer = await importer.run(sigma('[]', "insert into positions values (5, 'zerodha', 'TCS', 'NSE', 'CNC', 10, 3500, 0, null)"), 'sigmatrader', name, { acceptRejects: false });
    expect([newer.error, figures(newer).positions]).toEqual([null, [2, 1, 1, 0, 0]]);
  });
});

describe('whose rows they are', () => {
  it('is said once: the next run of a source goes on with the accounts and the mode that were named', async () => {
    const name = newName();
    await t.db.query(`insert into accounts (id, name, kind, currency, margin_mode) values (gen_random_uuid(), $1, 'paper', 'USD', 'netting')`, [`of ${name}`]);
    expect((await importer.run(database(`${TRADES} ${contract(1)}`), 'rec-io', name, { account: `of ${name}`, mode: 'paper' })).notes['MODE_NOT_SAID']).toBeUndefined();
    const report = await importer.run(database(`${TRADES} ${contract(1)}; ${contract(2)}`), 'rec-io', name, { acceptRejects: false });
    expect([report.error, figures(report).trades]).toEqual([null, [2, 1, 1, 0, 0]]);
    expect(await tradesOf(name)).toMatchObject([{ mode: 'paper', account: `of ${name}` }, { mode: 'paper', account: `of ${name}` }]);
  });

  it('is live and noted where neither the source nor anybody says it, and what the source says goes before', async () => {
    const name = newName();
    expect((await importer.run(database(`${TRADES} ${contract(1)}`), 'rec-io', name)).notes['MODE_NOT_SAID']).toBe(1);
    expect(await tradesOf(name)).toMatchObject([{ mode: 'live' }]);
    const said = newName();
    const root = files({ 'account_mode_state.json': '{"mode": "prod"}' });
    const db = new DatabaseSync(join(root, 'trades.db'));
    db.exec(`${TRADES} ${contract(1)}`);
    db.close();
    await importer.run(root, 'rec-io', said, { mode: 'paper' });
    expect(await tradesOf(said)).toMatchObject([{ mode: 'live' }]);
  });
});
