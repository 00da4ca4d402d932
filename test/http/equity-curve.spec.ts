import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client } from '../support/http.js';
import { storeTrades, type TradeRowGiven } from '../support/trade-rows.js';

interface Point { at: string; tradeId: string; netProfit: string | null; cumulative: string; peak: string; drawdown: string }
interface Curve { accountId: string; account: string; currency: string; executionMode: string; items: Point[]; nextCursor: string | null }
interface Refusal { code: string; detail: string; errors?: { path: string; message: string }[] }

let t: TestApp;
let agent: TestAgent;
let accountId: string;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
  accountId = await accountOf(agent);
});
afterAll(() => t.close());

const accountOf = async ({ id }: TestAgent) => (await t.db.query<{ account_id: string }>('select account_id from agents where id = $1', [id]))[0]?.account_id ?? '';
const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const store = (...trades: Partial<TradeRowGiven>[]) => storeTrades(t.db, trades.map((trade) => ({ agentId: agent.id, accountId, ...trade })));
const curve = async (query: string, http: Client = t.http): Promise<Curve> => {
  const answer = await http<Curve>('GET', `/trades/equity-curve?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const refusal = async (query: string, http: Client = t.http) => {
  const { status, body } = await http<Refusal>('GET', `/trades/equity-curve?${query}`);
  return { status, ...body, paths: body.errors?.map(({ path }) => path) };
};
const mine = (query = '') => curve(`agentId=${agent.id}&${query}`);
/** Without id and time, to be read beside the figures. */
const figures = ({ items }: Curve) => items.map(({ netProfit, cumulative, peak, drawdown }) => [netProfit, cumulative, peak, drawdown]);

const FIGURES = [
  ['9', '9', '9', '0'], ['-6.5', '2.5', '9', '6.5'], ['0', '2.5', '9', '6.5'], ['-3.5', '-1', '9', '10'], [null, '-1', '9', '10'], ['20', '19', '19', '0'], ['1', '20', '20', '0'],
];
/** Recorded in another order than they ended in; two ended at one moment. */
const seven = async () => {
  const [six, one, four, two, five, seventh, three] = await store(
    { exitTime: at(6), grossProfit: '20.25', fee: '-0.25' }, { exitTime: at(1), grossProfit: '10', commission: '-1' }, { exitTime: at(4), grossProfit: '-3.5' },
    { exitTime: at(2), grossProfit: '-5', commission: '-1', swap: '-0.5' }, { exitTime: at(4), commission: '-7' }, { exitTime: at(7), grossProfit: '1' },
    { exitTime: at(3), grossProfit: '2', commission: '-2' },
  );
  return [one, two, three, four, five, six, seventh];
};

describe('an equity curve', () => {
  it('goes exit by exit, oldest first, from zero, exactly; a result that is not known is a point and no profit', async () => {
    const ids = await seven();
    await store({ status: 'open' }, { status: 'rejected' }, { status: 'unknown', grossProfit: '5' });
    const answer = await mine();
    expect(answer).toMatchObject({ accountId, account: agent.name, currency: 'USD', executionMode: 'paper', nextCursor: null });
    expect(figures(answer)).toEqual(FIGURES);
    expect(answer.items.map(({ tradeId }) => tradeId)).toEqual(ids);
    expect(answer.items.map((point) => point.at)).toEqual([1, 2, 3, 4, 4, 6, 7].map(at));
  });

  it('begins where the account does: with its first loss below zero, and with no invented first point', async () => {
    expect(await mine()).toEqual({ accountId, account: agent.name, currency: 'USD', executionMode: 'paper', items: [], nextCursor: null });
    await store({ exitTime: at(1), grossProfit: '-2' });
    expect(figures(await mine())).toEqual([['-2', '-2', '0', '2']]);
  });

  it('goes on exactly from page to page, whatever the pages hold, also between two exits of one moment', async () => {
    const ids = await seven();
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      const points: Point[] = [];
      let cursor: string | null = '';
      for (let pages = 0; cursor !== null; pages++) {
        const page: Curve = await mine(`limit=${limit}${cursor ? `&cursor=${cursor}` : ''}`);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        expect(pages).toBeLessThan(8);
        points.push(...page.items);
        cursor = page.nextCursor;
      }
      expect([limit, points.map(({ tradeId }) => tradeId)]).toEqual([limit, ids]);
      expect(figures({ items: points } as Curve)).toEqual(FIGURES);
    }
  });

  it('goes on from what was shown, when a trade is told late that ended before; who reads anew sees it', async () => {
    await seven();
    const first = await mine('limit=3');
    await store({ exitTime: at(0), grossProfit: '-1000' });
    const second = await mine(`limit=500&cursor=${first.nextCursor}`);
    expect(figures({ items: [...first.items, ...second.items] } as Curve)).toEqual(FIGURES);
    expect(figures(await mine()).at(-1)).toEqual(['1', '-980', '0', '980']);
  });

  it('tells exits of one millisecond apart', async () => {
    const ids = await store(...['.000300', '.000100', '.000200'].map((part) => ({ exitTime: `2026-01-05T10:00:00${part}Z`, grossProfit: '1' })));
    const first = await mine('limit=2');
    const second = await mine(`limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map(({ tradeId }) => tradeId)).toEqual([ids[1], ids[2], ids[0]]);
  });

  it('is of what the filters leave, from zero at the beginning of the window', async () => {
    await store(
      { exitTime: at(1), grossProfit: '1' }, { exitTime: at(2), grossProfit: '20', symbol: 'XAUUSD' }, { exitTime: at(3), grossProfit: '300', direction: 'short' },
      { exitTime: at(4), grossProfit: '4000', symbol: 'XAUUSD', direction: 'short' },
    );
    const sums = async (query: string) => (await mine(query)).items.map(({ cumulative }) => cumulative);
    expect(await sums('symbol=XAUUSD')).toEqual(['20', '4020']);
    expect(await sums('direction=short')).toEqual(['300', '4300']);
    expect(await sums(`from=${at(2)}&to=${at(4)}`)).toEqual(['20', '320']);
    expect(await sums(`from=${at(9)}`)).toEqual([]);
    const { nextCursor } = await mine(`from=${at(2)}&to=${at(4)}&limit=1`);
    expect(await sums(`from=${at(2)}&to=${at(4)}&cursor=${nextCursor}`)).toEqual(['320']);
  });
});

describe('one account and one mode', () => {
  it('are needed where there are several, and the refusal names them', async () => {
    await store({ exitTime: at(1), grossProfit: '1' }, { exitTime: at(2), grossProfit: '20', executionMode: 'simulation' });
    const answer = await refusal(`agentId=${agent.id}`);
    expect(answer).toMatchObject({ status: 400, code: 'CURVE_NOT_ONE', paths: ['accountId', 'executionMode'] });
    expect(answer.detail).toContain(`${agent.name} (${accountId}) in paper, ${agent.name} (${accountId}) in simulation.`);
    expect(await refusal(`accountId=${accountId}`)).toMatchObject({ status: 400, paths: ['executionMode'] });
    expect((await mine('executionMode=simulation')).items).toEqual([expect.objectContaining({ netProfit: '20', cumulative: '20' })]);
    expect((await curve(`accountId=${accountId}&executionMode=paper`)).items).toEqual([expect.objectContaining({ netProfit: '1', cumulative: '1' })]);
  });

  it('are named ten at most', async () => {
    for (let i = 0; i < 10; i++) await t.agent();
    const { detail, status } = await refusal('executionMode=paper');
    expect([status, detail.match(/ in paper/g)?.length, detail.endsWith(' and more.')]).toEqual([400, 10, true]);
  });

  it('need not be said where there is one; asked for by name they have a curve without points', async () => {
    expect((await curve('', agent.http)).accountId).toBe(accountId);
    expect(await curve(`accountId=${accountId}&executionMode=live`)).toMatchObject({ accountId, executionMode: 'live', items: [] });
    expect(await curve('executionMode=live&accountId=' + accountId, agent.http)).toMatchObject({ executionMode: 'live', items: [] });
    expect(await refusal(`accountId=${crypto.randomUUID()}&executionMode=paper`)).toMatchObject({ status: 404 });
    expect(await refusal(`agentId=${agent.id}&executionMode=live`)).toMatchObject({ status: 404 });
  });
});

describe('the cursor of an equity curve', () => {
  it('is refused where it was not given: another curve, other filters, another sum', async () => {
    await seven();
    const { nextCursor } = await mine('limit=2');
    const cursor = nextCursor ?? '';
    expect((await mine(`limit=500&cursor=${cursor}`)).items).toHaveLength(5);
    const [place = '', seal = ''] = cursor.split('.');
    const told = JSON.parse(Buffer.from(place, 'base64url').toString()) as string[];
    expect(told.slice(2)).toEqual(['2.5', '9']);
    const richer = `${Buffer.from(JSON.stringify([told[0], told[1], '1000000', '1000000'])).toString('base64url')}.${seal}`;
    const other = await t.agent();
    const wrong = [
      `agentId=${agent.id}&cursor=${richer}`, `agentId=${agent.id}&symbol=EURUSD&cursor=${cursor}`, `agentId=${agent.id}&from=${at(1)}&cursor=${cursor}`,
      `agentId=${agent.id}&cursor=${place}.${'A'.repeat(22)}`, `agentId=${agent.id}&cursor=${place}`, `agentId=${other.id}&cursor=${cursor}`,
      `accountId=${accountId}&executionMode=paper&cursor=${cursor}`, `agentId=${agent.id}&cursor=${Buffer.from('s1').toString('base64url')}`,
    ];
    for (const query of wrong) expect([query, await refusal(query)]).toEqual([query, expect.objectContaining({ status: 400, code: 'VALIDATION_FAILED', paths: ['cursor'] })]);
  });

  it('is good on another instance', async () => {
    const second = await t.second();
    try {
      await seven();
      const { nextCursor } = await mine('limit=6');
      const answer = await second.http<Curve>('GET', `/trades/equity-curve?agentId=${agent.id}&cursor=${nextCursor}`);
      expect(figures(answer.body)).toEqual([['1', '20', '20', '0']]);
    } finally {
      await second.close();
    }
  });
});

describe('who may see an equity curve', () => {
  it('nobody without credentials; every person all; an agent its own trades, and nothing of an account that it has no part in', async () => {
    const other = await t.agent();
    const theirs = await accountOf(other);
    await storeTrades(t.db, [{ agentId: other.id, accountId: theirs, exitTime: at(1), grossProfit: '66' }, { agentId: other.id, accountId, exitTime: at(1), grossProfit: '77' }]);
    await store({ exitTime: at(2), grossProfit: '1' });
    const both = `accountId=${accountId}&executionMode=paper`;
    expect((await t.http('GET', `/trades/equity-curve?${both}`, { token: null })).status).toBe(401);
    const viewer = await t.person('viewer');
    expect((await t.http<Curve>('GET', `/trades/equity-curve?${both}`, { token: viewer })).body.items.map(({ cumulative }) => cumulative)).toEqual(['77', '78']);
    expect((await curve(both, agent.http)).items.map(({ cumulative }) => cumulative)).toEqual(['1']);
    expect(await refusal(`accountId=${theirs}&executionMode=paper`, agent.http)).toMatchObject({ status: 404 });
    expect(await refusal(`agentId=${other.id}`, agent.http)).toMatchObject({ status: 403, code: 'NOT_YOUR_AGENT' });
  });

  it.each([
    ['limit=0', 'limit'], ['cursor=abc', 'cursor'], ['accountId=1', 'accountId'], ['executionMode=demo', 'executionMode'], ['symbol=%27', 'symbol'], ['from=today', 'from'],
    ['interval=day', 'interval'], ['offset=5', 'offset'],
  ])('refuses ?%s with 400', async (query, path) => {
    expect(await refusal(query)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', paths: [path] });
  });
});
