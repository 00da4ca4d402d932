import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ExportOptions, type ExportReport, ExportFailure } from '../../src/legacy/export/export-report.js';
import { ExportService } from '../../src/legacy/export/export.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { storeImported } from '../support/imported-rows.js';
import { storeTrades } from '../support/trade-rows.js';

let t: TestApp;
let agent: TestAgent;
let folder: string;
let source: string;
let count = 0;

beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  agent = await t.agent();
  source = `old ${++count}`;
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-export-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const exported = (options: Partial<ExportOptions> = {}): Promise<ExportReport> =>
  t.app.get(ExportService).export({ system: 'ai-trader', source, out: join(folder, 'out.db'), withOpenTrades: false, overwrite: false, progress: () => undefined, ...options });

function rowsOf(sql: string, path = join(folder, 'out.db')): Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

const codeOf = (work: Promise<unknown>) => work.then(() => 'nothing was refused', (error: unknown) => (error instanceof ExportFailure ? error.code : String(error)));

const OLD_TRADE = {
  prediction_id: null, symbol: 'EURUSD', direction: 'long', entry_price: 1.1, entry_time: '2026-01-05 10:00:00.000000', exit_price: 1.2, exit_time: '2026-01-05 11:00:00.500000', exit_reason: 'take_profit', lot_size: 0.1,
  position_value: null, take_profit: null, stop_loss: null, max_holding_bars: null, pips: 12.5, pnl_usd: 10.100000000000001, is_winner: 1n, confidence: 0.5, status: 'closed', created_at: '2026-01-05 10:00:00.000000', updated_at: '2026-01-05 11:00:00.000000',
};
const imported = async (oldId: number, cells: Record<string, unknown> = {}, given: object = {}) => {
  const [id = ''] = await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, origin: 'imported', exitTime: '2026-01-05T11:00:00.5Z', grossProfit: '10.100000000000001', ...given }]);
  return { oldId: String(oldId), cells: { id: BigInt(oldId), ...OLD_TRADE, ...cells } as never, target: 'trades', targetId: id };
};
const added = (given: object = {}) => storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, exitTime: '2026-02-02T11:00:00Z', entryTime: '2026-02-02T10:00:00.123456Z', grossProfit: '7.5', commission: '-0.5', ...given }]).then(([id = '']) => id);
const trades = (report: ExportReport) => report.tables.find(({ name }) => name === 'trades');

describe('an export to AI Trader', () => {
  it('gives an imported row back cell by cell, and only the columns that its table had', async () => {
    const row = await imported(7);
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [row] }]);
    // Rows of ours that other tests made have no place in what this one compares.
    await exported();
    const [first] = rowsOf(`select * from trades where id = 7`);
    expect(first).toMatchObject({ id: 7n, ...OLD_TRADE });
  });

  it('writes what happened since into an imported row, and leaves the columns that are not held here', async () => {
    const row = await imported(3, { status: 'open', exit_price: null, exit_time: null, exit_reason: null, pnl_usd: null, is_winner: null, pips: null, lot_size: 1, entry_price: 1 }, { entryTime: '2026-01-05T10:00:00Z' });
    await t.db.query(`update trades set version = 2, updated_at = '2026-02-03T09:00:00Z' where id = $1`, [row.targetId]);
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [row] }]);
    await exported();
    expect(rowsOf('select status, exit_time, exit_reason, pnl_usd, is_winner, confidence, max_holding_bars, updated_at, entry_time from trades where id = 3')).toEqual([
      { status: 'closed', exit_time: '2026-01-05 11:00:00.500000', exit_reason: 'manual', pnl_usd: 10.100000000000001, is_winner: 1n, confidence: null, max_holding_bars: null, updated_at: '2026-02-03 09:00:00.000000', entry_time: '2026-01-05 10:00:00.000000' },
    ]);
  });

  it('gives rows of ours ids above every id that the old table ever had, the same in each export', async () => {
    await storeImported(t.db, 'ai-trader', source, [
      { table: 'trades', rows: [await imported(41), { oldId: '90', cells: { id: 90n, ...OLD_TRADE } as never }] },
      { table: 'sqlite_sequence', rows: [{ oldId: '#1', cells: { name: 'trades', seq: 120n } }] },
    ]);
    const id = await added();
    const idOf = async () => t.db.query<{ old_id: string }>(`select old_id from export_ids where source = $1 and target_id = $2`, [source, id]);
    await exported();
    const [{ old_id: given = '' } = {}] = await idOf();
    expect(Number(given)).toBeGreaterThan(120);
    expect(rowsOf(`select entry_time, exit_time, pnl_usd, execution_mode, status from trades where id = ${given}`)).toEqual([
      { entry_time: '2026-02-02 10:00:00.123456', exit_time: '2026-02-02 11:00:00.000000', pnl_usd: 7, execution_mode: 'paper', status: 'closed' },
    ]);
    const before = rowsOf('select * from trades order by id');
    await exported({ overwrite: true });
    expect(rowsOf('select * from trades order by id')).toEqual(before);
    expect(await idOf()).toEqual([{ old_id: given }]);
  });

  it('reads as many as it writes and leaves out, with the reason for each', async () => {
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [await imported(1)] }]);
    const rejected = await added({ status: 'rejected', grossProfit: null, commission: null });
    const report = await exported();
    const table = trades(report);
    expect(table?.read).toBe((table?.written ?? 0) + (table?.leftOut ?? 0));
    expect(rowsOf('select count(*) as count from trades')).toEqual([{ count: BigInt(table?.written ?? -1) }]);
    expect(report.leftOut).toContainEqual({ table: 'trades', id: rejected, code: 'NEVER_ENTERED', detail: expect.stringContaining('never was entered') });
  });

  it('writes each row once over several pages, with what each refers to', async () => {
    await storeImported(t.db, 'ai-trader', source, []);
    const model = `pages ${source}`;
    await t.db.query(
      `insert into predictions (id, agent_id, model, symbol, predicted_at, direction, confidence, should_trade, threshold_used)
       select gen_random_uuid(), $1, $2, 'PAGES', '2026-01-01'::timestamptz + n * interval '1 minute', 'long', n / 10000.0, true, 0.6 from generate_series(1, 2500) n`, [agent.id, model]);
    const id = await added();
    await t.db.query(`update trades set prediction_id = (select id from predictions where model = $2 order by seq desc limit 1) where id = $1`, [id, model]);
    await exported();
    expect(rowsOf(`select count(*) as count, count(distinct confidence) as kinds, min(confidence) as least, max(confidence) as most from predictions where symbol = 'PAGES'`)).toEqual([{ count: 2500n, kinds: 2500n, least: 0.0001, most: 0.25 }]);
    expect(rowsOf(`select p.confidence, t.confidence as told from trades t join predictions p on p.id = t.prediction_id where p.symbol = 'PAGES'`)).toEqual([{ confidence: 0.25, told: 0.25 }]);
    await t.db.query(`delete from predictions where model = $1 and not exists (select 1 from trades where prediction_id = predictions.id)`, [model]);
  });

  it('leaves rows of another source with it', async () => {
    await storeImported(t.db, 'ai-trader', `${source} other`, [{ table: 'trades', rows: [await imported(1, { symbol: 'FOREIGN' })] }]);
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [await imported(1, { symbol: 'MINE' })] }]);
    const report = await exported();
    expect(rowsOf(`select symbol from trades where symbol in ('FOREIGN', 'MINE')`)).toEqual([{ symbol: 'MINE' }]);
    expect(report.leftOut).toContainEqual(expect.objectContaining({ code: 'OTHER_SOURCE' }));
  });

  it('brings tables back that have no home here, known or not, with their kinds of values', async () => {
    await storeImported(t.db, 'ai-trader', source, [
      { table: 'agent_commands', rows: [{ oldId: '4', cells: { id: 4n, command: 'start', payload: '{"a":1.0}', status: 'completed', created_at: '2026-01-05 10:00:00.000000', processed_at: null, result: null, error_message: '[secret removed]' } }] },
      { table: 'notes of mine', rows: [{ oldId: '#2', cells: { when: 1.0, what: new Uint8Array([0, 255]), big: 9007199254740993n } }, { oldId: '#9', cells: { when: null, what: 'x', big: null } }] },
    ]);
    await exported();
    expect(rowsOf('select id, command, payload, error_message from agent_commands')).toEqual([{ id: 4n, command: 'start', payload: '{"a":1.0}', error_message: '[secret removed]' }]);
    expect(rowsOf('select rowid as row, "when", what, big from "notes of mine" order by rowid')).toEqual([
      { row: 2n, when: 1, what: new Uint8Array([0, 255]), big: 9007199254740993n }, { row: 9n, when: null, what: 'x', big: null },
    ]);
  });

  it('takes an old null in a column that is declared without', async () => {
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [await imported(2, { symbol: null })] }]);
    await exported();
    expect(rowsOf('select symbol from trades where id = 2')).toEqual([{ symbol: null }]);
  });

  it('says where a number has more digits than the old column holds', async () => {
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [await imported(2)] }]);
    await added({ grossProfit: '1.00000000000000000001', commission: null });
    expect((await exported()).inexact).toEqual({ 'trades.pnl_usd': 1 });
  });

  it('says where a ticket has more than 64 bits, and writes the nearest double; it was left out without a word', async () => {
    await storeImported(t.db, 'ai-trader', source, [{ table: 'trades', rows: [await imported(2)] }]);
    const [most, more] = [await added(), await added()];
    await t.db.query(`update trades set broker_ticket = case id when $1 then '9223372036854775807' else '18446744073709551615' end, symbol = 'TICKETS' where id in ($1, $2)`, [most, more]);
    const { inexact } = await exported();
    expect(rowsOf(`select typeof(mt5_ticket) as type, mt5_ticket as ticket from trades where symbol = 'TICKETS' order by id`)).toEqual([{ type: 'integer', ticket: 9223372036854775807n }, { type: 'real', ticket: 18446744073709551616 }]);
    expect(inexact).toMatchObject({ 'trades.mt5_ticket': 1 });
    await t.db.query(`update trades set broker_ticket = null where symbol = 'TICKETS'`);
  });

  it('is refused while trades with real money are open, and lists them, unless they are asked for', async () => {
    const other = await startTestApp();
    try {
      const live = await other.agent();
      const [id = ''] = await storeTrades(other.db, [{ agentId: live.id, accountId: live.accountId, executionMode: 'live', status: 'open' }]);
      const service = other.app.get(ExportService);
      const options: ExportOptions = { system: 'ai-trader', source: null, out: join(folder, 'live.db'), withOpenTrades: false, overwrite: false, progress: () => undefined };
      const error = await service.export(options).then(() => null, (caught: unknown) => caught as ExportFailure);
      expect(error).toMatchObject({ code: 'OPEN_LIVE_TRADES', openTrades: [{ id, status: 'open', symbol: 'EURUSD' }] });
      expect(readdirSync(folder)).toEqual([]);
      expect(await service.export({ ...options, withOpenTrades: true })).toMatchObject({ openTrades: 1 });
      expect(rowsOf('select id, status, execution_mode from trades', join(folder, 'live.db'))).toEqual([{ id: 1n, status: 'open', execution_mode: 'live' }]);
    } finally {
      await other.close();
    }
  });

  it('writes over nothing that it did not write itself, and over that only when told', async () => {
    await storeImported(t.db, 'ai-trader', source, []);
    writeFileSync(join(folder, 'text.db'), 'the only copy');
    const db = new DatabaseSync(join(folder, 'old.db'));
    db.exec('create table trades (id)');
    db.close();
    expect(await codeOf(exported({ out: join(folder, 'text.db'), overwrite: true }))).toBe('NOT_OURS');
    expect(await codeOf(exported({ out: join(folder, 'old.db'), overwrite: true }))).toBe('NOT_OURS');
    await exported();
    expect(await codeOf(exported())).toBe('OUT_EXISTS');
    await exported({ overwrite: true });
    expect(readdirSync(folder).sort()).toEqual(['old.db', 'out.db', 'text.db']);
  });

  it('names the sources where several were imported, and refuses one that is not there', async () => {
    await storeImported(t.db, 'ai-trader', source, []);
    await storeImported(t.db, 'ai-trader', `${source} b`, []);
    expect(await codeOf(exported({ source: null }))).toBe('SOURCE_NEEDED');
    expect(await codeOf(exported({ source: 'nobody' }))).toBe('SOURCE_UNKNOWN');
  });

  it('gives no id twice when several export at once: one works, the others are told', async () => {
    await storeImported(t.db, 'ai-trader', source, []);
    await Promise.all(Array.from({ length: 5 }, () => added()));
    const done = await Promise.all(Array.from({ length: 4 }, (_each, n) => codeOf(exported({ out: join(folder, `${n}.db`) }))));
    expect(done).toContain('nothing was refused');
    expect(done.filter((code) => code !== 'nothing was refused' && code !== 'EXPORT_RUNNING')).toEqual([]);
    const [{ rows = '', ids = '' } = {}] = await t.db.query<{ rows: string; ids: string }>(`select count(*) as rows, count(distinct old_id) as ids from export_ids where source = $1 and table_name = 'trades'`, [source]);
    expect(rows).toBe(ids);
  });
});
