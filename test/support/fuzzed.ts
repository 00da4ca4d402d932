import { type System, SYSTEMS } from '../../src/legacy/profile.js';
import { type OldRow, type OldTable, OddText, type Raw } from './old-data.js';
import { type Draw, oldSystemOf } from './old-systems.js';

const text = (written: string): Raw => written;
const MEGABYTE = 'ab é😀 '.repeat(100_000);

/** What stood in some old cell, or could. */
const CELLS: readonly Raw[] = [
  null, '', ' ', 'NULL', 'None', 'nan', 'NaN', 'Infinity', '-inf', Infinity, -Infinity, -0, 1e-320, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e22, 123456789.12345679,
  9_007_199_254_740_993n, 2n ** 63n - 1n, -(2n ** 63n), -1n, 0n, 1n, 2n, 2_147_483_648n, '1,234.50', '$1,234.50', '(5.00)', '1.234,50', '12abc', '١٢', '1e5', '1e9999', '0x10', '+5', '1_000', '٫5',
  '2024-01-01', '2024-01-01T00:00:00Z', '2024-13-45 99:99:99', '2025-11-02 01:30:00', '2025-03-09 02:30:00', '11/02/2025 1:30 PM', '2024-02-29 23:59:60', '1700000000', 1_700_000_000n, 1_700_000_000_000n, 1_700_000_000.123456, '0000-00-00',
  '9999-12-31 00:00:00', '1969-12-31 23:59:59', '2026-01-01T00:00:00.1234567+05:30', 'yesterday', '2024-01-01 24:00:00', '2024-01-01 10:00:00 EST', new OddText(0x61, 0, 0x62), new OddText(0xff, 0xfe, 0x41), new OddText(0xc3), new OddText(0xed, 0xa0, 0x80),
  new Uint8Array(), new Uint8Array([0, 1, 255]), new Uint8Array([0x7b, 0x7d]), '😀', '\u202eevil', "Robert'); drop table trades;--", '\\N', '\\.', 'tab\tnew\nline\r\n', '\u2028', '"', '\\', '{"a": 1.10, "b": [1e400]}', '{"a":', '[]', '{}', 'null',
  '{"__proto__": {"x": 1}}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', '['.repeat(300), '{"a": 1, "a": 2}', '{"real": "Infinity"}', '{"blob": "AAE="}', 'true', 'False', 't', 'y', 'N', 'BUY', 'sell', 'LONG', 'closed', 'open', 'EURUSD', 'x'.repeat(300), 'ß'.repeat(2000),
  text(`${'9'.repeat(40)}.${'9'.repeat(40)}`), '-0', '-0.0', '00012', '.5', '5.', 'A|B\\C', '#7', 'constructor', '__proto__',
];
const DECLARED = ['', 'BLOB', 'INTEGER', 'TEXT', 'REAL', 'NUMERIC', 'DATETIME', 'ANY', 'VARCHAR(3)', 'DECIMAL(10,2)', 'strange type', 'BOOLEAN', 'JSON'];
const NAMES = ['we"ird', "co'l umn", 'select', 'naïve 😀', 'rowid', 'oid', 'a.b', '__proto__', 'constructor', 'Fuzz Extra', ''];
const SECRET_COLUMNS = ['password', 'api_key', 'client_secret', 'access_token', 'webhook secret', 'dbPassword', 'token_hash'];

export interface Fuzzed {
  tables: OldTable[];
  /** Stand nowhere afterwards. */
  secrets: string[];
}

const has = ({ columns }: OldTable, name: string): boolean => columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
const fresh = (table: OldTable, name: string): boolean => name !== '' && !has(table, name);

/** A system's database as somebody may have it. @param seed stands in its secrets and marks */
export function fuzzed(system: System, draw: Draw, seed: number, asFiles = false): Fuzzed {
  const tables = oldSystemOf(system, draw, asFiles);
  const wildness = draw.one([0, 0, 0.005, 0.02, 0.1, 0.5]);
  if (draw.chance(0.3)) addOthers(system, tables, draw);
  for (const table of [...tables]) {
    if (tables.length > 1 && draw.chance(wildness)) tables.splice(tables.indexOf(table), 1);
    else distort(table, draw, wildness);
  }
  if (draw.chance(0.3)) tables.push(strange(draw, tables.length));
  for (const [place, table] of tables.entries()) if (draw.chance(0.4) && fresh(table, 'fuzz_mark')) mark(table, `mk${seed}x${place}x`);
  return { tables, secrets: plant(tables, draw, seed) };
}

/** Tables of other systems in the same file. */
function addOthers(system: System, tables: OldTable[], draw: Draw): void {
  const others = oldSystemOf(draw.one(SYSTEMS.filter((each) => each !== system)), draw);
  for (const table of others.slice(0, 3)) if (!tables.some(({ name }) => name.toLowerCase() === table.name.toLowerCase())) tables.push(table);
}

function distort(table: OldTable, draw: Draw, wildness: number): void {
  if (draw.chance(wildness)) table.columns = table.columns.filter(({ name }) => name === table.key?.column || draw.chance(0.9));
  if (draw.chance(wildness)) rename(table, draw);
  if (draw.chance(wildness / 2)) rekey(table, draw);
  if (draw.chance(wildness)) for (const column of table.columns) if (draw.chance(0.3) && column.name !== table.key?.column) column.declared = draw.one(DECLARED);
  if (draw.chance(wildness)) {
    const name = draw.one(NAMES);
    if (fresh(table, name)) {
      table.columns.push({ name, declared: draw.one(DECLARED) });
      for (const row of table.rows) put(row, name, draw.one(CELLS));
    }
  }
  for (const row of table.rows) {
    for (const { name } of table.columns) {
      if (name === table.key?.column && !draw.chance(0.1)) continue;
      if (draw.chance(wildness)) put(row, name, draw.chance(0.3) ? null : draw.chance(0.004) ? MEGABYTE : draw.one(CELLS));
    }
  }
  if (wildness > 0 && draw.chance(0.2)) repeat(table, draw);
  if (draw.chance(wildness)) table.rows = [];
}

const put = (row: OldRow, name: string, value: Raw): void => void Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });

/** `Pnl_USD`, ` pnl_usd`: SQLite does not mind, the mapping does not know it. */
function rename(table: OldTable, draw: Draw): void {
  const column = draw.one(table.columns);
  if (column === undefined || column.name === table.key?.column) return;
  const name = draw.one([column.name.toUpperCase(), ` ${column.name}`, `${column.name}_old`, column.name.replaceAll('_', ' ')]);
  if (name !== column.name && table.columns.some((each) => each !== column && each.name.toLowerCase() === name.toLowerCase())) return;
  for (const row of table.rows) put(row, name, row[column.name] ?? null);
  column.name = name;
}

/** No key at all, a text's, or none but a key (WITHOUT ROWID). */
function rekey(table: OldTable, draw: Draw): void {
  if (table.columns.length === 0) return;
  const column = draw.one(table.columns);
  table.key = draw.one([null, { column: column.name, withoutRowid: false }, { column: column.name, withoutRowid: true }, table.key && { ...table.key, withoutRowid: true }]);
  if (table.key !== null) for (const each of table.columns) if (each.name === table.key.column) each.declared = draw.one(['', 'TEXT', 'INTEGER', 'VARCHAR(64)', each.declared]);
}

/** The same business twice, with an id of its own or (where no key forbids it) with the same. */
function repeat(table: OldTable, draw: Draw): void {
  for (const row of table.rows.slice(0, 2)) table.rows.push(draw.chance(0.5) ? { ...row } : { ...row, id: BigInt(1000 + draw.below(1000)) });
}

function strange(draw: Draw, place: number): OldTable {
  const columns = NAMES.filter((name, n) => name !== '' && (n + place) % 2 === 0).map((name) => ({ name, declared: draw.one(DECLARED) }));
  const rows = Array.from({ length: draw.below(5) }, () => {
    const row: OldRow = {};
    for (const { name } of columns) put(row, name, draw.one(CELLS));
    return row;
  });
  return { name: draw.one(['my "notes"', 'plugins', "it's", 'drop table', 'Ünï', 'trades_backup', 'sqlitething']), columns, key: null, rows };
}

/** Each row says who it is, in words that are in what is kept of it afterwards. */
function mark(table: OldTable, begins: string): void {
  table.columns.push({ name: 'fuzz_mark', declared: 'TEXT' });
  table.rows = table.rows.map((row) => ({ ...row }));
  for (const [n, row] of table.rows.entries()) put(row, 'fuzz_mark', `${begins}${n}y`);
}

/** In columns of such names, in documents, and once more in plain words. */
function plant(tables: OldTable[], draw: Draw, seed: number): string[] {
  const secrets: string[] = [];
  const make = (): string => {
    const secret = `Zq9k${seed}vB7x${secrets.length}Lm3QwRt`;
    secrets.push(secret);
    return secret;
  };
  for (const table of tables) {
    if (table.rows.length === 0 || !draw.chance(0.15)) continue;
    const name = draw.one(SECRET_COLUMNS);
    const [row] = table.rows;
    if (row === undefined || !fresh(table, name)) continue;
    const secret = make();
    table.columns.push({ name, declared: draw.one(['', 'TEXT', 'VARCHAR(100)']) });
    row[name] = draw.one([secret, secret, new TextEncoder().encode(secret)]);
    if (fresh(table, 'remark') && row[name] === secret) {
      table.columns.push({ name: 'remark', declared: 'TEXT' });
      row['remark'] = draw.one([`told ${secret} to him`, `"${secret}"`, `{"said": "${secret}"}`]);
    }
    if (fresh(table, 'extra_json') && draw.chance(0.7)) {
      table.columns.push({ name: 'extra_json', declared: 'TEXT' });
      row['extra_json'] = JSON.stringify(draw.one<unknown>([{ a: [{ password: make() }] }, [{ name: 'DB_PASSWORD', value: make() }], { dsn: `postgres://u:${make()}@h/db` }, { nested: JSON.stringify({ client_secret: make() }) }]));
    }
  }
  return secrets;
}

/** The same database later: rows added, changed and gone. Only in tables whose ids are numbers. */
export function later(tables: readonly OldTable[], draw: Draw): OldTable[] {
  const copy = tables.map((table) => ({ ...table, rows: table.rows.map((row) => ({ ...row })) }));
  for (const table of copy) {
    if (table.key?.column !== 'id' || table.rows.length === 0) continue;
    if (draw.chance(0.3)) table.rows.splice(draw.below(table.rows.length), 1);
    for (const row of table.rows) if (draw.chance(0.2)) changeOne(table, row, draw);
    const like = table.rows[0];
    if (like !== undefined && draw.chance(0.6)) table.rows.push({ ...like, id: BigInt(5000 + draw.below(1000)) });
  }
  return copy;
}

function changeOne(table: OldTable, row: OldRow, draw: Draw): void {
  const numbers = table.columns.filter(({ name }) => name !== 'id' && typeof row[name] === 'number');
  const { name } = draw.one(numbers.length > 0 && draw.chance(0.7) ? numbers : table.columns);
  if (name === 'id' || name === 'fuzz_mark') return;
  put(row, name, typeof row[name] === 'number' ? draw.real(50) : draw.one(CELLS));
}
