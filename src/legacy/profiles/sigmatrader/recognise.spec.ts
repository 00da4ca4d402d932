import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type SigmatraderFile, writeSigmatrader } from '../../../../test/support/sigmatrader-database.js';
import { JsonNumber } from '../../source/cell.js';
import { openSource } from '../../source/open-source.js';
import { keyOf } from './lookups.js';
import { COLUMNS, SIGMATRADER } from './profile.js';

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-sigmatrader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const opened = async (make: (path: string) => void) => {
  const path = join(folder, `${++files}.sqlite`);
  make(path);
  return (await openSource(path)).as(SIGMATRADER.files);
};
const written = (file: SigmatraderFile) => opened((path) => writeSigmatrader(path, file));
const made = (...statements: string[]) => opened((path) => {
  const db = new DatabaseSync(path);
  for (const statement of statements) db.exec(statement);
  db.close();
});

describe('a database of SigmaTrader', () => {
  it('is known in both shapes, and in revisions with fewer tables and columns', async () => {
    expect(SIGMATRADER.recognise(await written({}))).toEqual({ shape: 'alembic 0080', tables: 79 });
    expect(SIGMATRADER.recognise(await written({ shape: 'create_all' }))).toEqual({ shape: 'create_all', tables: 78 });
    const older = ['orders.sent_at', 'orders.is_exit', 'orders.risk_spec_json', 'alerts.user_id', 'alerts.source', 'alerts.reason', 'alerts.rule_id', 'positions.exchange', 'positions.broker_name', ...Object.keys(COLUMNS).filter((name) => name.startsWith('ai_'))];
    expect(SIGMATRADER.recognise(await written({ lacks: older }))).toEqual({ shape: 'alembic 0080', tables: 57 });
    expect(SIGMATRADER.recognise(await written({ lacks: ['alembic_version'] }))).toMatchObject({ shape: 'partial' });
  });

  it('is known where each of its tables is a CSV file; they were archived as those of another system', async () => {
    const source = await opened((path) => {
      mkdirSync(path);
      writeFileSync(join(path, 'alembic_version.csv'), 'version_num\n0080\n');
      writeFileSync(join(path, 'orders.csv'), `,${COLUMNS['orders']?.join() ?? ''}\n0,8,,,NSE:INFY\n`);
      writeFileSync(join(path, 'analytics_trades.csv'), 'id,entry_order_id,exit_order_id,strategy_id,pnl,r_multiple,opened_at,closed_at\n5,8,9,3.0,1.5,,2026-01-05 04:00:00,2026-01-05 05:00:00\n');
    });
    expect(SIGMATRADER.recognise(source)).toEqual({ shape: 'alembic 0080', tables: 2 });
    expect(source.tables.map((table) => [table.base, SIGMATRADER.mapping(table, '', source)?.as === 'import', [...table.rows()].map(({ id }) => id)])).toEqual([
      ['alembic_version', false, ['alembic_version.csv#1']], ['analytics_trades', true, ['5']], ['orders', false, ['8']],
    ]);
  });

  it('is not one by names alone', async () => {
    const other = await made('create table orders (id integer primary key, ticket text, lots real, magic integer)', 'create table alerts (id integer primary key, text text)', 'create table alembic_version (version_num text)', "insert into alembic_version values ('0080')");
    expect(SIGMATRADER.recognise(other)).toBeNull();
    expect(SIGMATRADER.recognise(await made('create table trades (id integer primary key)'))).toBeNull();
  });

  it('has a place for each table that it is known to have, and for no other', async () => {
    const source = await written({});
    const places = Object.fromEntries(source.tables.map((table) => [table.name, SIGMATRADER.mapping(table, '', source)]));
    expect(Object.values(places)).not.toContain(null);
    expect(Object.keys(places)).toHaveLength(80);
    expect(Object.keys(places).filter((name) => places[name]?.as === 'import').sort()).toEqual([
      'alert_decision_logs', 'alerts', 'analytics_trades', 'candles', 'equity_snapshots', 'managed_risk_positions', 'positions', 'signal_strategies', 'strategies', 'strategy_deployment_states',
    ]);
    expect([...SIGMATRADER.order].sort()).toEqual(Object.keys(places).sort());
    const strange = await made('create table plugins (id integer)');
    expect(strange.tables.map((table) => SIGMATRADER.mapping(table, '', strange))).toEqual([null]);
  });

  it('keeps old rows whole where its candles have a column that nobody knows', async () => {
    const source = await made('create table candles (id integer primary key, symbol text, exchange text, timeframe text, ts text, open real, high real, low real, close real, volume real, vwap real)');
    expect(source.tables.map((table) => SIGMATRADER.mapping(table, '', source)?.bulk)).toEqual([false]);
  });
});

describe('a row of another table', () => {
  it('is found by its id, alone, with its text as it is', async () => {
    const source = await made('create table orders (id integer primary key, symbol text)', "insert into orders values (1, 'INFY'), (9223372036854775807, cast(x'41ff' as text)), (3, 'x\ufffd')", 'create table words (id text primary key)');
    const find = source.tables.find(({ name }) => name === 'orders')?.find;
    expect([find?.('1'), find?.('3')]).toEqual([{ id: '1', cells: { id: 1n, symbol: 'INFY' } }, { id: '3', cells: { id: 3n, symbol: 'x\ufffd' } }]);
    expect(find?.('9223372036854775807')?.cells['symbol']).toMatchObject({ fault: 'NOT_UTF8' });
    expect(['2', '9223372036854775808', '99999999999999999999', '', 'x', '1 or 1=1'].map((id) => find?.(id))).toEqual(Array.from({ length: 6 }, () => undefined));
    expect(source.tables.find(({ name }) => name === 'words')?.find).toBeUndefined();
    expect([keyOf(3n), keyOf('3'), keyOf(3), keyOf('3.0'), keyOf(new JsonNumber('3')), keyOf(null), keyOf(undefined)]).toEqual(['3', '3', '3', '3', '3', null, null]);
  });
});
