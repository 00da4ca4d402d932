import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExportReport } from '../../src/legacy/export/export-report.js';
import { ExportService } from '../../src/legacy/export/export.service.js';
import type { System } from '../../src/legacy/profile.js';
import { SHAPES } from '../../src/legacy/shapes/shapes.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { storeImported } from '../support/imported-rows.js';
import { storeTrades } from '../support/trade-rows.js';

let t: TestApp;
let folder: string;
let out: string;

beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-export-'));
  out = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const exported = (system: System, source: string | null = null): Promise<ExportReport> =>
  t.app.get(ExportService).export({ system, source, out, withOpenTrades: false, overwrite: false, progress: () => undefined });

function rowsOf(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(out, { readOnly: true });
  try {
    return db.prepare(sql).all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** An account of its own, in this currency. */
async function tradeOf(currency: string, given: object, change = ''): Promise<string> {
  const mine = await t.agent();
  await t.db.query(`update accounts set currency = $2 where id = $1`, [mine.accountId, currency]);
  const [id = ''] = await storeTrades(t.db, [{ agentId: mine.id, accountId: mine.accountId, entryTime: '2026-02-02T10:00:00.5Z', exitTime: '2026-02-02T11:00:00Z', grossProfit: '7.5', commission: '-0.5', ...given } as never]);
  if (change !== '') await t.db.query(`update trades set ${change} where id = $1`, [id]);
  return id;
}

const python = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;

describe("Python's sqlite3", () => {
  it.each(SHAPES.filter(({ medium }) => medium === 'sqlite').map(({ system }) => system))(python ? 'opens what is exported to %s, and finds each old column with its type' : 'is not here, so that nothing was checked of %s', async (system) => {
    await exported(system);
    if (!python) return;
    const script = `import json, sqlite3, sys
c = sqlite3.connect(sys.argv[1])
assert c.execute('pragma integrity_check').fetchone()[0] == 'ok'
tables = [n for (n,) in c.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
print(json.dumps({n: [[r[1], r[2]] for r in c.execute('pragma table_info("%s")' % n)] for n in tables}))`;
    const found = JSON.parse(spawnSync('python3', ['-c', script, out], { encoding: 'utf8' }).stdout) as Record<string, [string, string][]>;
    const shape = SHAPES.find((each) => each.system === system);
    for (const { name, columns } of shape?.tables ?? []) {
      const typed = columns.map((column) => [column.name, column.declared.replace(/ (NOT NULL|DEFAULT|PRIMARY KEY).*$/, '')]);
      expect([name, found[name]]).toEqual([name, typed]);
    }
    expect(Object.keys(found).length).toBe(new Set(shape?.tables.map(({ name }) => name)).size);
  });
});

describe('an export to SigmaTrader', () => {
  it('writes a trade that ended as its two orders and its result', async () => {
    const id = await tradeOf('INR', { symbol: 'INFY' }, `product = 'CNC', exchange = 'NSE', lot_size = 5, entry_price = 1500.25, exit_price = 1510`);
    await exported('sigmatrader');
    expect(rowsOf('select o.side, o.qty, o.price, o.product, o.status, o.is_exit, o.execution_target, o.created_at from orders o order by is_exit')).toEqual([
      expect.objectContaining({ side: 'BUY', qty: 5, price: 1500.25, product: 'CNC', status: 'EXECUTED', is_exit: 0, execution_target: 'PAPER' }),
      expect.objectContaining({ side: 'SELL', qty: 5, price: 1510, is_exit: 1, created_at: '2026-02-02 11:00:00.000000' }),
    ]);
    expect(rowsOf('select a.pnl, e.side as entry, x.side as exit, a.opened_at from analytics_trades a join orders e on e.id = a.entry_order_id join orders x on x.id = a.exit_order_id')).toEqual([
      { pnl: 7, entry: 'BUY', exit: 'SELL', opened_at: '2026-02-02 10:00:00.500000' },
    ]);
    expect(rowsOf('select * from alembic_version')).toEqual([{ version_num: '0080' }]);
    expect((await t.db.query(`select table_name, part from export_ids where target_id = $1 order by 1, 2`, [id])).map((row) => Object.values(row as object).join(' '))).toEqual(['analytics_trades ', 'orders entry', 'orders exit']);
  });

  it('leaves out what is not in rupees or has no product, and says so', async () => {
    const [dollars, without] = [await tradeOf('USD', {}), await tradeOf('INR', {})];
    const { leftOut } = await exported('sigmatrader');
    expect(leftOut).toContainEqual(expect.objectContaining({ table: 'orders', id: dollars, code: 'CURRENCY_OTHER' }));
    expect(leftOut).toContainEqual(expect.objectContaining({ table: 'orders', id: without, code: 'PRODUCT_UNKNOWN' }));
  });

  it('ends a position there that ended here, with its orders and its result', async () => {
    const id = await tradeOf('INR', { symbol: 'SBIN', origin: 'imported' }, `product = 'MIS', exchange = 'NSE', version = 3`);
    const cells = { id: 9n, symbol: 'SBIN', product: 'MIS', qty: 1, avg_price: 1, pnl: 4.5, last_updated: '2026-01-01 00:00:00.000000', exchange: 'NSE', broker_name: 'zerodha' };
    await storeImported(t.db, 'sigmatrader', 'st', [{ table: 'positions', rows: [{ oldId: '9', cells, target: 'trades', targetId: id }] }]);
    await exported('sigmatrader', 'st');
    expect(rowsOf('select id, qty, pnl, avg_price from positions')).toEqual([{ id: 9, qty: 0, pnl: 4.5, avg_price: 1 }]);
    expect(rowsOf(`select count(*) as orders from orders where symbol = 'SBIN'`)).toEqual([{ orders: 2 }]);
    expect(rowsOf(`select a.pnl from analytics_trades a join orders e on e.id = a.entry_order_id where e.symbol = 'SBIN'`)).toEqual([{ pnl: 7 }]);
  });
});

describe('an export to rec_io', () => {
  const CONTRACT = { symbol: 'KXBTCD-25NOV0214-T118749.99' };

  it('writes a contract in its words: Y and N, costs above 0, wall clock of New York', async () => {
    await tradeOf('USD', CONTRACT, `outcome = 'yes', lot_size = 3, entry_price = 0.93, exit_price = 1, exit_reason = 'settlement', fee = -0.07`);
    await exported('rec-io');
    expect(rowsOf(`select status, date, time, symbol, strike, side, buy_price, position, sell_price, closed_at, fees, pnl, win_loss, close_method, market_id, trade_strategy from trades where ticker is not null`)).toEqual([{
      status: 'expired', date: '2026-02-02', time: '05:00:00', symbol: 'BTC', strike: '$118,749.99', side: 'Y', buy_price: 0.93, position: 3, sell_price: 1, closed_at: '2026-02-02T06:00:00-05:00', fees: 0.57, pnl: 6.93, win_loss: 'W',
      close_method: 'expired', market_id: 'BTC-USD', trade_strategy: 'Hourly HTC',
    }]);
  });

  it.each([['INTEGER', { type: 'real', ticket: 18446744073709551616 }, { 'trades.ticket_id': 1 }], ['TEXT', { type: 'text', ticket: '18446744073709551615' }, {}]])('says where an old column of type %s rounds a ticket of more than 64 bits', async (declared, expected, rounded) => {
    const source = `tickets ${declared}`;
    const id = await tradeOf('USD', { ...CONTRACT, origin: 'imported' }, `outcome = 'yes', version = 2, broker_ticket = '18446744073709551615'`);
    const cells = { id: 7n, status: 'open', date: '2026-01-01', time: '10:00:00', contract: 'c', strike: '$1', side: 'Y', buy_price: 0.5, position: 1n, ticket_id: null };
    await storeImported(t.db, 'rec-io', source, [{ table: 'trades', rows: [{ oldId: '7', cells, target: 'trades', targetId: id }] }]);
    const columns = Object.keys(cells).map((name) => ({ name, declared: name === 'ticket_id' ? declared : 'TEXT' }));
    await t.db.query(`update import_runs set tables = $2 where source = $1`, [source, JSON.stringify([{ name: 'trades', columns }])]);
    const { inexact } = await exported('rec-io', source);
    expect(rowsOf('select typeof(ticket_id) as type, ticket_id as ticket from trades where id = 7')).toEqual([expected]);
    expect(inexact).toEqual(rounded);
  });

  it('gives its watcher what is open, and not what ended here', async () => {
    const over = await tradeOf('USD', { ...CONTRACT, origin: 'imported' }, `outcome = 'no', version = 2`);
    const open = await tradeOf('USD', { ...CONTRACT, status: 'open' }, `outcome = 'yes', exit_time = null, gross_profit = null, commission = null`);
    const watched = (trade: bigint) => ({ id: trade, trade_id: trade, ticket_id: 'T', date: '2026-01-01', time: '10:00:00', strike: '$1', side: 'Y', buy_price: 0.5, position: 1n, status: 'active' });
    await storeImported(t.db, 'rec-io', 'rec', [
      { table: 'trades', rows: [{ oldId: '70', cells: { id: 70n, status: 'open', date: '2026-01-01', time: '10:00:00', contract: 'c', strike: '$1', side: 'N', buy_price: 0.5, position: 1n }, target: 'trades', targetId: over }] },
      { table: 'active_trades', rows: [{ oldId: '70', cells: watched(70n) }, { oldId: '71', cells: watched(71n) }] },
    ]);
    const { leftOut } = await exported('rec-io', 'rec');
    expect(rowsOf('select id, trade_id from active_trades where id <= 71')).toEqual([{ id: 71, trade_id: 71 }]);
    expect(leftOut).toContainEqual(expect.objectContaining({ table: 'active_trades', id: '70', code: 'TRADE_ENDED' }));
    const [{ old_id: given = '' } = {}] = await t.db.query<{ old_id: string }>(`select old_id from export_ids where target_id = $1 and table_name = 'trades' and source = 'rec'`, [open]);
    expect(rowsOf(`select status from active_trades where trade_id = ${given}`)).toEqual([{ status: 'active' }]);
  });
});

describe('an export to the AI Trading Platform', () => {
  it('brings files back, exactly in their numbers and in the order of their lines', async () => {
    await storeImported(t.db, 'ai-trading-platform', 'files', [
      { table: 'risk_limits', rows: [{ oldId: 'sl_mult', cells: { key: 'sl_mult', value: '1.50', notes: 'a, "b"' } }, { oldId: 'tp_mult', cells: { key: 'tp_mult', value: '2', notes: '' } }] },
      { table: 'settings', rows: [{ oldId: 'config/ai/settings.json', cells: { enabled: true, mode: 'semi-auto', timezone: 'Africa/Johannesburg' } }] },
      { table: 'health_checks', rows: Array.from({ length: 11 }, (_each, n) => ({ oldId: `data/health_checks/health_20260101.json#${n + 1}`, cells: { n: BigInt(n + 1) } })) },
    ]);
    await exported('ai-trading-platform', 'files');
    expect(readFileSync(join(out, 'config/risk_limits.csv'), 'utf8')).toBe('key,value,notes\nsl_mult,1.50,"a, ""b"""\ntp_mult,2,\n');
    expect(JSON.parse(readFileSync(join(out, 'config/ai/settings.json'), 'utf8'))).toEqual({ enabled: true, mode: 'semi-auto', timezone: 'Africa/Johannesburg' });
    expect((JSON.parse(readFileSync(join(out, 'data/health_checks/health_20260101.json'), 'utf8')) as { n: number }[]).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(existsSync(join(out, 'config/symbol_map.csv'))).toBe(true);
    expect(readdirSync(folder)).toEqual(['out']);
  });
});
