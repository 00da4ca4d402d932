import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';
import { storeTrades, type TradeRowGiven } from '../support/trade-rows.js';

interface Figures { trades: number; netProfit: string | null; sumR: string | null; averageR: string | null; tradesWithR: number; [figure: string]: unknown }
interface Group extends Figures { key: string | null; label: string | null; agentId: string | null; modelVersion: string | null }
interface Book { accountId: string; account: string; currency: string; executionMode: string; zone: string; total: Figures; groups: Group[]; others: (Figures & { groups: number }) | null }

let t: TestApp;
let counter = 0;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const START = Date.parse('2026-01-05T10:00:00Z');
const at = (minute: number) => new Date(START + minute * 60_000).toISOString();
const report = async (query: string, http: Client = t.http): Promise<Book[]> => {
  const answer = await http<{ items: Book[] }>('GET', `/reports/performance?${query}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.items;
};
/** The groups of one agent's book as key and a figure. */
const groups = async (agent: TestAgent, groupBy: string, figure = 'trades') => {
  const [book, ...more] = await report(`account=${agent.name}&groupBy=${groupBy}`);
  expect(more).toEqual([]);
  return (book?.groups ?? []).map((group) => [group.key, group[figure]]);
};
const store = (agent: TestAgent, ...trades: Partial<TradeRowGiven>[]) =>
  storeTrades(t.db, trades.map((trade, n) => ({ agentId: agent.id, accountId: agent.accountId, exitTime: at(n), grossProfit: '1', ...trade })));
const prediction = async (agent: TestAgent, more: Record<string, unknown>) => {
  const made = await agent.http<{ id: string }>('POST', '/predictions', { body: { model: 'm', symbol: 'EURUSD', timestamp: at(counter++), direction: 'long', confidence: '0.5', ...more } });
  if (made.status !== 201) throw new Error(made.text);
  return made.body.id;
};
/** As the gate writes one that it refused: the table's own checks are the idea's. */
const idea = async (agent: TestAgent, { version = null, confidence = null, predictionId = null, strategyId = null }: { version?: string | null; confidence?: string | null; predictionId?: string | null; strategyId?: string | null }) => {
  const id = randomUUID();
  await t.db.query(`insert into trade_ideas (id, account_id, execution_mode, proposer_id, executor_id, strategy_id, prediction_id, agent_version, symbol, direction, lot_size, valid_for_seconds, rationale,
      confidence, status, digest, reasons, decided_at, decided_by, actor)
    values ($1, $2, 'paper', $3, $3, $4, $5, $6, 'EURUSD', 'long', 1, 60, 'because', $7, 'rejected', repeat('0', 64), '[]', app_clock(), 'system', 'system')`,
  [id, agent.accountId, agent.id, strategyId, predictionId, version, confidence]);
  return id;
};
const link = (id: string | undefined, column: string, value: string) => t.db.query(`update trades set ${column} = $2 where id = $1`, [id, value]);

describe('the performance report', () => {
  it('tells of each group what the statistics tell, and R by the stop that was there at the entry', async () => {
    const agent = await t.agent();
    const [one = '', two = '', , four = ''] = await store(agent, { grossProfit: '10', commission: '-1' }, { grossProfit: '-5', swap: '-0.5' }, { grossProfit: '2', fee: '-2' }, { grossProfit: '20' }, { grossProfit: null });
    // 1 lot entered at 1, stop 0.5 away, a point worth 4: 2 risked. One stop came after the entry, one trade has no terms.
    await t.db.query(`update trades set first_stop_loss = 0.5, point_value = 4, first_stop_at = entry_time where id = any($1)`, [[one, two]]);
    await t.db.query(`update trades set first_stop_loss = 0.5, point_value = 4, first_stop_at = entry_time + interval '1 second' where id = $1`, [four]);
    const figures = {
      trades: 5, wins: 2, losses: 1, breakEven: 1, unpricedTrades: 1, grossProfit: '27', costs: '-3.5', netProfit: '23.5', sumR: '1.75', averageR: '0.875', tradesWithR: 2,
      expectancy: '5.875', winFraction: '0.666666666666666667', profitFactor: '5.272727272727272727',
      bestTrade: { tradeId: four, netProfit: '20' }, worstTrade: { tradeId: two, netProfit: '-5.5' },
    };
    expect(await report(`account=${agent.name}`)).toEqual([{
      accountId: agent.accountId, account: agent.name, currency: 'USD', executionMode: 'paper', zone: 'UTC', total: figures,
      groups: [{ key: agent.id, label: agent.name, agentId: null, modelVersion: null, ...figures }], others: null,
    }]);
    for (const id of [one, two, four]) {
      const { body } = await agent.http<{ rMultiple: string | null }>('GET', `/trades/${id}`);
      expect(body.rMultiple).toBe(id === one ? '4.5' : id === two ? '-2.75' : null);
    }
  });

  it('agrees with the statistics of trades', async () => {
    const [one, other] = [await t.agent(), await t.agent()];
    await store(one, { grossProfit: '3' }, { grossProfit: '-1', executionMode: 'simulation' }, { grossProfit: null }, { status: 'open' }, { accountId: other.accountId, grossProfit: '7' });
    for (const query of ['', `from=${at(0)}&to=${at(2)}`, 'from=2030-01-01T00:00:00Z']) {
      const stats = (await one.http<{ items: Record<string, unknown>[] }>('GET', `/trades/stats?${query}`)).body.items;
      const books = await report(`${query}&groupBy=symbol`, one.http);
      expect(books.map(({ account, executionMode, currency, total }) => ({
        account, executionMode, currency, closedTrades: total.trades, wins: total['wins'], losses: total['losses'], breakeven: total['breakEven'], unpricedTrades: total['unpricedTrades'], grossProfit: total['grossProfit'],
        costs: total['costs'], netProfit: total.netProfit, winRate: total['winFraction'], profitFactor: total['profitFactor'], expectancy: total['expectancy'],
      }))).toEqual(stats.map((each) => Object.fromEntries(['account', 'executionMode', 'currency', 'closedTrades', 'wins', 'losses', 'breakeven', 'unpricedTrades', 'grossProfit', 'costs', 'netProfit', 'winRate', 'profitFactor', 'expectancy']
        .map((name) => [name, each[name]]))));
    }
  });

  it('never adds accounts, currencies or modes', async () => {
    const agent = await t.agent();
    const euros = await t.http<{ id: string }>('POST', '/accounts', { body: { name: `euros-${agent.name}`, currency: 'EUR', kind: 'paper', marginMode: 'hedging' } });
    expect(euros.status).toBe(201);
    await store(agent, { grossProfit: '1' }, { grossProfit: '2', executionMode: 'live' }, { grossProfit: '4', accountId: euros.body.id });
    const books = await report('groupBy=symbol', agent.http);
    expect(books.map(({ currency, executionMode, total, groups: [only] }) => [currency, executionMode, total.netProfit, only?.netProfit])).toEqual([
      ['USD', 'live', '2', '2'], ['USD', 'paper', '1', '1'], ['EUR', 'paper', '4', '4'],
    ]);
  });

  it('keeps what has no value in a group of its own', async () => {
    const agent = await t.agent();
    const [one, two, three, four] = await store(agent, {}, {}, {}, {}, {});
    const strategy = (await t.http<{ id: string }>('POST', '/strategies', { body: { name: `s-${agent.name}` } })).body;
    await link(one, 'prediction_id', await prediction(agent, { model: 'm', modelVersion: '7', marketRegime: 'trend', confidence: '1' }));
    const ofIdea = await prediction(agent, { model: 'm', modelVersion: '8', confidence: '0.09' });
    await link(two, 'idea_id', await idea(agent, { version: '1.2', predictionId: ofIdea, strategyId: strategy.id }));
    await link(three, 'idea_id', await idea(agent, { version: '1.2', confidence: '0.7' }));
    await link(four, 'strategy_id', strategy.id);
    await link(four, 'exit_reason', 'stop');
    expect(await groups(agent, 'model', 'modelVersion')).toEqual([[null, null], ['m', '7'], ['m', '8']]);
    expect(await groups(agent, 'model')).toEqual([[null, 3], ['m', 1], ['m', 1]]);
    expect(await groups(agent, 'regime')).toEqual([[null, 4], ['trend', 1]]);
    expect(await groups(agent, 'confidenceDecile')).toEqual([['0', 1], ['7', 1], ['9', 1], [null, 2]]);
    expect(await groups(agent, 'version', 'agentId')).toEqual([[null, null], ['1.2', agent.id]]);
    expect(await groups(agent, 'version', 'label')).toEqual([[null, null], ['1.2', agent.name]]);
    expect(await groups(agent, 'strategy', 'label')).toEqual([[null, null], [strategy.id, `s-${agent.name}`]]);
    expect(await groups(agent, 'exitReason')).toEqual([['signal', 4], ['stop', 1]]);
    expect(await groups(agent, 'symbol')).toEqual([['EURUSD', 5]]);
  });

  it('takes hours and weekdays of the entry in the zone of the account, and says which', async () => {
    const agent = await t.agent();
    await t.db.query(`update accounts set zone = 'America/New_York' where id = $1`, [agent.accountId]);
    // A Monday at 02:30 UTC is still Sunday in New York; in July it is an hour later there.
    await store(agent, { entryTime: '2026-01-05T02:30:00Z' }, { entryTime: '2026-07-06T02:30:00Z' }, { entryTime: '2026-01-05T07:30:00Z' }, { entryTime: null });
    expect(await groups(agent, 'hour')).toEqual([['2', 1], ['21', 1], ['22', 1], [null, 1]]);
    expect(await groups(agent, 'weekday')).toEqual([['1', 1], ['7', 2], [null, 1]]);
    expect((await report(`account=${agent.accountId}&groupBy=hour`))[0]?.zone).toBe('America/New_York');
  });

  it('has a size: what is behind the 500th group is told together, and nothing is lost', async () => {
    const agent = await t.agent();
    await store(agent, ...Array.from({ length: 502 }, (_, n) => ({ symbol: `S${n}` })), { symbol: 'S7', grossProfit: '-3' });
    const [book] = await report(`account=${agent.name}&groupBy=symbol`);
    expect([book?.groups.length, book?.groups[0]?.key, book?.total.trades, book?.total.netProfit]).toEqual([500, 'S7', 503, '499']);
    expect(book?.others).toMatchObject({ groups: 2, trades: 2, netProfit: '2' });
  });

  it('is empty, not wrong, for a book without trades', async () => {
    const agent = await t.agent();
    const [book] = await report(`account=${agent.name}&mode=paper&groupBy=regime`);
    expect(book).toMatchObject({ groups: [], others: null, total: {
      trades: 0, grossProfit: '0', costs: '0', netProfit: '0', sumR: '0', averageR: null, expectancy: null, winFraction: null, profitFactor: null, bestTrade: null, worstTrade: null,
    } });
  });

  it('shows a key its own agent\'s trades only, and no other account', async () => {
    const [mine, other] = [await t.agent(), await t.agent()];
    await store(mine, { grossProfit: '1' });
    await store(other, { grossProfit: '5' }, { grossProfit: '2', accountId: mine.accountId });
    expect((await report('groupBy=agent', mine.http)).map(({ total }) => total.netProfit)).toEqual(['1']);
    expect((await report(`groupBy=agent&account=${mine.name}`, mine.http)).map(({ total }) => total.netProfit)).toEqual(['1']);
    for (const account of [other.name, 'nowhere']) expect(await mine.http('GET', `/reports/performance?groupBy=agent&account=${account}`)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_ACCOUNT' } });
    expect(await t.http('GET', '/reports/performance?groupBy=agent&account=nowhere')).toMatchObject({ status: 404 });
  });

  it('refuses what it does not know, by name', async () => {
    for (const [query, path] of [['groupBy=moon', 'groupBy'], ['groupBy=hour&mode=demo', 'mode'], ['groupBy=hour&from=yesterday', 'from'], ['groupBy=hour&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'to']]) {
      expect(await t.http('GET', `/reports/performance?${query}`)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [expect.objectContaining({ path })] } });
    }
    expect((await clientOf(t.base)('GET', '/reports/performance?groupBy=hour')).status).toBe(401);
  });
});
