import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { storeTrades } from '../support/trade-rows.js';

interface Difference { field: string; statement: string; ours: string | null }
interface List<T> { count: number; items: T[] }
interface Result {
  equal: boolean; from: string; to: string; deals: number; notCompared: string[]; matched: number; executionMode: string;
  differing: List<{ dealId: string; line: number; differences: Difference[] }>; onlyInStatement: List<{ dealId: string; line: number }>; onlyInOurs: List<{ dealId: string }>;
  cashFlows: { matched: number; differing: List<{ dealId: string; differences: Difference[] }>; onlyInStatement: List<{ amount: string }>; onlyInOurs: List<{ amount: string }> };
  sums: { statement: object; ours: object; cashFlows: object };
  error?: { code: string; message: string };
}

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-statement-'));
let t: TestApp;
let env: Record<string, string>;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await t.close();
});

/** Two trades: in at 10:00 and 10:01, the first out at 11:00 with 1234.5; and a deposit before. All of UTC. */
beforeEach(async () => {
  agent = await t.agent();
  const [long = '', short = ''] = await storeTrades(t.db, (['long', 'short'] as const).map((direction) => ({ agentId: agent.id, accountId: agent.accountId, symbol: direction === 'long' ? 'EURUSD' : 'XAUUSD', direction, status: 'open', entryTime: '2026-01-05T10:00:00Z' })));
  const fill = (trade: string, deal: string, role: string, price: string, size: string, at: string, money: (string | null)[]) => t.db.query(
    `insert into fills (trade_id, agent_id, account_id, execution_mode, book_id, broker_deal_id, role, price, size, filled_at, late, actor, profit, commission, swap, fee)
     values ($1, $2, $3, 'paper', $3, $4, $5, $6, $7, $8, false, 'system', $9, $10, $11, $12)`, [trade, agent.id, agent.accountId, deal, role, price, size, at, ...money]);
  await fill(long, '101', 'entry', '1.1', '0.10', '2026-01-05T10:00:00.250Z', [null, '-0.35', null, null]);
  await fill(short, '102', 'entry', '2650.5', '1', '2026-01-05T10:01:00Z', [null, null, null, null]);
  await fill(long, '103', 'exit', '1.2', '0.10', '2026-01-05T11:00:00Z', ['1234.5', '-0.35', '-1.2', null]);
  await t.db.query(`insert into account_cash_flows (id, account_id, kind, amount, broker_deal_id, at, recorded_by) values (gen_random_uuid(), $1, 'deposit', 10000, '100', '2026-01-05T09:00:00Z', 'system')`, [agent.accountId]);
});

const HEADINGS = ['Time', 'Deal', 'Symbol', 'Type', 'Direction', 'Volume', 'Price', 'Order', 'Commission', 'Fee', 'Swap', 'Profit', 'Balance', 'Comment'];
const ROWS = [
  ['2026.01.05 11:00:00', '100', '', 'balance', '', '', '', '', '0.00', '0.00', '0.00', '10 000.00', '10 000.00', 'Deposit'],
  ['2026.01.05 12:00:00', '101', 'EURUSD.m', 'buy', 'in', '0.1', '1.10000', '9', '-0.35', '0.00', '0.00', '0.00', '9 999.65', ''],
  ['2026.01.05 12:01:00', '102', 'XAUUSD', 'sell', 'in', '1', '2650.50', '10', '0.00', '0.00', '0.00', '0.00', '9 999.65', ''],
  ['2026.01.05 13:00:00', '103', 'EURUSD.m', 'sell', 'out', '0.1', '1.20000', '11', '-0.35', '0.00', '-1.20', '1 234.50', '11 232.60', '[tp 1.2]'],
];
const withCell = (row: number, column: string, value: string) => ROWS.map((cells, n) => (n === row ? cells.map((cell, at) => (HEADINGS[at] === column ? value : cell)) : cells));
const tr = (cells: string[]) => `<tr bgcolor="#FFFFFF" align=right>${cells.map((cell) => `<td nowrap title="a>b">${cell.replaceAll(' ', '&nbsp;')}</td>`).join('')}</tr>`;
/** As MetaTrader lays it out: other tables before it, sums behind it, in UTF-16. */
const html = (rows = ROWS) => `<!DOCTYPE html><html><head><style>td > b { }</style></head><body><table><tr><th colspan="14"><b>Trade History Report</b></th></tr>
<tr><th colspan="14">Positions</th></tr>${tr(['Time', 'Position', 'Symbol', 'Type', 'Volume', 'Price', 'S / L', 'T / P', 'Time', 'Price', 'Commission', 'Swap', 'Profit'])}
${tr(['2026.01.05 12:00:00', '9', 'EURUSD.m', 'buy', '0.1', '1.1', '', '', '2026.01.05 13:00:00', '1.2', '0.00', '0.00', '1 234.50'])}
<tr><th colspan="14"><div>Deals</div></th></tr>
<tr bgcolor="#E5F0FC">${HEADINGS.map((name) => `<td><b>${name}</b></td>`).join('')}</tr>
${rows.map(tr).join('\n')}
<tr align="right"><td colspan="8"></td><td>-0.70</td><td>0.00</td><td>-1.20</td><td>11 234.50</td><td>11 232.60</td><td></td></tr>
<tr><td colspan="3"><b>Balance:</b></td><td colspan="2">11 232.60</td></tr></table></body></html>`;
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const csv = (rows = ROWS, delimiter = ',') => `\ufeff${[HEADINGS, ...rows].map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(delimiter)).join('\r\n\r\n')}\r\n`;

let files = 0;
const run = async (content: string | Buffer, ...more: string[]) => {
  const path = join(folder, `statement-${++files}`);
  writeFileSync(path, content);
  return cli<Result>(['statement', path, '--account', agent.name, '--zone', '+02:00', '--json', ...more], env);
};

describe('a statement, at the command line', () => {
  it.each([
    ["MetaTrader's report in HTML, in UTF-16", () => utf16(html())], ['the same in UTF-8', () => html()], ['CSV', () => csv()], ['CSV with semicolons, in UTF-16', () => utf16(csv(ROWS, ';').slice(1))],
  ])('matches deal by deal: %s', async (_what, content) => {
    const { code, json } = await run(content());
    expect([code, json]).toEqual([0, expect.objectContaining({
      equal: true, from: '2026-01-05T09:00:00.000Z', to: '2026-01-05T11:00:01.000Z', deals: 3, matched: 3, executionMode: 'paper', notCompared: ['balance'],
      sums: { statement: { profit: '1234.5', costs: '-1.9' }, ours: { profit: '1234.5', costs: '-1.9', unknownProfits: 0 }, cashFlows: { statement: '10000', ours: '10000' } },
    })]);
    expect(json.cashFlows.matched).toBe(1);
  });

  it('reads generic columns, with times that say their zone, and says what it could not compare', async () => {
    const { code, json } = await run('dealId,time,symbol,side,volume,price,profit,note\n101,2026-01-05T10:00:00Z,EURUSD,BUY,0.1,1.1,0,=1+1\n103,2026-01-05T12:00:00+01:00,EURUSD,Sell,0.10,1.2,"1,234.50",x\n102,2026-01-05 12:01,XAUUSD,sell,1,2650.5,0,\n');
    expect([code, json.matched, json.notCompared]).toEqual([0, 3, ['direction', 'commission', 'fee', 'swap', 'balance']]);
  });

  it('names what differs, field by field with both values, and what only one side has', async () => {
    const rows = [...withCell(3, 'Profit', '1 234.51').filter((_row, n) => n !== 2), ['2026.01.05 13:00:05', '104', 'EURUSD', 'sell', 'out', '0.1', '1.2', '', '0', '0', '0', '-5', '', '']];
    const { code, json } = await run(html(rows));
    expect([code, json.equal, json.matched]).toEqual([1, false, 1]);
    expect(json.differing).toEqual({ count: 1, items: [expect.objectContaining({ dealId: '103', differences: [{ field: 'profit', statement: '1234.51', ours: '1234.5' }] })] });
    expect(json.onlyInStatement.items).toEqual([expect.objectContaining({ dealId: '104', profit: '-5' })]);
    expect(json.onlyInOurs.items).toEqual([expect.objectContaining({ dealId: '102', volume: '1' })]);
    expect(json.sums).toMatchObject({ statement: { profit: '1229.51' }, ours: { profit: '1234.5' } });
  });

  it.each([
    ['Time', '2026.01.05 12:00:01', 'time', '2026-01-05T10:00:01.000Z', '2026-01-05T10:00:00.250Z'], ['Symbol', 'GBPUSD', 'symbol', 'GBPUSD', 'EURUSD'], ['Type', 'sell', 'side', 'sell', 'buy'], ['Direction', 'out', 'direction', 'out', 'in'],
    ['Volume', '0.11', 'volume', '0.11', '0.1'], ['Price', '1.10001', 'price', '1.10001', '1.1'], ['Commission', '-0.36', 'commission', '-0.36', '-0.35'], ['Fee', '-1', 'fee', '-1', '0'], ['Swap', '0.01', 'swap', '0.01', '0'],
  ])('finds a difference of %s', async (column, value, field, theirs, own) => {
    const { code, json } = await run(csv(withCell(1, column, value)));
    expect([code, json.differing.items.map(({ differences }) => differences)]).toEqual([1, [[{ field, statement: theirs, ours: own }]]]);
  });

  it('does not take a profit that nobody knows for zero', async () => {
    await t.db.query(`alter table fills disable trigger refuse_change`);
    await t.db.query(`update fills set profit = null where broker_deal_id = '103' and agent_id = $1`, [agent.id]);
    await t.db.query(`alter table fills enable trigger refuse_change`);
    const { code, json } = await run(csv(withCell(3, 'Profit', '0')));
    expect([code, json.differing.items[0]?.differences]).toEqual([1, [{ field: 'profit', statement: '0', ours: null }]]);
  });

  it('compares ours inside the time of the statement only, and finds a deal that is elsewhere in time', async () => {
    const later = await run(csv(ROWS.slice(0, 2)));
    expect([later.code, later.json.onlyInOurs.count, later.json.to]).toEqual([0, 0, '2026-01-05T10:00:01.000Z']);
    const moved = await run(csv(withCell(3, 'Time', '2026.01.05 12:30:00').slice(1)));
    expect(moved.json.differing.items.map(({ dealId, differences }) => [dealId, differences.map(({ field }) => field)])).toEqual([['103', ['time']]]);
  });

  it('matches cash flows by deal, or by amount within a day where nobody wrote the deal down', async () => {
    await t.db.query(`insert into account_cash_flows (id, account_id, kind, amount, at, recorded_by) values (gen_random_uuid(), $1, 'withdrawal', -50, '2026-01-05T10:30:00Z', 'system'), (gen_random_uuid(), $1, 'withdrawal', -7, '2026-01-05T10:30:00Z', 'system')`, [agent.accountId]);
    const flow = (deal: string, amount: string) => ['2026.01.05 11:05:00', deal, '', 'balance', '', '', '', '', '', '', '', amount, '', ''];
    const { code, json } = await run(csv([...withCell(0, 'Profit', '9 000'), flow('105', '-50'), flow('106', '-8')]));
    expect([code, json.cashFlows.matched, json.cashFlows.differing.items[0]?.differences, json.cashFlows.onlyInStatement.items.map(({ amount }) => amount), json.cashFlows.onlyInOurs.items.map(({ amount }) => amount)]).toEqual([
      1, 1, [{ field: 'amount', statement: '9000', ours: '10000' }], ['-8'], ['-7'],
    ]);
  });

  it('says it in words as well', async () => {
    const path = join(folder, 'words\u001b[31m.csv');
    writeFileSync(path, csv(withCell(3, 'Profit', '1 234.51')));
    const { code, stdout } = await cli(['statement', path, '--account', agent.accountId, '--zone', 'Etc/GMT-2'], env);
    expect(code).toBe(1);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/^ {2}deal 103 \(line 9\): profit 1234\.51 in the statement, 1234\.5 in ours$/m);
    expect(stdout).toMatch(/^Compared from 2026-01-05T09:00:00\.000Z to 2026-01-05T11:00:01\.000Z, .*outside of it the statement says nothing\.$/m);
    expect(stdout).toMatch(/^2 of 3 deals and 1 of 1 cash flows match\. 1 do not\.$/m);
  });
});

describe('a statement that cannot be read', () => {
  it.each([
    ['a row, named with its line', csv(withCell(2, 'Price', '26,5')), /^1 of its rows cannot be read.*\nline 7: price "26,5" is not a number/],
    ['a formula in place of a number', csv(withCell(2, 'Profit', '=1+1')), /line 7: profit "=1\+1" is not a number/],
    ['a side that is none', csv(withCell(2, 'Type', 'long?')), /line 7: side "long\?" is neither buy nor sell/],
    ['a time that is none', csv(withCell(2, 'Time', '2026.02.30 10:00:00')), /line 7: time .* is not a time/],
    ['a deal that stands in it twice', csv(withCell(2, 'Deal', '101')), /line 7: deal "101" stands in line 5 too/],
    ['too few cells', csv().replace(',"[tp 1.2]"', ''), /line 9: has 13 cells under 14 headings/],
    ['quotes that nobody closes', csv().replace('"[tp', '"[tp "x'), /^It is no CSV from line \d+ on/],
    ['a deal behind the end of the list', html().replace('</table>', `${tr(ROWS[3] ?? [])}</table>`), /stands behind the end of the list of deals/],
    ['other columns', 'a,b\n1,2\n', /^Line 1 names no column for dealId, no column for time/],
    ['no list of deals', '<html><table><tr><td>x</table>', /^There is no list of deals in it/],
    ['nothing', '', /^There is no list of deals/],
    ['headings alone', `${HEADINGS.join(',')}\n`, /^There is neither a deal nor a cash flow/],
    ['a workbook', 'PK\u0003\u0004', /save the report as HTML or CSV/],
    ['bytes that are no text', Buffer.from([0x44, 0x65, 0x61, 0x6c, 0xff, 0xfe, 0xff]), /is not UTF-8/],
  ])('is exit code 1: %s', async (_what, content, message) => {
    const { code, json } = await run(content);
    expect([code, json.error?.code]).toEqual([1, 'STATEMENT_UNREADABLE']);
    expect(json.error?.message).toMatch(message);
  });

  it('is exit code 1 where there is no file, and no account', async () => {
    expect(await cli(['statement', join(folder, 'no\u001bwhere'), '--account', 'x', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'STATEMENT_UNREADABLE', message: expect.not.stringContaining('\u001b') } } });
    expect(await cli(['statement', '/dev/zero', '--account', 'x', '--json'], env)).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('more than 64 MiB') } } });
    const path = join(folder, 'whose');
    writeFileSync(path, csv());
    expect(await cli(['statement', path, '--account', 'nobody', '--zone', 'UTC', '--json'], env)).toMatchObject({ code: 1, json: { error: { code: 'NOT_FOUND' } } });
  });

  it('is wrong usage where something must be said', async () => {
    const path = join(folder, 'usage');
    writeFileSync(path, csv());
    const usage = async (...args: string[]) => {
      const { code, stderr } = await cli(['statement', ...args], env);
      return [code, stderr];
    };
    expect(await usage('--account', agent.name)).toEqual([2, expect.stringContaining("missing required argument 'file'")]);
    expect(await usage(path)).toEqual([2, expect.stringContaining('--account')]);
    expect(await usage(path, '--account', agent.name)).toEqual([2, expect.stringContaining('Its times have no zone')]);
    expect(await usage(path, '--account', agent.name, '--zone', 'Moon/Base')).toEqual([2, expect.stringContaining('--zone')]);
    expect(await usage(path, '--account', agent.name, '--zone', 'UTC', '--mode', 'demo')).toEqual([2, expect.stringContaining('--mode')]);
  });
});
