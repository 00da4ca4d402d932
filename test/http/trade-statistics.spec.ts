import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';
import { storeTrades, type TradeRowGiven } from '../support/trade-rows.js';

interface Statistics {
  accountId: string; account: string; currency: string; executionMode: string; tradesByStatus: Record<string, number> | null; closedTrades: number;
  wins: number; netProfit: string | null; unpricedTrades: number; longestWinStreak: number; longestLossStreak: number; [figure: string]: unknown;
}
interface Refusal { code: string; errors?: { path: string; message: string }[] }

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
const stats = async (query: string, http: Client = t.http): Promise<Statistics[]> => {
  const answer = await http<{ items: Statistics[] }>('GET', `/trades/stats?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.items;
};
const mine = async (query = ''): Promise<Statistics> => {
  const items = await stats(`agentId=${agent.id}&${query}`);
  expect(items).toHaveLength(1);
  return items[0] as Statistics;
};
const store = (...trades: Partial<TradeRowGiven>[]) => storeTrades(t.db, trades.map((trade) => ({ agentId: agent.id, accountId, ...trade })));

const NO_TRADES = { pending: 0, open: 0, closing: 0, closed: 0, rejected: 0, cancelled: 0, expired: 0, unknown: 0 };
/** What is said of no trade at all. */
const NOTHING = {
  tradesByStatus: NO_TRADES, closedTrades: 0, wins: 0, losses: 0, breakeven: 0, unpricedTrades: 0, winRate: null, grossProfit: '0', costs: '0', netProfit: '0',
  profitFactor: null, averageWin: null, averageLoss: null, expectancy: null, largestWin: null, largestLoss: null, longestWinStreak: 0, longestLossStreak: 0,
  averageHoldingSeconds: null, maxDrawdownAmount: '0', maxDrawdownOfPeakFraction: null, sharpePerTrade: null, firstExitAt: null, lastExitAt: null,
};

describe('the statistics of trades', () => {
  it('are right to the last digit, from the calls that told the trades', async () => {
    let orders = 0;
    const enter = async (entryTime: string) => (await agent.http<{ id: string }>('POST', '/trades', {
      body: { clientOrderId: `s-${++orders}`, symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime },
    })).body.id;
    const close = async (minute: number, money: Record<string, string>, heldSeconds: number) => {
      const id = await enter(new Date(Date.parse(at(minute)) - heldSeconds * 1_000).toISOString());
      const body = { to: 'closed', version: 1, exitPrice: '1.2', exitReason: 'signal', occurredAt: at(minute), ...money };
      expect((await agent.http('POST', `/trades/${id}/transitions`, { body })).status).toBe(200);
    };
    // Told in another order than they ended in: net 9, -6.5, 0, -3.5, not known, 20, 1.
    await close(6, { grossProfit: '20.25', fee: '-0.25' }, 60);
    await close(1, { grossProfit: '10', commission: '-1' }, 60);
    await close(4, { grossProfit: '-3.5' }, 60);
    await close(2, { grossProfit: '-5', commission: '-1', swap: '-0.5' }, 120);
    await close(5, { commission: '-7' }, 600);
    await close(7, { grossProfit: '1' }, 90.5);
    await close(3, { grossProfit: '2', commission: '-2' }, 60);
    await enter(at(1));
    await agent.http('POST', '/trades', { body: { clientOrderId: 'pending', symbol: 'EURUSD', direction: 'long', lotSize: '1' } });

    expect(await mine()).toEqual({
      accountId, account: agent.name, currency: 'USD', executionMode: 'paper', tradesByStatus: { ...NO_TRADES, pending: 1, open: 1, closed: 7 },
      closedTrades: 7, wins: 3, losses: 2, breakeven: 1, unpricedTrades: 1, winRate: '0.6', grossProfit: '24.75', costs: '-4.75', netProfit: '20',
      // 30 won, 10 lost; the curve goes 9, 2.5, 2.5, -1, 19, 20 and falls 10 from 9; 1050.5 s over 7 trades.
      profitFactor: '3', averageWin: '10', averageLoss: '-5', expectancy: '3.333333333333333333', largestWin: '20', largestLoss: '-6.5',
      longestWinStreak: 2, longestLossStreak: 2, averageHoldingSeconds: 150.071, maxDrawdownAmount: '10', maxDrawdownOfPeakFraction: '1.111111111111111111',
      sharpePerTrade: '0.343868057005975302', firstExitAt: at(1), lastExitAt: at(7),
    });
  });

  it('are defined for no trade at all', async () => {
    expect(await mine()).toEqual({ accountId, account: agent.name, currency: 'USD', executionMode: 'paper', ...NOTHING });
  });

  it('of an account and mode that were asked for are there, also when nothing ever happened in them', async () => {
    expect(await stats(`accountId=${accountId}&executionMode=live`)).toEqual([{ accountId, account: agent.name, currency: 'USD', executionMode: 'live', ...NOTHING }]);
    expect(await stats(`accountId=${accountId}&executionMode=simulation`, agent.http)).toEqual([expect.objectContaining({ accountId, executionMode: 'simulation', ...NOTHING })]);
    expect(await stats(`accountId=${accountId}`)).toEqual([expect.objectContaining({ executionMode: 'paper', ...NOTHING })]);
    expect(await stats(`accountId=${crypto.randomUUID()}&executionMode=paper`)).toEqual([]);
  });

  it('say null, and neither 0 nor infinity, of what cannot be divided', async () => {
    await store({ exitTime: at(1), grossProfit: '5' }, { exitTime: at(2), grossProfit: '5' });
    expect(await mine()).toMatchObject({ profitFactor: null, averageLoss: null, largestLoss: null, winRate: '1', sharpePerTrade: null, maxDrawdownAmount: '0', maxDrawdownOfPeakFraction: '0' });
    const loser = await t.agent();
    await storeTrades(t.db, [{ agentId: loser.id, accountId: await accountOf(loser), exitTime: at(1), grossProfit: '-5' }]);
    expect((await stats(`agentId=${loser.id}`))[0]).toMatchObject({
      profitFactor: '0', averageWin: null, largestWin: null, winRate: '0', expectancy: '-5', sharpePerTrade: null, maxDrawdownAmount: '5', maxDrawdownOfPeakFraction: null,
    });
    const even = await t.agent();
    await storeTrades(t.db, [{ agentId: even.id, accountId: await accountOf(even), exitTime: at(1), grossProfit: '0' }]);
    expect((await stats(`agentId=${even.id}`))[0]).toMatchObject({ winRate: null, profitFactor: null, expectancy: '0', breakeven: 1, netProfit: '0' });
  });

  it('count a result that is not known, and never take it for zero', async () => {
    await store({ exitTime: at(1) }, { exitTime: at(2), commission: '-1' });
    expect(await mine()).toMatchObject({
      closedTrades: 2, unpricedTrades: 2, breakeven: 0, winRate: null, grossProfit: null, costs: null, netProfit: null, expectancy: null, maxDrawdownAmount: null,
      averageHoldingSeconds: expect.any(Number), firstExitAt: at(1), lastExitAt: at(2),
    });
    await store({ exitTime: at(3), grossProfit: '-4' });
    expect(await mine()).toMatchObject({ closedTrades: 3, unpricedTrades: 2, netProfit: '-4', expectancy: '-4', longestLossStreak: 1, maxDrawdownAmount: '4' });
  });

  it('take external trades for money, not for streaks', async () => {
    await store(...['1', '2', '-50', '3'].map((grossProfit, i) => ({ exitTime: at(i), grossProfit, ...(grossProfit === '-50' ? { origin: 'external' } : {}) })));
    expect(await mine()).toMatchObject({ netProfit: '-44', wins: 3, losses: 1, largestLoss: '-50', longestWinStreak: 3, longestLossStreak: 0 });
  });

  it('take trades that ended at one moment in the order in which they were recorded', async () => {
    await store(...['10', '-4', '3', '3'].map((grossProfit) => ({ exitTime: at(1), grossProfit })));
    expect(await mine()).toMatchObject({ maxDrawdownAmount: '4', maxDrawdownOfPeakFraction: '0.4', longestWinStreak: 2 });
  });

  it('leave out how long a trade was held where its entry is not known, or lies after its exit', async () => {
    await store({ exitTime: at(10), grossProfit: '1', entryTime: null }, { exitTime: at(10), grossProfit: '1', entryTime: at(11) });
    expect(await mine()).toMatchObject({ closedTrades: 2, averageHoldingSeconds: null });
    await store({ exitTime: at(10), grossProfit: '1', entryTime: at(8) });
    expect(await mine()).toMatchObject({ closedTrades: 3, averageHoldingSeconds: 120 });
  });

  it('keep digits that a double would lose', async () => {
    await store({ exitTime: at(1), grossProfit: '9999999999999999999.000000000000000001' }, { exitTime: at(2), grossProfit: '-0.000000000000000002' });
    expect(await mine()).toMatchObject({
      grossProfit: '9999999999999999998.999999999999999999', profitFactor: '4999999999999999999500000000000000000.5', expectancy: '4999999999999999999.5',
      maxDrawdownAmount: '0.000000000000000002',
    });
  });
});

describe('money', () => {
  it('is never summed over accounts, currencies or execution modes', async () => {
    const euros = await t.agent();
    const inEuros = await accountOf(euros);
    await t.db.query(`update accounts set currency = 'EUR' where id = $1`, [inEuros]);
    await store({ exitTime: at(1), grossProfit: '1' }, { exitTime: at(2), grossProfit: '-20', executionMode: 'simulation' }, { exitTime: at(3), grossProfit: '300', accountId: inEuros });
    const items = await stats(`agentId=${agent.id}`);
    expect(items.map(({ account, currency, executionMode, netProfit, closedTrades }) => [account, currency, executionMode, netProfit, closedTrades])).toEqual([
      [agent.name, 'USD', 'paper', '1', 1], [agent.name, 'USD', 'simulation', '-20', 1], [euros.name, 'EUR', 'paper', '300', 1],
    ]);
    const all = await stats('');
    expect(new Set(all.map((item) => `${item.accountId} ${item.executionMode}`)).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(items));
  });

  it('of an agent that is gone stays, and its empty book goes', async () => {
    const idle = await t.agent();
    await store({ exitTime: at(1), grossProfit: '7' });
    for (const { id } of [agent, idle]) expect((await t.http('PATCH', `/agents/${id}`, { body: { retired: true } })).status).toBe(200);
    expect((await mine()).netProfit).toBe('7');
    expect(await stats(`agentId=${idle.id}`)).toEqual([]);
  });
});

describe('the filters of the statistics', () => {
  it('narrow what is counted, and a window is one of exits', async () => {
    const gold = { symbol: 'XAUUSD' };
    await store(
      { exitTime: at(1), grossProfit: '1' }, { exitTime: at(2), grossProfit: '20', ...gold }, { exitTime: at(3), grossProfit: '300', direction: 'short' },
      { exitTime: at(4), grossProfit: '4000', ...gold, direction: 'short' }, { status: 'open', ...gold }, { status: 'rejected' },
    );
    const net = async (query: string) => (await mine(query)).netProfit;
    expect(await net('')).toBe('4321');
    expect(await net('symbol=XAUUSD')).toBe('4020');
    expect(await net('direction=short')).toBe('4300');
    expect(await net('symbol=XAUUSD&direction=short')).toBe('4000');
    expect(await net(`from=${at(2)}&to=${at(4)}`)).toBe('320');
    expect(await net(`from=${at(4)}`)).toBe('4000');
    expect(await net(`to=${START + 60_001}`)).toBe('1');
    expect(await net('executionMode=paper')).toBe('4321');
    expect(await net(`accountId=${accountId}`)).toBe('4321');
    expect((await mine('symbol=XAUUSD')).tradesByStatus).toEqual({ ...NO_TRADES, open: 1, closed: 2 });
    // A trade that has not ended lies in no window: how many there are is not said, rather than said to be none.
    expect(await mine(`from=${at(2)}`)).toMatchObject({ tradesByStatus: null, closedTrades: 3 });
    expect(await mine(`from=${at(9)}&symbol=NONE`)).toMatchObject({ ...NOTHING, tradesByStatus: null });
    expect(await stats(`agentId=${agent.id}&executionMode=live`)).toEqual([]);
  });

  it.each([
    ['accountId=1', 'accountId'], ['executionMode=LIVE', 'executionMode'], ['agentId=x', 'agentId'], ['symbol=%27', 'symbol'], ['direction=up', 'direction'],
    ['from=yesterday', 'from'], ['to=2026-01-05T10:00:00', 'to'], ['period=7d', 'period'], ['limit=5', 'limit'], ['status=closed', 'status'],
  ])('refuse ?%s with 400', async (query, path) => {
    const answer = await t.http<Refusal>('GET', `/trades/stats?${query}`);
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.path]).toEqual([400, 'VALIDATION_FAILED', path]);
  });
});

describe('who may see the statistics', () => {
  it('nobody without credentials; every person all; an agent its own, and nothing of an account that it has no part in', async () => {
    const other = await t.agent();
    const theirs = await accountOf(other);
    await storeTrades(t.db, [{ agentId: other.id, accountId: theirs, exitTime: at(1), grossProfit: '66' }, { agentId: other.id, accountId, exitTime: at(1), grossProfit: '77' }]);
    await store({ exitTime: at(1), grossProfit: '1' });
    expect((await t.http('GET', '/trades/stats', { token: null })).status).toBe(401);
    expect((await t.http('GET', '/trades/stats', { token: await t.person('viewer') })).status).toBe(200);
    expect(await stats(`accountId=${accountId}`)).toEqual([expect.objectContaining({ netProfit: '78' })]);
    expect(await stats('', agent.http)).toEqual([expect.objectContaining({ accountId, netProfit: '1' })]);
    for (const mode of ['paper', 'live']) expect(await stats(`accountId=${theirs}&executionMode=${mode}`, agent.http)).toEqual([]);
    const foreign = await agent.http<Refusal>('GET', `/trades/stats?agentId=${other.id}`);
    expect([foreign.status, foreign.body.code]).toEqual([403, 'NOT_YOUR_AGENT']);
  });
});

describe('while trades are being closed', () => {
  it('the figures are all of one moment', async () => {
    const second = await t.second();
    try {
      const TRADES = 60;
      const ids = await store(...Array.from({ length: TRADES }, () => ({ status: 'open' })));
      const seen = new Set<number>();
      let closing = true;
      const look = async (base: string) => {
        while (closing) {
          const [item] = await stats(`agentId=${agent.id}`, clientOf(base, t.adminToken));
          const closed = item?.closedTrades ?? -1;
          seen.add(closed);
          expect(item).toMatchObject({
            tradesByStatus: { ...NO_TRADES, open: TRADES - closed, closed }, wins: closed, grossProfit: String(10 * closed), costs: String(-closed || 0),
            netProfit: String(9 * closed), longestWinStreak: closed, expectancy: closed > 0 ? '9' : null, winRate: closed > 0 ? '1' : null,
          });
        }
      };
      const close = async (list: string[], base: string) => {
        for (const id of list) {
          const body = { to: 'closed', version: 1, exitPrice: '1', exitReason: 'signal', grossProfit: '10', commission: '-1' };
          expect((await clientOf(base, agent.apiKey)('POST', `/trades/${id}/transitions`, { body })).status).toBe(200);
        }
      };
      const looking = [look(t.base), look(second.base)];
      await Promise.all([close(ids.slice(0, 30), t.base), close(ids.slice(30), second.base)]).finally(() => (closing = false));
      await Promise.all(looking);
      expect(seen.size).toBeGreaterThan(2);
      expect(await mine()).toMatchObject({ closedTrades: TRADES, netProfit: '540' });
    } finally {
      await second.close();
    }
  });
});
