import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { startTestApp, type TestApp } from '../support/app.js';

interface Plan { 'Shared Hit Blocks': number; 'Shared Read Blocks': number; 'Relation Name'?: string; Plans?: Plan[] }

const BUSY = 'EURUSD';
const YEARS = 3;
const START = Date.UTC(2023, 0, 1);
const END = Date.UTC(2023 + YEARS, 0, 1);

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
  const months = Array.from({ length: YEARS * 12 }, (_, n) => `'2023-01-01'::date + interval '${n} months'`).join(', ');
  await t.db.query(`select ensure_snapshot_months('snapshot_market', array(select unnest(array[${months}]))::date[])`);
  const rows = (symbol: string, frame: string, step: string, from: Date) => t.db.query(
    `insert into snapshot_market (id, captured_at, last_captured_at, symbol, timeframe, frame, open_time, close_time, open, high, low, close, volume)
     select gen_random_uuid(), o, o, $1, $2, $2, o, o + $3::interval, 1, 1, 1, 1, 1 from generate_series($4::timestamptz, $5::timestamptz - interval '1 second', $3::interval) o`,
    [symbol, frame, step, from, new Date(END)]);
  await rows(BUSY, 'M15', '15 minutes', new Date(START));
  await rows('GBPUSD', 'M15', '15 minutes', new Date(START));
  await rows(BUSY, 'D1', '1 day', new Date(START));
  // One that has long been silent, among those that are not.
  await rows('SILENT', 'MN1', '1 month', new Date(END - 400 * 86_400_000));
  await t.db.query(`delete from pg_statistic`);
});
afterAll(() => t.close());

/** The statements that a request sent to read, and what each looked at. */
async function costOf(query: string): Promise<{ items: number; blocks: number; months: Set<string> }> {
  const sent: [string, unknown[]][] = [];
  const spy = jest.spyOn(t.app.get(DataSource), 'query');
  const { body } = await t.http<{ items: unknown[] }>('GET', `/snapshots/market?${query}`);
  for (const [text, values] of spy.mock.calls) if (text.includes('from snapshot_market')) sent.push([text, values as unknown[]]);
  spy.mockRestore();
  let blocks = 0;
  const months = new Set<string>();
  for (const [text, values] of sent) {
    const [row] = await t.db.query(`explain (analyze, buffers, format json) ${text}`, values);
    const plan = (row?.['QUERY PLAN'] as { Plan: Plan }[])[0]?.Plan as Plan;
    blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    const walk = (each: Plan): void => {
      if (each['Relation Name']) months.add(each['Relation Name']);
      each.Plans?.forEach(walk);
    };
    walk(plan);
  }
  expect(sent.length).toBeGreaterThan(0);
  return { items: body.items.length, blocks, months };
}

/** What a page of rows may cost: a few blocks of the index, and one for each row. */
const blocksFor = (rows: number) => 60 + 2 * rows;

describe('three years of candles, of which the planner knows nothing', () => {
  const latest = `to=${new Date(END).toISOString()}`;
  const day = (time: number) => `from=${new Date(time).toISOString()}&to=${new Date(time + 86_400_000).toISOString()}`;

  it.each<[string, string, number, number]>([
    ['the latest of a symbol and timeframe', `symbol=${BUSY}&timeframe=M15&limit=1&${latest}`, 1, 2],
    ['the latest of a timeframe with few', `symbol=${BUSY}&timeframe=D1&limit=1&${latest}`, 1, 2],
    ['the latest fifty of a symbol', `symbol=${BUSY}&${latest}`, 50, 2],
    ['the latest fifty of a timeframe', `timeframe=D1&limit=20&${latest}`, 20, 2],
    ['the latest fifty of all', latest, 50, 2],
    ['a day', `symbol=${BUSY}&timeframe=M15&limit=500&${day(END - 86_400_000)}`, 96, 1],
    ['a day three years ago', `symbol=${BUSY}&timeframe=M15&limit=500&${day(START + 86_400_000)}`, 96, 1],
  ])('%s: %s reads %s rows, and looks at no more than %s months', async (_name, query, items, months) => {
    const cost = await costOf(query);
    expect(cost.items).toBe(items);
    expect(cost.months.size).toBeLessThanOrEqual(months);
    expect(cost.blocks).toBeLessThan(blocksFor(items));
  });

  it('a page deep inside reads as much as the first', async () => {
    const first = await t.http<{ nextCursor: string }>('GET', `/snapshots/market?symbol=${BUSY}&timeframe=M15&to=${new Date(START + 100 * 86_400_000).toISOString()}`);
    const cost = await costOf(`symbol=${BUSY}&timeframe=M15&cursor=${first.body.nextCursor}`);
    expect([cost.items, cost.months.size <= 2, cost.blocks < blocksFor(50)]).toEqual([50, true, true]);
  });

  it('one that has long been silent is found by its index in each month, not by reading the others', async () => {
    const cost = await costOf(`symbol=SILENT&timeframe=MN1&${latest}`);
    expect(cost.items).toBe(14);
    expect(cost.blocks).toBeLessThan(400);
    expect((await costOf(`symbol=NEVER&timeframe=M15&${latest}`)).blocks).toBeLessThan(400);
  });
});
