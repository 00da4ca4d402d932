import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { System } from '../../src/legacy/profile.js';
import { writeSigmatrader } from './sigmatrader-database.js';

/** Old systems as each of them lies on a disk, with tables that nobody knows, tables without a key and counters. */
export const OLD: Record<Exclude<System, 'finance-feedback-engine'>, { isFolder: boolean; write(path: string): void }> = {
  'ai-trader': { isFolder: false, write: (path) => sqlite(path, `
    create table predictions (id integer not null primary key autoincrement, timestamp datetime not null, symbol varchar(20) not null, direction varchar(10), confidence float not null, created_at datetime, should_trade boolean);
    insert into predictions values (3, '2026-01-05 10:00:00.000000', 'EURUSD', 'long', 0.8, '2026-01-05 10:00:00.000000', 1), (4, '2026-01-05 11:00:00.000000', 'EURUSD', null, 0.7, '2026-01-05 11:00:00.000000', 1), (40, '2026-01-05 12:00:00.000000', 'X', 'long', 0.7, null, 1);
    delete from predictions where id = 40;
    create table trades (id integer not null primary key, symbol varchar(20), direction varchar(10), entry_price float, entry_time datetime, exit_price float, exit_time datetime, lot_size float, pnl_usd float, status varchar(20), execution_mode varchar(20), created_at datetime);
    insert into trades values (5, 'EURUSD', 'long', 1.1, '2026-01-05 10:00:00.000000', 1.2, '2026-01-05 11:00:00.000000', 0.30000000000000004, 7.5, 'closed', 'paper', '2026-01-05 10:00:00.000000');
    create table market_data (id integer not null primary key, symbol varchar(20), timestamp datetime, open float, high float, low float, close float, volume float, timeframe varchar(10));
    insert into market_data values (8, 'EURUSD', '2026-01-05 10:00:00.000000', 1.1, 1.3, 1.0, 1.2, 12.5, '5min');
    create table mine (a, b text); insert into mine values (1.0, x'00ff'), (null, 'b'), (null, 'b');
    create table keyed (name text not null, no integer not null, primary key (name, no)) without rowid; insert into keyed values ('a', 1), ('a', 2)`) },
  'sigmatrader': { isFolder: false, write: (path) => {
    writeSigmatrader(path);
    // Without live trades that are open: a mirror must not show them.
    sqlite(path, `delete from positions where qty > 0 or product = 'NRML'; delete from managed_risk_positions where status <> 'EXITED'`);
  } },
  'rec-io': { isFolder: false, write: (path) => sqlite(path, `
    create table trades (id integer primary key autoincrement, status text not null, date text not null, time text not null, symbol text, market text, trade_strategy text, contract text not null, strike text not null, side text not null, prob real, diff text, buy_price real not null,
      position integer not null, sell_price real, closed_at text, fees integer, pnl integer, symbol_open integer, symbol_close integer, momentum integer, volatility integer, win_loss text, ticker text, ticket_id integer, market_id text, momentum_delta real, entry_method text, close_method text);
    insert into trades (id, status, date, time, contract, strike, side, buy_price, position, sell_price, closed_at, fees, pnl, ticker, ticket_id)
      values (70, 'closed', '2026-01-05', '10:00:00', 'c', '$118,749.99', 'Y', 0.5, 3, 0.75, '2026-01-05 11:00:00', 0.07, 0.68, 'KXBTCD-26JAN0514-T118749.99', 'TICKET-a-1767625200000');
    insert into trades (id, status, date, time, contract, strike, side, buy_price, position) values (99, 'error', '2026-01-05', '10:00:00', 'c', '$1', 'Y', 0.5, 3); delete from trades where id = 99;
    create table balance_history (id integer primary key autoincrement, balance real not null, timestamp text not null, created_at text); insert into balance_history values (1, 100469, '2026-01-05T10:00:00Z', '2026-01-05 10:00:00');
    create table price_log (timestamp text primary key, price real); insert into price_log values ('2026-01-05T10:00:00', 118000.5), (null, 1), (null, 1);
    create table btc_1m_history (timestamp text primary key, open real, high real, low real, close real, volume real); insert into btc_1m_history values ('2026-01-05 10:00:00', 1.5, 2.5, 1.0, 2.0, 3.0), ('2026-01-05 10:01:00', 1.5, 2.5, 1.0, 2.0, 3.0);
    create table scratch (note); insert into scratch values ('one'), ('one'), (null)`) },
  'ai-trading-platform': { isFolder: true, write: (folder) => files(folder, {
    'config/ai/strategies/EURUSD_H1.json': { id: 'EURUSD_H1', name: 'EURUSD H1', enabled: true, symbol: 'EURUSD', timeframe: 'H1', sessions: ['London'], indicators: { rsi: { period: 14 } }, conditions: { entry: ['rsi < 30'], exit: [], strong: [], weak: [] }, strategy: { direction: 'long', min_rr: 2.0, news_embargo_minutes: 30, invalidations: [] } },
    'config/ai/profiles/EURUSD.json': { symbol: 'EURUSD', bestSessions: ['London'], style: 'trend' },
    'config/ai/settings.json': { enabled: true, mode: 'semi-auto', confidence_threshold: 75, timezone: 'Africa/Johannesburg' },
    'config/risk_limits.csv': 'key,value,notes\nmax_risk_per_trade,1.50,"a, ""b"""\nmax_concurrent_positions,5,\n',
    'config/accounts.json.example': { accounts: [{ id: 'a', name: 'Demo', server: 'S', is_active: true }], active_account_id: 'a' },
    'config/rss_feeds.json': { feeds: [] },
    'data/health_checks/health_20260105.json': [{ at: '2026-01-05T10:00:00Z', ok: true }, { at: '2026-01-05T10:05:00Z', ok: true }, { at: '2026-01-05T10:05:00Z', ok: true }],
    'data/notes.csv': 'what,why\nx,y\nx,y\n',
  }) },
};

function sqlite(path: string, script: string): void {
  const db = new DatabaseSync(path);
  db.exec(script);
  db.close();
}

function files(folder: string, all: Record<string, string | object>): void {
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
}

export type Dump = Record<string, string[]>;

/** Every row of every table, counters too, in no order; without what is null, for a table may have more columns than another. Of a folder its files. */
export function dumpOf(path: string, isFolder: boolean): Dump {
  return isFolder ? dumpOfFolder(path) : dumpOfSqlite(path);
}

function dumpOfSqlite(path: string): Dump {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const names = db.prepare(`select name from sqlite_master where type = 'table' and name not like '\\_tradewarden%' escape '\\'`).all().map(({ name }) => name as string);
    return Object.fromEntries(names.map((name) => {
      const statement = db.prepare(`select * from "${name}"`);
      statement.setReadBigInts(true);
      const rows = statement.all().map((row) => JSON.stringify(Object.fromEntries(Object.entries(row).filter(([, cell]) => cell !== null).sort(([a], [b]) => (a < b ? -1 : 1))), (_key, cell: unknown) => (typeof cell === 'bigint' ? `${cell}n` : cell)));
      return [name, rows.sort()] as const;
    }));
  } finally {
    db.close();
  }
}

/** Columns with what they are declared as. */
export function columnsOf(path: string): Record<string, string[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const found: Record<string, string[]> = {};
    for (const { tbl, name, type } of db.prepare(`select m.name as tbl, c.name, c.type from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' and m.name not like '\\_tradewarden%' escape '\\' order by 1, c.cid`).all()) (found[tbl as string] ??= []).push(`${String(name)} ${String(type)}`);
    return found;
  } finally {
    db.close();
  }
}

function dumpOfFolder(folder: string): Dump {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(json|csv|jsonl|example)$/.test(name) && !/(^|\/)(tradewarden\/|\.tradewarden)/.test(name));
  return Object.fromEntries(names.sort().map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [name, name.endsWith('.csv') ? text.trim().split('\n').sort() : [JSON.stringify(inOrder(JSON.parse(text)))]];
  }));
}

const inOrder = (value: unknown): unknown => (Array.isArray(value) ? value.map(inOrder).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, inOrder(each)])) : value);
