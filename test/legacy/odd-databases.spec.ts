import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { textOf } from '../../src/cli/import-text.js';
import type { ImportReport } from '../../src/legacy/load/import-run.js';
import type { System } from '../../src/legacy/profile.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { Importer } from '../support/fuzz-import.js';
import { contentOf, exportPath, importPath } from '../support/round-trip.js';

let t: TestApp;
let old: string;
let out: string;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tradewarden-odd-'));
  [old, out] = [join(folder, 'old.db'), join(folder, 'out.db')];
});
afterEach(() => rmSync(join(old, '..'), { recursive: true, force: true }));

function write(sql: string, path = old): void {
  writeFileSync(path, '');
  using db = new DatabaseSync(path);
  db.exec(sql);
}

function rowsOf(path: string, sql: string): unknown[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all().map((row) => ({ ...row }));
}

const columnsOf = (path: string, table: string): unknown[] => rowsOf(path, `select name, upper(type) as type from pragma_table_info('${table}')`);
const changedIn = ({ tables }: ImportReport) => tables.filter(({ name, imported, archived, rejected }) => name !== 'sqlite_sequence' && imported + archived + rejected > 0).map(({ name }) => name);
const gone = (report: ImportReport) => expect([report.status, report.rejects.map(({ table, oldId, code }) => `${table} ${oldId} ${code}`), report.proof?.ok, changedIn(report)]).toEqual(['finished', [], true, []]);

/** There and back: what came comes back, and is what it was. */
async function roundTrip(system: System, name: string): Promise<ImportReport> {
  const first = await importPath(t, old, system, name);
  expect([first.status, first.rejected, first.proof?.ok]).toEqual(['finished', 0, true]);
  await exportPath(t, out, system, name);
  gone(await importPath(t, out, system, name));
  return first;
}

describe('names in capitals, which SQLite takes for the same', () => {
  const TRADER = `create table "Predictions" ("ID" integer primary key, "Timestamp" datetime, "SYMBOL" varchar(20), "Direction" varchar(10), "Confidence" float, "prob_Up" float, "Market_Regime" text, "Created_At" datetime, "My Note" text);
    create table TRADES (Id integer primary key autoincrement, Prediction_ID integer, Symbol text, Direction text, Entry_Price float, Entry_Time text, Exit_Price float, Exit_Time text, Exit_Reason text, Lot_Size float, Pips float, Pnl_USD float, Is_Winner boolean, Status text,
      Execution_Mode text, API_Key text);
    create table "Watch List" ("Sym" text primary key, "Weight" real);
    insert into Predictions values (7, '2026-01-05 10:00:00.000000', 'EURUSD', 'long', 0.7, 0.7, 'ranging', '2026-01-05 10:00:00.000000', 'mine');
    insert into TRADES values (4, 7, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00.000000', 1.2, '2026-01-06 10:00:00.000000', 'tp', 0.1, 10.0, 25.5, 1, 'closed', 'live', 'Zq9kvB7xLm3QwRt');
    insert into "Watch List" values ('EURUSD', 0.5); update sqlite_sequence set seq = 90`;

  it('are those that a system is known by: its money comes over, its secrets do not, and they come back as they were spelled', async () => {
    write(TRADER);
    const report = await roundTrip('ai-trader', 'capitals');
    expect(report.tables.filter(({ read }) => read > 0).map(({ name, target, read, imported }) => [name, target, read, imported])).toEqual([
      ['Predictions', 'predictions', 1, 1], ['TRADES', 'trades', 1, 1], ['Watch List', 'archive', 1, 0], ['sqlite_sequence', 'archive', 1, 0],
    ]);
    expect([report.sums, report.secrets]).toEqual([{ TRADES: { pnl_usd: { source: '25.5', target: '25.5' } } }, [{ table: 'TRADES', column: 'API_Key', count: 1 }]]);
    expect(await t.db.query(`select trim_scale(t.gross_profit)::text as gross, t.execution_mode as mode, p.market_regime as regime from trades t join predictions p on p.id = t.prediction_id join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id where i.source = 'capitals'`))
      .toEqual([{ gross: '25.5', mode: 'live', regime: 'ranging' }]);
    expect(rowsOf(out, `select name from sqlite_schema where name in ('Predictions', 'TRADES', 'Watch List') order by name`)).toEqual([{ name: 'Predictions' }, { name: 'TRADES' }, { name: 'Watch List' }]);
    for (const name of ['Predictions', 'Watch List']) expect(columnsOf(out, name)).toEqual(columnsOf(old, name));
    expect(rowsOf(out, 'select * from TRADES')).toEqual([{ ...(rowsOf(old, 'select * from TRADES')[0] as object), API_Key: '[secret removed]' }]);
    expect(rowsOf(out, `select seq from sqlite_sequence where name = 'TRADES'`)).toEqual([{ seq: 90n }]);
  });

  it('of one column do not make its figures null', async () => {
    write(`create table trades (id integer primary key, symbol text, direction text, entry_price float, entry_time text, exit_price float, exit_time text, lot_size float, pips float, PNL_usd float, is_winner boolean, status text);
      insert into trades values (1, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00', 1.2, '2026-01-05 11:00:00', 0.1, 1, -3.25, 0, 'closed')`);
    expect((await importPath(t, old, 'ai-trader', 'one capital')).sums).toEqual({ trades: { pnl_usd: { source: '-3.25', target: '-3.25' } } });
  });

  it('are rec_io and SigmaTrader too', async () => {
    write(`create table Trades_0001 (ID integer primary key autoincrement, Status text, Date text, Time text, Strike text, Side text, Buy_Price real, Position integer, Ticker text);
      insert into Trades_0001 values (1, 'open', '2025-08-01', '13:05:07', '$1', 'Y', 0.92, 1, 'KXBTCD-25AUG0114-T1')`);
    expect((await roundTrip('rec-io', 'capital contracts')).tables.map(({ name, imported }) => [name, imported])).toContainEqual(['Trades_0001', 1]);
    rmSync(out);
    write(`create table Orders (ID integer primary key, Symbol text, Side text, Qty float, Price float, Status text, Product text, Execution_Target text, Order_Type text, Created_At datetime, Updated_At datetime);
      create table Analytics_Trades (ID integer primary key, Entry_Order_ID integer, Exit_Order_ID integer, PnL float, Opened_At datetime, Closed_At datetime);
      insert into Orders values (1, 'NSE:INFY', 'BUY', 2, 10, 'EXECUTED', 'CNC', 'LIVE', 'MARKET', '2025-11-03 04:00:00', '2025-11-03 04:00:00'), (2, 'NSE:INFY', 'SELL', 2, 11, 'EXECUTED', 'CNC', 'LIVE', 'MARKET', '2025-11-03 05:00:00', '2025-11-03 05:00:00');
      insert into Analytics_Trades values (1, 1, 2, 2.0, '2025-11-03 04:00:00', '2025-11-03 05:00:00')`);
    expect((await roundTrip('sigmatrader', 'capital orders')).sums).toEqual({ Analytics_Trades: { pnl: { source: '2', target: '2' } } });
  });
});

describe('a database of another make', () => {
  it('in UTF-16 has the same text that is none as one in UTF-8, and it comes back', async () => {
    const contract = (encoding: string) => `pragma encoding = '${encoding}'; create table trades (id integer primary key, status text, date text, time text, strike text, side text, buy_price real, position integer, ticker text);
      insert into trades values (1, 'open', '2025-08-01', '13:05:07', '$1' || char(0) || 'é', 'Y', 0.92, 1, 'KXBTCD-25AUG0114-T1')`;
    write(contract('UTF-8'), out);
    const plain = await contentOf(out, 'rec-io', []);
    rmSync(out);
    for (const encoding of ['UTF-16le', 'UTF-16be']) {
      write(contract(encoding));
      expect(await contentOf(old, 'rec-io', [])).toEqual(plain);
      await roundTrip('rec-io', encoding);
      expect(rowsOf(out, 'select hex(cast(strike as blob)) as strike from trades')).toEqual([{ strike: '243100C3A9' }]);
      rmSync(out);
    }
  });

  it('that is STRICT keeps what stands in its ANY as it is', async () => {
    write(`create table trades (id integer primary key, status text, date text, time text, strike text, side text, buy_price real, position integer, ticker text);
      insert into trades values (1, 'open', '2025-08-01', '13:05:07', '$1', 'Y', 0.92, 1, 'KXBTCD-25AUG0114-T1');
      create table notes (id integer primary key, said any) strict; insert into notes values (1, 9007199254740993), (2, '9007199254740993'), (3, '1.50')`);
    await roundTrip('rec-io', 'strict');
    const said = 'select said, typeof(said) as type from notes order by id';
    expect(rowsOf(out, said)).toEqual(rowsOf(old, said));
  });

  it('says its sums of money the second time and in a proof alone as it did the first time', async () => {
    write(`create table trades (id integer primary key, symbol text, direction text, entry_price float, entry_time text, exit_price float, exit_time text, lot_size float, pips float, pnl_usd float, is_winner boolean, status text);
      insert into trades values (1, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00', 1.2, '2026-01-05 11:00:00', 0.1, 1, 0.3, 0, 'closed'), (2, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00', 1.2, '2026-01-05 11:00:00', 0.1, 1, 0.1, 0, 'closed')`);
    const first = await importPath(t, old, 'ai-trader', 'sums');
    const second = await importPath(t, old, 'ai-trader', 'sums');
    for (const report of [first, second, { ...second, tables: [], sums: {} }]) expect(textOf(report)).toContain('\nSum of trades.pnl_usd: 0.4 in the source, 0.4 here\n');
  });

  it('whose columns have no types takes in them what they are given, as before', async () => {
    write(`create table trades (id integer primary key, symbol text, direction, entry_price, entry_time, exit_price, exit_time, lot_size, pips, pnl_usd, is_winner, status, confidence);
      insert into trades values (1, 'EURUSD', 'long', '1.10', '2026-01-05 10:00:00', '1.20', '2026-01-05 11:00:00', '0.10', '5', '3.50', '1', 'closed', 2)`);
    await roundTrip('ai-trader', 'typeless');
    expect(columnsOf(out, 'trades')).toEqual(columnsOf(old, 'trades'));
    expect(rowsOf(out, 'select * from trades')).toEqual(rowsOf(old, 'select * from trades'));
  });
});

describe('secrets', () => {
  const SECRETS = ['Mt5P4ssw0rd##Q', 'pgS3cretPw!7788', 'T0kenInWords55aa'];
  const STATE = `create table agent_state (id integer primary key, status text, mode text, cycle_count integer, last_cycle_at datetime, last_signal json, kill_switch_active boolean, circuit_breaker_state text, error_message text, config json, updated_at datetime);
    create table circuit_breaker_events (id integer primary key, breaker_type text, action text, severity text, reason text, value float, threshold float, triggered_at datetime, created_at datetime);
    create table notes (id integer primary key, words text);
    insert into agent_state values (1, 'running', 'live', 3, null, null, 0, 'active', 'login with ${SECRETS[0]} failed, and ${SECRETS[1]} too', '{"mt5": {"password": "${SECRETS[0]}"}, "urls": ["postgresql://ai:pgS3cretPw%217788@db:5432/ai"]}', '2026-01-05 10:00:00');
    insert into circuit_breaker_events values (1, 'drawdown', 'triggered', 'critical', 'the broker said ${SECRETS[2]} is wrong', 15.5, 15, '2026-01-05 10:00:00', '2026-01-05 10:00:00');
    insert into notes values (1, 'api_key: ${SECRETS[2]}')`;

  it('of a document, of a URL or of words go also where they stand once more, in any text of the source', async () => {
    write(STATE);
    const importer = new Importer(t);
    const report = await importer.run(old, 'ai-trader', 'repeated');
    expect([report.error, report.secretsLeft]).toEqual([null, 0]);
    expect(await importer.whereAre(SECRETS, report)).toEqual([]);
    expect(await importer.originals(report.runId)).toContain('login with [secret removed] failed, and [secret removed] too');
  });

  it('that were removed make no row another one when it comes back, also of a table that is never changed', async () => {
    write(STATE);
    await roundTrip('ai-trader', 'removed');
  });
});

describe('a database whose rows ours are added to', () => {
  it('with ids of nineteen digits gets new ones above them', async () => {
    write(`create table predictions (id integer primary key autoincrement, timestamp datetime, symbol text, direction text, confidence float, prob_up float, market_regime text);
      create table trades (id integer primary key, prediction_id integer, symbol text, direction text, entry_price float, entry_time text, lot_size float, pips float, pnl_usd float, status text, execution_mode text, mt5_ticket integer);
      insert into predictions values (1790000000000000005, '2026-01-05 10:00:00', 'EURUSD', 'long', 0.5, 0.5, 'x'); update sqlite_sequence set seq = 1790000000000000009;
      insert into trades values (1, 1790000000000000005, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00', 0.1, null, null, 'open', 'paper', 9223372036854775807)`);
    await importPath(t, old, 'ai-trader', 'nineteen');
    await t.db.query(`update trades set status = 'closed', version = 2, exit_price = 1.2, exit_time = '2026-02-01T10:00:00Z', exit_reason = 'stop', gross_profit = 3.5, finished_at = '2026-02-01T10:00:00Z' where broker_ticket = '9223372036854775807'`);
    const agent = await t.agent();
    expect((await agent.http('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: '2026-01-05T10:00:00Z', direction: 'long', confidence: '0.81' } })).status).toBe(201);
    await exportPath(t, out, 'ai-trader', 'nineteen');
    expect(rowsOf(out, 'select id from predictions order by id')).toEqual([{ id: 1790000000000000005n }, { id: 1790000000000000010n }]);
    expect(rowsOf(out, 'select prediction_id, mt5_ticket, pnl_usd from trades')).toEqual([{ prediction_id: 1790000000000000005n, mt5_ticket: 9223372036854775807n, pnl_usd: 3.5 }]);
  });
});
