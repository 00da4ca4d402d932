import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { withClient } from '../../src/database/client.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Answer, type Client, clientOf } from '../support/http.js';

interface Trade {
  id: string; version: number; status: string; highPrice: string | null; lowPrice: string | null; maePrice: string | null; mfePrice: string | null; maeAmount: string | null; mfeAmount: string | null;
}
interface Taken { items: { tradeId: string; quotedAt: string; stored: boolean }[] }
interface Refusal { code: string; errors?: { path: string; message: string }[] }
interface Page { items: { quotedAt: string; bid: string }[]; nextCursor: string | null }
type Told = Record<string, unknown>;

let t: TestApp;
let other: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  other = await t.second();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(async () => {
  await other.close();
  await t.close();
});

let orders = 0;
const base = Math.floor(Date.now() / 1_000) * 1_000 - 86_400_000;
/** A day ago, and so many seconds later. */
const at = (second: number) => new Date(base + second * 1_000).toISOString();
const trade = async (more: Told = {}, http: Client = agent.http): Promise<Trade> => {
  const body = { clientOrderId: `o-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: at(0), ...more };
  const made = await http<Trade>('POST', '/trades', { body });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const mark = (second: number, bid: string, ask = bid, more: Told = {}) => ({ quotedAt: at(second), bid, ask, ...more });
const tell = (id: string, body: unknown, http: Client = agent.http): Promise<Answer<Taken & Refusal>> => http('POST', `/trades/${id}/marks`, { body });
const batch = (items: Told[], http: Client = agent.http): Promise<Answer<Taken & Refusal>> => http('POST', '/trades/marks/batch', { body: { items } });
const read = async (id: string) => (await t.http<Trade>('GET', `/trades/${id}`)).body;
const range = async (id: string) => {
  const { lowPrice, highPrice } = await read(id);
  return [lowPrice, highPrice];
};
const count = async (ids: string[]) => (await t.db.query('select 1 from trade_marks where trade_id = any($1)', [ids])).length;
const fill = (id: string, items: Told[]) => agent.http('POST', `/trades/${id}/fills`, { body: { items } });
const close = (id: string, second: number, exitPrice: string) => agent.http('POST', `/trades/${id}/transitions`, { body: { to: 'closed', occurredAt: at(second), brokerDealId: 'x', exitPrice, exitReason: 'stop' } });

describe('a mark', () => {
  it('is kept as it was told, and once: one of the same moment is answered and stays', async () => {
    const { id } = await trade();
    const full = mark(5, '1.2', '1.2001', { floatingProfit: '-3.5', probability: '0.7', momentum: '-12.25', sourceTime: '2020-01-01T00:00:00Z' });
    expect(await tell(id, full)).toMatchObject({ status: 200, body: { items: [{ tradeId: id, quotedAt: at(5), stored: true }] } });
    expect((await tell(id, { items: [mark(5, '9'), mark(6, '1.1'), mark(6, '1.3')] })).body.items.map(({ stored }) => stored)).toEqual([false, true, false]);
    expect((await agent.http('GET', `/trades/${id}/marks`)).body).toEqual({
      items: [
        { quotedAt: at(6), bid: '1.1', ask: '1.1', floatingProfit: null, probability: null, momentum: null, sourceTime: null, recordedAt: expect.any(String) },
        { quotedAt: at(5), bid: '1.2', ask: '1.2001', floatingProfit: '-3.5', probability: '0.7', momentum: '-12.25', sourceTime: '2020-01-01T00:00:00.000Z', recordedAt: expect.any(String) },
      ],
      nextCursor: null,
    });
    expect(await range(id)).toEqual(['1.1', '1.2']);
    expect((await read(id)).version).toBe(1);
  });

  it('is listed newest first, by window and page', async () => {
    const { id } = await trade();
    await tell(id, { items: [4, 1, 3, 0, 2].map((second) => mark(second, '1')) });
    const seconds = async (query: string) => {
      const { items, nextCursor } = (await agent.http<Page>('GET', `/trades/${id}/marks?${query}`)).body;
      return { seconds: items.map(({ quotedAt }) => (Date.parse(quotedAt) - base) / 1_000), nextCursor };
    };
    expect((await seconds('')).seconds).toEqual([4, 3, 2, 1, 0]);
    expect((await seconds(`from=${at(1)}&to=${at(4)}`)).seconds).toEqual([3, 2, 1]);
    const first = await seconds(`from=${at(1)}&limit=2`);
    expect(first.seconds).toEqual([4, 3]);
    expect(await seconds(`from=${at(1)}&limit=2&cursor=${first.nextCursor}`)).toEqual({ seconds: [2, 1], nextCursor: null });
    expect((await agent.http('GET', `/trades/${id}/marks?from=${at(2)}&to=${at(1)}`)).status).toBe(400);
  });

  it.each<[string, Told, string]>([
    ['a bid above the ask', mark(1, '1.2', '1.1'), 'ask'],
    ['a price below zero', mark(1, '-1', '1'), 'bid'],
    ['a bid of NaN', mark(1, 'NaN', '1'), 'bid'],
    ['a probability above 1', mark(1, '1', '1', { probability: '1.01' }), 'probability'],
    ['a time from the future', { ...mark(1, '1'), quotedAt: new Date(Date.now() + 600_000).toISOString() }, 'quotedAt'],
    ['a time before all feeds', { ...mark(1, '1'), quotedAt: '1989-01-01T00:00:00Z' }, 'quotedAt'],
  ])('is refused with %s, by the name of the field, with all that came beside it', async (_name, body, path) => {
    const { id } = await trade();
    expect(await tell(id, body)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
    expect(await batch([{ tradeId: id, ...mark(2, '1') }, { tradeId: id, ...body }])).toMatchObject({ status: 400, body: { errors: [{ path: `items.1.${path}` }] } });
    expect(await count([id])).toBe(0);
  });

  it('of a trade that is not there, or is another agent\'s, takes the whole batch with it and is named', async () => {
    const [{ id }, stranger] = [await trade(), await t.agent()];
    const theirs = await trade({}, stranger.http);
    const nobodys = '019a0000-0000-7000-8000-00000000dead';
    const items = (tradeId: string) => [{ tradeId: id, ...mark(1, '2') }, { tradeId, ...mark(1, '2') }];
    expect(await batch(items(theirs.id))).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT', errors: [{ path: 'items.1.tradeId' }] } });
    expect(await batch(items(nobodys))).toMatchObject({ status: 404, body: { errors: [{ path: 'items.1.tradeId' }] } });
    expect((await tell(nobodys, mark(1, '2'))).status).toBe(404);
    expect(await count([id, theirs.id])).toBe(0);
    expect(await range(id)).toEqual(['1.1', '1.1']);
    expect((await batch(items(theirs.id), t.http)).body.items.map(({ stored }) => stored)).toEqual([true, true]);
  });

  it('is never changed or deleted', async () => {
    const { id } = await trade();
    await tell(id, mark(1, '1'));
    for (const sql of ['update trade_marks set bid = 2', 'delete from trade_marks', 'truncate trade_marks']) await expect(t.db.query(sql)).rejects.toThrow();
  });
});

describe('how far a price went', () => {
  it.each([['long', '1.05', '1.3', '0.05', '0.2'], ['short', '1.06', '1.4', '0.3', '0.04']])('is judged by the side on which a %s would be closed', async (direction, low, high, mae, mfe) => {
    const { id } = await trade({ direction, lotSize: '2' });
    await tell(id, { items: [mark(1, '1.05', '1.06'), mark(2, '1.3', '1.4')] });
    // Assumed terms: 100,000 units a lot.
    expect(await read(id)).toMatchObject({ lowPrice: low, highPrice: high, maePrice: mae, mfePrice: mfe, maeAmount: String(Number(mae) * 200_000), mfeAmount: String(Number(mfe) * 200_000) });
  });

  it('counts between entry and exit, also when told late, and is kept for ever', async () => {
    const { id } = await trade();
    await tell(id, { items: [mark(-1, '5'), mark(1, '1.2'), mark(9, '7')] });
    expect(await range(id)).toEqual(['1.1', '7']);
    await close(id, 5, '1.15');
    expect(await range(id)).toEqual(['1.1', '1.2']);
    await tell(id, { items: [mark(3, '0.9'), mark(6, '0.1'), mark(5, '1.25')] });
    expect(await range(id)).toEqual(['0.9', '1.25']);
    expect(await read(id)).toMatchObject({ maePrice: '0.2', mfePrice: '0.15' });
  });

  it('waits for the entry, and follows it when fills say another', async () => {
    const { id } = await trade({ entryPrice: undefined, entryTime: undefined });
    await tell(id, { items: [mark(1, '1.5'), mark(3, '1.2'), mark(8, '1.3')] });
    expect(await range(id)).toEqual([null, null]);
    await fill(id, [{ brokerDealId: 'e1', role: 'entry', price: '1.25', size: '0.5', at: at(2) }]);
    expect(await range(id)).toEqual(['1.2', '1.3']);
    await fill(id, [{ brokerDealId: 'e0', role: 'entry', price: '1.26', size: '0.5', at: at(0) }]);
    expect(await range(id)).toEqual(['1.2', '1.5']);
    await fill(id, [{ brokerDealId: 'x', role: 'exit', price: '1.1', size: '1', at: at(7) }]);
    expect(await range(id)).toEqual(['1.1', '1.5']);
  });

  it('is not narrowed when old marks are gone', async () => {
    const { id } = await trade();
    await tell(id, { items: [mark(1, '1.5'), mark(2, '0.5')] });
    const [month = ''] = (await t.db.query<{ part: string }>(`select tableoid::regclass::text as part from trade_marks where trade_id = $1`, [id])).map(({ part }) => part);
    await withClient(t.db.ownerUrl, (owner) => owner.query(`begin; alter table ${month} disable trigger refuse_change; delete from ${month} where trade_id = '${id}'; alter table ${month} enable trigger refuse_change; commit`));
    await close(id, 5, '1');
    expect(await range(id)).toEqual(['0.5', '1.5']);
  });
});

describe('many agents that send marks at once', () => {
  it('have each stored once, and the extremes of all', async () => {
    const agents = await Promise.all(Array.from({ length: 4 }, () => t.agent()));
    const trades = await Promise.all(agents.flatMap(({ http }) => [trade({}, http), trade({ direction: 'short' }, http)]));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => {
      const mine = n % agents.length;
      const http = clientOf(n % 2 ? t.base : other.base, agents[mine]?.apiKey ?? '');
      const ids = [trades[mine * 2]?.id ?? '', trades[mine * 2 + 1]?.id ?? ''];
      const second = Math.floor(n / 8) + 1;
      const items = ids.map((tradeId) => ({ tradeId, ...mark(second, `1.${second}`, `1.${second}5`) }));
      return batch(n % 3 ? items : items.reverse(), http);
    }));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const stored = answers.flatMap(({ body }) => body.items).filter((item) => item.stored);
    expect(stored.length).toBe(await count(trades.map(({ id }) => id)));
    expect(new Set(stored.map(({ tradeId, quotedAt }) => tradeId + quotedAt)).size).toBe(stored.length);
    for (const { id } of trades) {
      const [row] = await t.db.query<{ low: string; high: string }>(`select least(t.entry_price, min(case when t.direction = 'long' then m.bid else m.ask end)) as low,
        greatest(t.entry_price, max(case when t.direction = 'long' then m.bid else m.ask end)) as high
        from trades t join trade_marks m on m.trade_id = t.id where t.id = $1 group by t.id`, [id]);
      expect(await range(id)).toEqual([row?.low, row?.high]);
    }
  });

  it('lose none while the trade ends: what lies in its window counts, whichever was faster', async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await trade();
      await Promise.all([
        ...Array.from({ length: 8 }, (_, n) => tell(id, { items: [mark(n, `1.${n + 2}`), mark(n + 10, '9')] }, clientOf(n % 2 ? t.base : other.base, agent.apiKey))),
        close(id, 6, '1.1'),
      ]);
      expect(await range(id)).toEqual(['1.1', '1.8']);
    }
  });
});
