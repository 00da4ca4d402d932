import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { System } from '../../src/legacy/profile.js';
import { type OldRow, type OldTable, OddText, type Raw, writeTables } from './old-data.js';
import type { Draw } from './old-systems.js';

/** One file for each row, a line for each, members of one document, or a table in a file of SQLite. */
type Way = 'csv' | 'documents' | 'lines' | 'list' | 'members' | 'sqlite';
const PLACES: Partial<Record<System, Record<string, [path: string, way: Way, at?: string]>>> = {
  'ai-trading-platform': {
    strategies: ['config/ai/strategies/s', 'documents'], profiles: ['config/ai/profiles/p', 'documents'], trade_ideas: ['data/trade_ideas/i', 'documents'], evaluations: ['data/evaluations/e', 'documents'], settings: ['config/ai/settings.json', 'list'],
    accounts: ['config/accounts.json', 'list', 'accounts'], api_integrations: ['config/api_integrations.json', 'list', 'integrations'], rss_feeds: ['config/rss_feeds.json', 'list', 'feeds'],
    orders: ['logs/orders.csv', 'csv'], deals: ['logs/deals.csv', 'csv'], errors: ['logs/errors.csv', 'csv'],
  },
  'finance-feedback-engine': {
    trade_outcomes: ['data/trade_outcomes/2025.jsonl', 'lines'], decision_files: ['data/decisions/d', 'documents'], approvals: ['data/approvals/a', 'documents'], open_positions: ['data/open_positions_state.json', 'members'],
    pending_outcomes: ['data/pending_outcomes.json', 'members'], memory_outcomes: ['data/memory/outcome_', 'documents'], pnl_snapshots: ['data/pnl_snapshots/p.jsonl', 'lines'], api_keys: ['data/auth.db', 'sqlite'], auth_audit_log: ['data/auth.db', 'sqlite'],
    decisions: ['data/cache.db', 'sqlite'],
  },
  'rec-io': { trades: ['trade_history/trades.db', 'sqlite'], trades_0001: ['trade_history/trades.db', 'sqlite'], active_trades: ['active/active.db', 'sqlite'], account_mode: ['account_mode_state.json', 'documents'], btc_1m: ['price/btc_1m_master_5y.csv', 'csv'] },
};

/** The tables as this system's files, each as somebody's editor, disk or copy may have left it. */
export function writeFolder(folder: string, system: System, tables: readonly OldTable[], draw: Draw): void {
  const files = new Map<string, string>();
  const stores = new Map<string, OldTable[]>();
  for (const table of tables) {
    const [path, way, at] = PLACES[system]?.[table.name] ?? [`data/${table.name.replace(/[^\w ]/g, '_')}${system === 'sigmatrader' || draw.chance(0.3) ? '.db' : '.csv'}`, system === 'sigmatrader' ? 'sqlite' : null];
    const is = way ?? (path.endsWith('.db') ? 'sqlite' : 'csv');
    const place = system === 'sigmatrader' ? 'sigma.db' : path;
    if (is === 'sqlite') stores.set(place, [...(stores.get(place) ?? []), table]);
    else if (is === 'csv') files.set(path, csv(table));
    else if (is === 'lines') files.set(path, table.rows.map((row) => `${json(table, row)}\n`).join(''));
    else if (is === 'documents') for (const [n, row] of table.rows.entries()) files.set(path.endsWith('.json') ? path : `${path}${n}.json`, json(table, row));
    else if (is === 'members') files.set(path, `{${table.rows.map((row, n) => `"m${n}": ${json(table, row)}`).join(', ')}}`);
    else files.set(path, `{"v": 1${at === undefined ? '' : `, "${at}": [${table.rows.map((row) => json(table, row)).join(', ')}]`}}`);
  }
  // Also of a system whose every table is missing.
  mkdirSync(folder, { recursive: true });
  const wildness = draw.one([0, 0.05, 0.2, 0.6]);
  for (const [path, text] of files) put(join(folder, path), Buffer.from(draw.chance(wildness) ? damaged(text, path, draw) : text, 'latin1'));
  for (const [path, of] of stores) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeTables(join(folder, path), of);
  }
}

function put(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Bytes as latin1, so that those that are no text can stand among them. */
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const bytesOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function json(table: OldTable, row: OldRow): string {
  return `{${table.columns.filter(({ name }) => name in row).map(({ name }) => `${utf8(JSON.stringify(name))}: ${jsonOf(row[name] ?? null)}`).join(', ')}}`;
}

function jsonOf(value: Raw): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : String(value);
  if (value instanceof OddText) return `"${bytesOf(value.bytes)}"`;
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  // What is JSON in a database stands in a document as itself.
  if (/^[{[]/.test(value)) {
    try {
      JSON.parse(value);
      return utf8(value);
    } catch {
      return utf8(JSON.stringify(value));
    }
  }
  return utf8(JSON.stringify(value));
}

function csv({ columns, rows }: OldTable): string {
  const cell = (value: Raw): string => {
    const text = value === null ? '' : value instanceof OddText ? bytesOf(value.bytes) : value instanceof Uint8Array ? Buffer.from(value).toString('base64') : utf8(String(value));
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map(({ name }) => cell(name)), ...rows.map((row) => columns.map(({ name }) => cell(row[name] ?? null)))].map((line) => `${line.join(',')}\n`).join('');
}

function damaged(text: string, path: string, draw: Draw): string {
  const at = draw.below(text.length + 1);
  const ways: (() => string)[] = [
    () => `\xef\xbb\xbf${text}`, () => text.replaceAll('\n', '\r\n'), () => text.slice(0, at), () => '', () => `${text.slice(0, at)}\xff\xfe${text.slice(at)}`, () => `${text.slice(0, at)}\0${text.slice(at)}`, () => `${text}{"a":`, () => text + text,
    () => `${text}${'['.repeat(100_000)}`, () => text.replaceAll(',', draw.one([';', ',,', ', '])), () => `\n\n${text}\n\n`, () => text.replaceAll('\n', '\r'), () => `${text.slice(0, at)}"${text.slice(at)}`, () => '['.repeat(300) + ']'.repeat(300), () => 'null', () => '[1, "two", null, {"a": 1}]',
    () => text.split('\n').map((line, n) => (n % 2 === 0 ? line : line.split(',').slice(0, 3).join(','))).join('\n'), () => text.split('\n').map((line) => `${line},more,and more`).join('\n'),
  ];
  return path.endsWith('.json') && draw.chance(0.2) ? `${text}\n${text}` : draw.one(ways)();
}

/** Everything that begins so in the folder's files that are no databases. */
export function marksIn(folder: string, begins: string): string[] {
  const found = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.db')) continue;
    for (const [mark] of readFileSync(join(entry.parentPath, entry.name), 'latin1').matchAll(new RegExp(`${begins}\\d+x\\d+y`, 'g'))) found.add(mark);
  }
  return [...found];
}
