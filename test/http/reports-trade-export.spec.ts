import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { Draining } from '../../src/common/draining.js';
import { TradesService } from '../../src/trades/trades.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';
import { storeTrades } from '../support/trade-rows.js';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

type Row = Record<string, string>;
const download = async (query: string, http: Client = t.http): Promise<Row[]> => {
  const { status, text } = await http('GET', `/trades/export?${query}`);
  if (status !== 200) throw new Error(text);
  return parse(text, { columns: true, record_delimiter: '\r\n' }) as Row[];
};
const store = (agent: TestAgent, n: number, more = {}) => storeTrades(t.db, Array.from({ length: n }, () => ({ agentId: agent.id, accountId: agent.accountId, exitTime: '2026-01-05T10:00:00Z', grossProfit: '-1.5', ...more })));

describe('the export of trades', () => {
  it('is one table: a header, and a row for each trade as the list has it, newest first', async () => {
    const agent = await t.agent();
    await store(agent, 3);
    const answer = await t.http('GET', `/trades/export?agentId=${agent.id}`);
    expect([answer.headers.get('content-type'), answer.headers.get('content-disposition'), answer.headers.get('cache-control')]).toEqual([
      'text/csv; charset=utf-8; header=present', expect.stringMatching(/^attachment; filename="trades-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.csv"$/), 'no-store',
    ]);
    const { items } = (await t.http<{ items: Record<string, unknown>[] }>('GET', `/trades?agentId=${agent.id}`)).body;
    const rows = await download(`agentId=${agent.id}`);
    expect(rows).toEqual(items.map((item) => ({
      agent: agent.name, account: agent.name, currency: 'USD', ...Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)])),
    })));
    expect(rows[0]?.['netProfit']).toBe('-1.5');
  });

  it('takes the filters of the list', async () => {
    const agent = await t.agent();
    await store(agent, 2, { symbol: 'XAUUSD' });
    await store(agent, 1, { status: 'open', entryTime: '2026-02-01T00:00:00Z' });
    const count = async (query: string) => (await download(`agentId=${agent.id}&${query}`)).length;
    expect([await count('status=open'), await count('symbol=XAUUSD'), await count('from=2026-02-01T00:00:00Z'), await count('to=2026-02-01T00:00:00Z'), await count('executionMode=live')]).toEqual([1, 2, 1, 2, 0]);
    for (const [query, path] of [['limit=5', 'limit'], ['cursor=x', 'cursor'], ['status=gone', 'status'], ['from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'to']]) {
      expect(await t.http('GET', `/trades/export?${query}`)).toMatchObject({ status: 400, body: { errors: [expect.objectContaining({ path })] } });
    }
  });

  it('lets no text be carried out as a formula, and leaves numbers as they are', async () => {
    const agent = await t.agent();
    const body = { clientOrderId: '=HYPERLINK("http://x","a, b")', symbol: 'EURUSD', direction: 'long', lotSize: '1', broker: '@SUM(1)\r\n"x"', brokerOrderId: '-7', takeProfit: [{ price: '2', sizeFraction: '0.5' }, { price: '3', sizeFraction: '0.5' }] };
    expect((await agent.http('POST', '/trades', { body })).status).toBe(201);
    const [row] = await download('', agent.http);
    expect(row).toMatchObject({ clientOrderId: `'${body.clientOrderId}`, broker: `'${body.broker}`, brokerOrderId: `'-7`, lotSize: '1' });
    expect(JSON.parse(row?.['takeProfit'] ?? '')).toEqual(body.takeProfit);
  });

  it('has no limit: every trade once, over many pages, in and out of a window', async () => {
    const agent = await t.agent();
    const ids = await store(agent, 1_250);
    for (const query of ['', 'from=2026-01-01T00:00:00Z', 'symbol=EURUSD']) expect((await download(query, agent.http)).map(({ id }) => id)).toEqual([...ids].reverse());
  });

  it('shows a key its own agent\'s trades only, and nobody without credentials anything', async () => {
    const [mine, other] = [await t.agent(), await t.agent()];
    await store(mine, 1);
    await store(other, 2);
    expect(await download('', mine.http)).toHaveLength(1);
    expect(await mine.http('GET', `/trades/export?agentId=${other.id}`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    expect((await clientOf(t.base)('GET', '/trades/export')).status).toBe(401);
    const head = await mine.http('HEAD', '/trades/export');
    expect([head.status, head.headers.get('content-disposition'), head.text]).toEqual([200, expect.stringMatching(/^attachment/), '']);
  });
});

describe('an export whose reader is slower than the database', () => {
  const TRADES = 30_000;
  let agent: TestAgent;
  let pages = 0;
  beforeAll(async () => {
    agent = await t.agent();
    await store(agent, TRADES);
    const service = t.app.get(TradesService);
    const list = service.list.bind(service);
    service.list = (...given) => {
      pages += 1;
      return list(...given);
    };
  });

  /** Nothing is read of it yet but its head. */
  const begun = () => new Promise<IncomingMessage>((resolve, reject) => {
    get(`${t.base}/api/v1/trades/export`, { headers: { authorization: `Bearer ${agent.apiKey}` } }, resolve).on('error', reject);
  });
  /** Whether it came to its end, or why not. */
  const readOut = async (answer: IncomingMessage): Promise<string> => {
    try {
      let lines = 0;
      for await (const chunk of answer) lines += (chunk as Buffer).toString().split('\n').length - 1;
      return `${lines} lines`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'failed';
    }
  };
  const allPages = TRADES / 200;

  it('reads no further than it is read', async () => {
    pages = 0;
    const answer = await begun();
    await t.http('GET', '/health');
    for (let seen = -1; seen !== pages; await new Promise((resolve) => setTimeout(resolve, 250))) seen = pages;
    expect(pages).toBeLessThan(allPages);
    expect(await readOut(answer)).toBe(`${TRADES + 1} lines`);
  });

  it('ends with its reader', async () => {
    pages = 0;
    (await begun()).destroy();
    await t.app.get(Draining).idle();
    expect(pages).toBeLessThan(allPages);
  });

  it('fails where the database does, instead of looking whole', async () => {
    const answer = await begun();
    await t.db.query('alter table trades rename to trades_away');
    try {
      expect(await readOut(answer)).toBe('ECONNRESET');
      // Before the first byte it is refused as everything is.
      expect(await agent.http('GET', '/trades/export')).toMatchObject({ status: 500, body: { code: expect.any(String) } });
    } finally {
      await t.db.query('alter table trades_away rename to trades');
    }
    expect((await agent.http('GET', '/trades/export?status=open')).status).toBe(200);
  });
});
