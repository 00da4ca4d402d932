import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UnknownCommandsService } from '../../src/execution/unknown-commands.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { holding, whenWaiting } from '../support/locks.js';

interface Trade { id: string; status: string; origin: string; openSize: string; netProfit: string | null; orderTag: string; missingSince: string | null; version: number }
interface Answer { deals: { stored: number; known: number; adopted: { tradeId: string; brokerDealId: string }[] }; settled: { commandId: string; status: string }[]; closed: unknown[]; missing: unknown[] }

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
let counter = 0;
const account = async (marginMode: 'hedging' | 'netting' = 'hedging', kind = 'demo') => {
  const name = `odd ${++counter}`;
  const { body } = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind, broker: 'B', server: 'S', currency: 'USD', marginMode } });
  return { id: body.id, name };
};
const agentOn = (name: string) => t.agent({ account: name });
const open = async (agent: TestAgent, clientOrderId: string, more: Record<string, unknown> = {}) =>
  (await agent.http<Trade>('POST', '/trades', { body: { clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '1', status: 'open', entryPrice: '1.1', entryTime: ago(200), ...more } })).body;
const read = async (id: string) => (await t.http<Trade>('GET', `/trades/${id}`)).body;
const deal = (brokerDealId: string, role: 'entry' | 'exit', more: Record<string, unknown> = {}) => ({
  brokerDealId, role, symbol: 'EURUSD', direction: 'long', price: '1.1', size: '1', at: ago(role === 'entry' ? 100 : 50), ...(role === 'exit' ? { profit: '10' } : {}), ...more,
});
const position = (id: string, more: Record<string, unknown> = {}) => ({ symbol: 'EURUSD', direction: 'long', size: '1', entryPrice: '1.1', brokerPositionId: id, ...more });
const reconcile = (agent: TestAgent, body: Record<string, unknown>) => agent.http<Answer>('POST', '/agents/me/reconcile', { body: { asOf: ago(1), positions: [], orders: [], ...body } });
const report = (agent: TestAgent, body: Record<string, unknown>) => agent.http<Answer>('POST', '/agents/me/positions', { body: { asOf: ago(1), complete: true, positions: [], orders: [], ...body } });

const sumOf = async (accountId: string) =>
  (await t.db.query<{ fills: number; profit: string }>(`select count(*)::int as fills, sum(profit)::text as profit from fills where account_id = $1`, [accountId]))[0];

describe('a deal that leaves several trades', () => {
  const deals = [deal('1', 'exit', { size: '2', profit: '20' }), deal('1#2', 'exit', { profit: '7' })];

  it.each([['in one answer', [deals]], ['one after the other', deals.map((each) => [each])]])('is never taken for another deal of a like name, told %s', async (_how, answers) => {
    const { id, name } = await account('netting');
    const agent = await agentOn(name);
    for (const key of ['a', 'b', 'c']) await open(agent, key);
    for (const told of answers) expect((await reconcile(agent, { deals: told })).body.deals).toMatchObject({ stored: told.length, known: 0 });
    expect((await reconcile(agent, { deals })).body.deals).toMatchObject({ stored: 0, known: 2 });
    expect(await sumOf(id)).toEqual({ fills: 3, profit: '27' });
  });
});

describe('two agents on one paper account', () => {
  const exit = (id: string, profit: string) => ({ brokerDealId: id, role: 'exit', price: '1.1', size: '1', profit, at: ago(50) });

  it('count their deals alike, and each has its own', async () => {
    const { id, name } = await account('hedging', 'paper');
    const agents = [await agentOn(name), await agentOn(name)];
    const trades = await Promise.all(agents.map((agent) => open(agent, 'a', { brokerPositionId: 'P1' })));
    const answers = await Promise.all(agents.flatMap((agent, n) => Array.from({ length: 5 }, () => reconcile(agent, { deals: [deal('D1', 'exit', { brokerPositionId: 'P1', profit: `${n + 1}0` })] }))));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(await Promise.all(trades.map(async (trade) => (await read(trade.id)).netProfit))).toEqual(['10', '20']);
    expect(await sumOf(id)).toEqual({ fills: 2, profit: '30' });
    expect((await Promise.all(agents.map((agent, n) => agent.http('POST', `/trades/${trades[n]?.id}/fills`, { body: exit('D1', `${n + 1}0`) })))).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('cannot take a deal that the other has not told of yet', async () => {
    const { name } = await account('hedging', 'paper');
    const [one, other] = [await agentOn(name), await agentOn(name)];
    const { body } = await reconcile(one, { deals: [deal('D7', 'exit', { profit: '70' })] });
    const theirs = body.deals.adopted[0]?.tradeId ?? '';
    const trade = await open(other, 'a');
    expect((await other.http('POST', `/trades/${trade.id}/fills`, { body: exit('D7', '5') })).status).toBe(201);
    expect([(await read(trade.id)).netProfit, (await read(theirs)).netProfit]).toEqual(['5', '70']);
  });
});

describe('a trade of which nobody knows', () => {
  const transition = async (agent: TestAgent, trade: Trade, to: string) => (await agent.http<Trade>('POST', `/trades/${trade.id}/transitions`, { body: { to, version: (await read(trade.id)).version } })).body;

  it('is looked for anew when its agent had found it meanwhile', async () => {
    const agent = await agentOn((await account()).name);
    const trade = await open(agent, 'a', { brokerPositionId: 'p' });
    await report(agent, { asOf: ago(100) });
    expect(await read(trade.id)).toMatchObject({ status: 'unknown', missingSince: expect.any(String) });
    await transition(agent, trade, 'open');
    expect(await read(trade.id)).toMatchObject({ status: 'open', missingSince: null });
    await transition(agent, trade, 'unknown');
    const { body } = await report(agent, {});
    expect([body.missing.length, body.closed.length, (await read(trade.id)).status]).toEqual([1, 0, 'unknown']);
  });

  it('is not asked for of an agent that works on another account now, or not at all', async () => {
    const [one, other] = [await account(), await account()];
    const agents = [await agentOn(one.name), await agentOn(one.name), await agentOn(one.name)];
    for (const agent of agents) await transition(agent, await open(agent, 'a'), 'unknown');
    const [stays, moves, retires] = agents;
    await t.http('PATCH', `/agents/${moves?.id}`, { body: { account: other.name } });
    await t.http('PATCH', `/agents/${retires?.id}`, { body: { retired: true, force: true } });
    await t.app.get(UnknownCommandsService).askAll();
    const asked = await t.db.query<{ agent_id: string }>(`select agent_id from agent_commands where agent_id = any($1::uuid[]) and type = 'reconcile'`, [agents.map(({ id }) => id)]);
    expect(asked).toEqual([{ agent_id: stays?.id }]);
  });
});

describe('a command to open of which nobody knows', () => {
  it('was not carried out by a trade of another account', async () => {
    const [agent, stranger] = [await agentOn((await account()).name), await agentOn((await account()).name)];
    const theirs = await open(stranger, 'a');
    await stranger.http('POST', `/trades/${theirs.id}/fills`, { body: { brokerDealId: '1', role: 'entry', price: '1.1', size: '1', at: ago(100) } });
    const id = randomUUID();
    await t.db.query(`insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, max_attempts, actor, status, attempt)
      values ($1, $2, 'open_trade', 'opens', true, jsonb_build_object('orderTag', $3::text), 2, app_clock(), 1, 'test', 'unknown', 1)`, [id, agent.id, theirs.orderTag]);
    await t.db.query(`insert into command_attempts (command_id, attempt, lease_token, leased_at, ended_at, outcome) values ($1, 1, gen_random_uuid(), app_clock() - interval '1 minute', app_clock() - interval '30 seconds', 'lapsed')`, [id]);
    expect((await reconcile(agent, {})).body.settled).toEqual([{ commandId: id, status: 'failed' }]);
  });
});

describe('the same report again and again', () => {
  it.each(['netting', 'hedging'] as const)('says nothing new, whatever the order of its rows, when one tag has two of everything on a %s account', async (mode) => {
    const agent = await agentOn((await account(mode)).name);
    const { orderTag } = await open(agent, 'a', { status: 'pending', entryPrice: undefined, entryTime: undefined });
    const positions = [position('p1', { orderTag, size: '0.4' }), position('p2', { orderTag, size: '0.4' }), position('q', { direction: 'short', symbol: 'GBPUSD', size: '3' })];
    const order = { brokerOrderId: 'o1', symbol: 'EURUSD', role: 'entry', type: 'limit', direction: 'long', size: '1', orderTag };
    const orders = [order, { ...order, brokerOrderId: 'o2' }];
    const told = async () => (await t.db.query<{ events: number; lines: number; trades: number; incidents: number }>(`
      select (select count(*)::int from events where agent_id = $1) as events, (select count(*)::int from trade_transitions x join trades y on y.id = x.trade_id where y.agent_id = $1) as lines,
        (select count(*)::int from trades where agent_id = $1) as trades, (select count(*)::int from incidents where agent_id = $1) as incidents`, [agent.id]))[0];
    const send = (n: number) => report(agent, { asOf: ago(100 - n), positions: n % 2 ? positions : positions.toReversed(), orders: n % 3 ? orders : orders.toReversed() });
    // After 30 s differences have been told of.
    for (let n = 0; n < 45; n += 5) expect((await send(n)).status).toBe(200);
    const before = await told();
    for (let n = 46; n < 96; n++) await send(n);
    expect(await told()).toEqual(before);
  });
});

describe('a sync', () => {
  // A report of the account locks them by their ids: the other way round both would wait for each other.
  it('waits for the first of its trades before it holds another, whichever it tells of first', async () => {
    const agent = await agentOn((await account()).name);
    const [first, second] = [await open(agent, 'a'), await open(agent, 'b')];
    const fill = (n: number) => ({ brokerDealId: `s${n}`, role: 'exit', price: '1.1', size: '0.5', at: ago(50) });
    let answer: ReturnType<typeof agent.http<{ results: { status: string }[] }>> | undefined;
    await holding(t.db, 'select 1 from trades where id = $1 for no key update', [first.id], async () => {
      answer = agent.http('POST', '/agents/me/sync', { body: { syncSeq: 1, fills: [{ tradeId: second.id, ...fill(1) }, { clientOrderId: 'a', ...fill(2) }] }, headers: { 'x-instance-id': 'one' } });
      await whenWaiting(t.db, 1);
      expect(await t.db.query('select id from trades where id = $1 for no key update skip locked', [second.id])).toEqual([{ id: second.id }]);
    });
    expect((await answer)?.body.results.map(({ status }) => status)).toEqual(['ok', 'ok']);
  });
});
