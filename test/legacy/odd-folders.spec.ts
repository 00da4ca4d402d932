import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { figures, Importer } from '../support/fuzz-import.js';
import { exportPath, importPath } from '../support/round-trip.js';

let t: TestApp;
let importer: Importer;
const folder = mkdtempSync(join(tmpdir(), 'tradewarden-odd-'));
beforeAll(async () => {
  t = await startTestApp();
  importer = new Importer(t);
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
function files(of: Record<string, string | Uint8Array>): string {
  const root = join(folder, String(++made));
  for (const [path, content] of Object.entries(of)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const strategy = (more: object) => JSON.stringify({
  name: 'Trend', enabled: true, symbol: 'EURUSD', timeframe: 'H1', sessions: ['London'], indicators: { rsi: { period: 14, oversold: 30 }, ema: { slow: 50, fast: 20 } }, conditions: { entry: ['up'] },
  strategy: { min_rr: 2, direction: 'long' }, created_at: '2025-10-28T10:00:00Z', ...more,
});
const strategies = (source: string) => t.db.query<{ name: string }>(
  `select s.name from import_tables i join import_rows r on r.table_id = i.id join strategies s on s.id = r.target_id where i.source = $1 order by 1`, [source]).then((rows) => rows.map(({ name }) => name));

describe('what old systems call by names that every object has', () => {
  it('is imported, told and exported as any other', async () => {
    const path = join(folder, 'names.db');
    const db = new DatabaseSync(path);
    db.exec(`create table trades (id integer primary key, status text, date text, time text, side text, buy_price real, position integer, sell_price real, closed_at text, close_method text, ticker text, "constructor" text, "__proto__" text);
      insert into trades values (1, 'closed', '2025-08-01', '10:05:00', 'Y', 0.9, 2, 1, '10:30:00', 'constructor', 'KX-1', 'c', 'p');
      create table "constructor" (id integer primary key, "toString" text); insert into "constructor" values (1, 'x'); create table "__proto__" (a text); insert into "__proto__" values ('y')`);
    db.close();
    const report = await importer.run(path, 'rec-io', 'names');
    expect([report.error, report.rejects]).toEqual([null, []]);
    expect(figures(report)).toMatchObject({ trades: [1, 1, 0, 0, 0], constructor: [1, 0, 0, 1, 0] });
    expect(report.tables.flatMap(({ columns }) => columns).filter(({ says, declared = '' }) => typeof says !== 'string' || typeof declared !== 'string')).toEqual([]);
    const out = join(folder, 'names-back.db');
    await exportPath(t, out, 'rec-io', 'names');
    const back = new DatabaseSync(out);
    const rows = (sql: string) => back.prepare(sql).all().map((row) => Object.values(row));
    expect([rows('select "constructor" as c, "__proto__" as p from trades'), rows('select * from "constructor"'), rows('select a from "__proto__"')]).toEqual([[['c', 'p']], [[1, 'x']], [['y']]]);
    back.close();
  });
});

describe('a folder of two sources', () => {
  it('gives strategies whose names are here the name of their source, and they keep it', async () => {
    const old = files({ 'config/ai/strategies/A.json': strategy({ id: 'A' }) });
    const first = await importer.run(old, 'ai-trading-platform', 'one');
    const second = await importer.run(old, 'ai-trading-platform', 'two');
    expect([first.error, second.error, second.notes['NAME_TAKEN'], second.proof?.ok]).toEqual([null, null, 1, true]);
    expect([await strategies('one'), await strategies('two')]).toEqual([['Trend'], ['Trend (two)']]);
    await importer.back(first.runId);
    expect(figures(await importer.run(old, 'ai-trading-platform', 'two'))).toMatchObject({ strategies: [1, 0, 1, 0, 0] });
    await importer.back(second.runId);
  });
});

describe('a folder that comes back', () => {
  it('has each file where it was, with its rows in their order, and imports as unchanged', async () => {
    const balance = (day: number) => `2025-10-${String(day).padStart(2, '0')}T00:00:00Z,${day}.5,1`;
    const log = 'a line\n\nanother\n';
    const csv = ['timestamp,balance,equity,constructor', ...[2, 2, ...Array.from({ length: 14 }, (_none, n) => n + 3)].map((day) => `${balance(day)},x`), ''].join('\n');
    const old = files({
      'config/ai/strategies/no id.json': strategy({}), 'config/ai/strategies/other.json': strategy({ name: 'Other' }), 'data/account/a.csv': csv, 'logs/app.log': log, 'logs/bytes.bin': new Uint8Array([0, 255, 10]), 'data/more.jsonl': '{"b": 1, "a": 2}\n{"a": [3]}\n',
    });
    const report = await importer.run(old, 'ai-trading-platform', 'back');
    expect([report.error, report.rejects, report.notes['DUPLICATE']]).toEqual([null, [], 1]);
    const out = join(folder, 'back');
    expect((await exportPath(t, out, 'ai-trading-platform', 'back')).leftOut).toEqual([]);
    expect(readFileSync(join(out, 'data/account/a.csv'), 'utf8')).toBe(csv);
    expect([readFileSync(join(out, 'logs/app.log'), 'utf8'), [...readFileSync(join(out, 'logs/bytes.bin'))]]).toEqual([log, [0, 255, 10]]);
    expect(['config/ai/strategies/no id.json', 'config/ai/strategies/other.json', 'data/more.jsonl'].map((path) => existsSync(join(out, path)))).toEqual([true, true, true]);
    const again = await importPath(t, out, 'ai-trading-platform', 'back');
    expect(again.error).toBeNull();
    expect(again.tables.filter(({ imported, archived, rejected }) => imported + archived + rejected > 0)).toEqual([]);
  });

  it('keeps the first line of a CSV that has no header', async () => {
    const old = files({ 'config/ai/strategies/A.json': strategy({ id: 'A', name: 'Headless' }), 'config/symbol_map.csv': 'EURUSD,EURUSD.r,1,0.01,0.01\nXAUUSD,GOLD,1,0.01,0.01\n' });
    const report = await importer.run(old, 'ai-trading-platform', 'headless');
    const table = report.tables.find(({ read }) => read === 2);
    expect([report.error, table?.archived, table?.columns.map(({ name }) => name).slice(0, 2)]).toEqual([null, 2, ['column 1', 'column 2']]);
    const out = join(folder, 'headless-back');
    expect((await exportPath(t, out, 'ai-trading-platform', 'headless')).leftOut.filter(({ code }) => code !== 'OTHER_SOURCE')).toEqual([]);
    expect(readFileSync(join(out, 'config/symbol_map.csv'), 'utf8')).toBe('column 1,column 2,column 3,column 4,column 5\nEURUSD,EURUSD.r,1,0.01,0.01\nXAUUSD,GOLD,1,0.01,0.01\n');
    expect((await importPath(t, out, 'ai-trading-platform', 'headless')).error).toBeNull();
  });
});
