import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { COLUMNS } from '../../src/legacy/profiles/sigmatrader/profile.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli, type CliRun } from '../support/cli.js';
import { insert, SECRETS, writeSigmatrader } from '../support/sigmatrader-database.js';

interface TableLine { name: string; target: string; read: number; imported: number; unchanged: number; archived: number; rejected: number; columns: { name: string }[] }
interface Report {
  runId: string; status: string; tables: TableLine[]; sums: Record<string, Record<string, { source: string; target: string }>>; notes: Record<string, number>; secrets: { table: string; column: string; count: number }[]; secretsLeft: number;
  rejects: { table: string; oldId: string; code: string }[]; proof: { ok: boolean } | null; error: { code: string; detail: string } | null; source: { system: string; shape: string };
}

let app: TestApp;
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tradewarden-import-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => void (app = await startTestApp()));
afterEach(() => app.close());

let files = 0;
const file = (): string => join(folder, `${++files}.sqlite`);
const run = (path: string, ...flags: string[]): Promise<CliRun<Report>> =>
  cli<Report>(['import', path, '--json', ...flags], { DATABASE_URL: app.db.url, DATABASE_OWNER_URL: app.db.ownerUrl, MIGRATE_ON_START: 'off' });
const counts = ({ json }: CliRun<Report>) => Object.fromEntries(json.tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, { read, imported, unchanged, archived, rejected }]));
const changed = (path: string, change: (db: DatabaseSync) => void) => {
  const db = new DatabaseSync(path);
  change(db);
  db.close();
};
const held = async () => (await app.db.query<{ table: string; n: string }>(`
  select 'trades' as table, count(*) as n from trades union all select 'alerts', count(*) from alerts union all select 'import_rows', count(*) from import_rows union all select 'import_archive', count(*) from import_archive
  union all select 'strategies', count(*) from strategies union all select 'snapshot_market', count(*) from snapshot_market union all select 'agents', count(*) from agents union all select 'decisions', count(*) from decision_history`));

describe('a database of SigmaTrader', () => {
  it('comes over whole in both shapes: each row is somewhere, nothing of it trades, and no secret came with it', async () => {
    for (const shape of ['alembic', 'create_all'] as const) {
      const path = file();
      writeSigmatrader(path, { shape });
      const plan = await run(path, '--dry-run', '--source', shape);
      const done = await run(path, '--source', shape);
      expect({ code: done.code, error: done.json.error, damage: done.json.proof?.ok ? null : done.json.proof, rejects: done.json.rejects }).toEqual({ code: 0, error: null, damage: null, rejects: [] });
      expect(done.json).toMatchObject({ source: { system: 'sigmatrader', shape: shape === 'alembic' ? 'alembic 0080' : 'create_all' }, secretsLeft: 0, proof: { ok: true } });
      expect(counts(plan)).toEqual(counts(done));
      for (const { name, read, imported, unchanged, archived, rejected } of done.json.tables) expect([name, read]).toEqual([name, imported + unchanged + archived + rejected]);
      expect(done.json.tables.filter(({ columns, name }) => COLUMNS[name] !== undefined && columns.length < (COLUMNS[name]?.length ?? 0)).map(({ name }) => name)).toEqual([]);
      expect(counts(done)).toMatchObject({
        analytics_trades: { read: 3, imported: 3 }, positions: { read: 4, imported: 2, archived: 2 }, managed_risk_positions: { read: 4, imported: 2, archived: 2 }, strategy_deployment_states: { imported: 1 }, alerts: { read: 5, imported: 5 },
        alert_decision_logs: { read: 3, imported: 3 }, equity_snapshots: { read: 3, imported: 3 }, strategies: { read: 2, imported: 2 }, orders: { read: 7, archived: 7 }, users: { read: 2, archived: 2 },
        // The second file's are the first one's: there is one of each.
        candles: { read: 4, imported: shape === 'alembic' ? 4 : 0, archived: shape === 'alembic' ? 0 : 4 },
      });
      expect(done.json.sums).toMatchObject({ analytics_trades: { pnl: { source: '66.766666666666664', target: '66.766666666666664' } } });
      const again = await run(path, '--source', shape);
      expect(again.json.tables.filter(({ read, unchanged }) => read !== unchanged)).toEqual([]);
      expect(again.json.proof).toMatchObject({ ok: true });
      expect((await run(path, '--validate-only', '--source', shape)).json.proof).toMatchObject({ ok: true });
    }
    const trades = await app.db.query(`select symbol, exchange, direction, status, execution_mode, lot_size::text, gross_profit::text from trades t join import_rows r on r.target_id = t.id join import_tables i on i.id = r.table_id where i.source = 'alembic' order by i.name, r.old_id`);
    expect(trades).toEqual([
      { symbol: 'INFY', exchange: 'NSE', direction: 'long', status: 'closed', execution_mode: 'live', lot_size: '10', gross_profit: '100.1' },
      { symbol: 'INFY', exchange: 'NSE', direction: 'short', status: 'closed', execution_mode: 'paper', lot_size: '10', gross_profit: '-33.333333333333336' },
      { symbol: 'INFY', exchange: 'NSE', direction: 'long', status: 'closed', execution_mode: 'live', lot_size: '10', gross_profit: '0' },
      { symbol: 'TCS', exchange: 'NSE', direction: 'long', status: 'unknown', execution_mode: 'live', lot_size: '5', gross_profit: null },
      { symbol: 'TCS', exchange: 'NSE', direction: 'short', status: 'unknown', execution_mode: 'paper', lot_size: '5', gross_profit: null },
      { symbol: 'INFY', exchange: 'NSE', direction: 'long', status: 'unknown', execution_mode: 'live', lot_size: '10', gross_profit: null },
      { symbol: 'NIFTY26NOVFUT', exchange: 'NFO', direction: 'short', status: 'unknown', execution_mode: 'live', lot_size: '75', gross_profit: null },
      { symbol: 'INFY', exchange: 'NSE', direction: 'long', status: 'unknown', execution_mode: 'paper', lot_size: '3', gross_profit: null },
    ]);
    const alerts = await app.http<{ items: { id: string; status: string; code: string; symbol: string }[] }>('GET', '/alerts?limit=50');
    expect(alerts.body.items.map(({ status, code, symbol }) => [status, code, symbol]).slice(0, 5).reverse()).toEqual([
      ['processed', 'IMPORTED', 'NSE:INFY'], ['processed', 'IMPORTED', 'NSE:INFY'], ['ignored', 'IMPORTED', ''], ['processed', 'IMPORTED', 'NSE:INFY'], ['processed', 'IMPORTED', ''],
    ]);
    const one = await app.http<{ body: string; runs: unknown[] }>('GET', `/alerts/${alerts.body.items[0]?.id}`);
    expect(one.body).toMatchObject({ bodyEncoding: 'utf-8', runs: [{ run: 1, actor: 'import' }] });
    expect(await app.db.query(`select distinct currency from accounts where name like 'alembic%'`)).toEqual([{ currency: 'INR' }]);
    const everything = await app.db.query<{ line: string }>(`
      select original::text as line from import_rows union all select original::text from import_archive union all select convert_from(body, 'UTF8') || signal::text from alerts union all select canonical from decision_history
      union all select s::text from strategies s union all select r::text from import_runs r union all select data::text from events`);
    for (const secret of SECRETS) expect(everything.filter(({ line }) => line?.includes(secret))).toEqual([]);
  });

  it('of an older revision, with fewer tables and columns, comes over too', async () => {
    const path = file();
    writeSigmatrader(path, {
      lacks: ['orders.execution_target', 'orders.broker_name', 'orders.broker_order_id', 'orders.sent_at', 'alerts.user_id', 'alerts.source', 'alerts.reason', 'alerts.rule_id', 'positions.exchange', 'positions.broker_name', 'strategies.scope', 'strategies.dsl_expression',
        'managed_risk_positions', 'alert_decision_logs', 'equity_snapshots', 'strategy_deployments', 'candles.volume'],
    });
    const done = await run(path);
    expect({ code: done.code, error: done.json.error, damage: done.json.proof?.ok ? null : done.json.proof, rejects: done.json.rejects }).toEqual({ code: 0, error: null, damage: null, rejects: [] });
    expect(counts(done)).toMatchObject({ analytics_trades: { imported: 3 }, alerts: { imported: 5 }, candles: { imported: 4 }, strategy_deployment_states: { archived: 1 } });
    expect(done.json.proof).toMatchObject({ ok: true });
  });

  it('with rows that cannot be anything leaves nothing behind, says which and why, and comes over without them when that is accepted', async () => {
    const path = file();
    writeSigmatrader(path);
    changed(path, (db) => {
      insert(db, 'analytics_trades', { id: 10, entry_order_id: 999, exit_order_id: 2, pnl: 5, opened_at: '2026-11-11 04:00:00', closed_at: '2026-11-11 05:00:00' });
      insert(db, 'analytics_trades', { id: 11, entry_order_id: 5, exit_order_id: 2, pnl: 5, opened_at: '2026-11-11 04:00:00', closed_at: '2026-11-11 05:00:00' });
      insert(db, 'positions', { id: 10, symbol: '{{ticker}}', product: 'MIS', qty: 1, avg_price: 1, pnl: 0, exchange: 'NSE', broker_name: 'zerodha' });
      insert(db, 'candles', { id: 10, symbol: 'INFY', exchange: 'NSE', timeframe: '1m', ts: '2026-11-19 09:40:00', open: 5, high: 1, low: 2, close: 3, volume: 1 });
    });
    const before = await held();
    const refused = await run(path);
    expect([refused.code, await held()]).toEqual([1, before]);
    const found = refused.json.rejects.map(({ table, oldId, code }) => `${table} ${oldId} ${code}`).sort();
    expect(found).toEqual(['analytics_trades 10 REFERENCE_MISSING', 'analytics_trades 11 NUMBER_NOT_FINITE', 'candles 10 CONSTRAINT_SNAPSHOT_MARKET_PRICES', 'positions 10 SYMBOL_INVALID']);
    expect(readFileSync(`${path}.rejects.jsonl`, 'utf8').trim().split('\n')).toHaveLength(4);
    const accepted = await run(path, '--accept-rejects');
    expect(accepted.code).toBe(0);
    expect(counts(accepted)).toMatchObject({ analytics_trades: { read: 5, imported: 3, rejected: 2 }, candles: { read: 5, imported: 4, rejected: 1 }, positions: { read: 5, rejected: 1 } });
  });

  it('is not confused by tables and columns that nobody knows, text that is none, and duplicates of what there is one of', async () => {
    const path = file();
    writeSigmatrader(path);
    changed(path, (db) => {
      db.exec('create table plugins (id integer primary key, config text)');
      insert(db, 'plugins', { id: 1, config: '{"api_key": "abcdefgh12345678"}' });
      db.exec('alter table alerts add column extra text');
      db.exec('alter table candles add column vwap float');
      db.exec("insert into alerts (id, symbol, action, platform, source, received_at, raw_payload, extra) values (20, cast(x'41ff' as text), 'BUY', 'T', 'T', '2026-11-19 00:00:00', cast(x'7b00' as text), 'e')");
      insert(db, 'risk_global_config', { id: 77, singleton_key: 'GLOBAL', enabled: 1, manual_override_enabled: 0, baseline_equity_inr: 0 });
    });
    writeFileSync(`${path}.rejects.jsonl`, '');
    const done = await run(path);
    expect({ code: done.code, error: done.json.error, damage: done.json.proof?.ok ? null : done.json.proof, rejects: done.json.rejects }).toEqual({ code: 0, error: null, damage: null, rejects: [] });
    expect(counts(done)).toMatchObject({ plugins: { read: 1, archived: 1 }, alerts: { read: 6, imported: 6 }, candles: { read: 4, imported: 4 }, risk_global_config: { read: 3, archived: 3 } });
    expect(await app.db.query(`select original -> 'extra' as extra, original -> 'symbol' as symbol from import_rows where old_id = '20' and target = 'alerts'`)).toEqual([{ extra: 'e', symbol: { text: 'Qf8=', fault: 'NOT_UTF8' } }]);
  });
});
