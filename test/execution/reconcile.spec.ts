import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { until } from '../support/timing.js';

interface Trade { id: string; status: string; origin: string; openSize: string; netProfit: string | null; exitReason: string | null; orderTag: string; agentId: string; missingSince: string | null }
interface Command { id: string; type: string; status: string; reason: string | null; leaseToken: string; payload: Record<string, unknown> }
interface Answer { applied: boolean; code?: string; deals: { stored: number; known: number; tooOld: number; adopted: { tradeId: string; brokerDealId: string }[] }; settled: { commandId: string; status: string }[]; adopted: unknown[]; detail?: string }

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
let counter = 0;
const account = async (marginMode: 'hedging' | 'netting' = 'hedging') => {
  const name = `reconciled ${++counter}`;
  const { body } = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', broker: 'B', server: 'S', currency: 'USD', marginMode } });
  return { id: body.id, name };
};
const agentOn = (name: string) => t.agent({ account: name });
const open = async (agent: TestAgent, clientOrderId: string, more: Record<string, unknown> = {}) =>
  (await agent.http<Trade>('POST', '/trades', { body: { clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '1', status: 'pending', ...more } })).body;
const read = async (id: string) => (await t.http<Trade>('GET', `/trades/${id}`)).body;
const deal = (brokerDealId: string, role: 'entry' | 'exit', more: Record<string, unknown> = {}) => ({
  brokerDealId, role, symbol: 'EURUSD', direction: 'long', price: '1.1', size: '1', at: ago(role === 'entry' ? 100 : 50), ...(role === 'exit' ? { profit: '10' } : {}), commission: '-3', ...more,
});
const position = (id: string, more: Record<string, unknown> = {}) => ({ symbol: 'EURUSD', direction: 'long', size: '1', entryPrice: '1.1', brokerPositionId: id, ...more });
const reconcile = (agent: TestAgent, body: Record<string, unknown>) => agent.http<Answer>('POST', '/agents/me/reconcile', { body: { asOf: ago(1), positions: [], orders: [], ...body } });
const queued = async (agent: TestAgent) => (await agent.http<{ commands: Command[] }>('POST', '/agents/me/commands/lease', { body: { max: 20 } })).body.commands;
const incidents = async (id: string) => t.db.query<{ kind: string; resolved: boolean }>(`select kind, resolved_at is not null as resolved from incidents where subject_id = $1 order by seq`, [id]);

describe('what a broker did', () => {
  it('becomes fills of the trade that its tag names, and told again changes nothing', async () => {
    const agent = await agentOn((await account()).name);
    const trade = await open(agent, 'a');
    const deals = [deal('1', 'entry', { orderTag: trade.orderTag, brokerPositionId: 'p' }), deal('2', 'exit', { brokerPositionId: 'p', exitReason: 'stop' })];
    const first = await reconcile(agent, { deals });
    expect([first.status, first.body.deals]).toEqual([200, { stored: 2, known: 0, tooOld: 0, adopted: [] }]);
    expect(await read(trade.id)).toMatchObject({ status: 'closed', exitReason: 'stop', netProfit: '4' });
    expect((await reconcile(agent, { deals })).body.deals).toEqual({ stored: 0, known: 2, tooOld: 0, adopted: [] });
  });

  it('is taken from the answer to the command, before the command has ended', async () => {
    const agent = await agentOn((await account()).name);
    const trade = await open(agent, 'a');
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile', payload: { orderTag: trade.orderTag } } });
    const [command] = await queued(agent);
    const result = { asOf: ago(1), positions: [position('p', { orderTag: trade.orderTag })], orders: [], deals: [deal('1', 'entry', { orderTag: trade.orderTag, brokerPositionId: 'p' })] };
    const wrong = await agent.http<{ code: string; detail: string }>('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken, result: { ...result, deals: [{ ...result.deals[0], size: '0' }] } } });
    expect([wrong.status, wrong.body.detail]).toEqual([400, expect.stringMatching(/^result\.deals\.0\.size/)]);
    const { asOf: _when, ...timeless } = result;
    const unread = await agent.http<{ detail: string }>('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken, result: timeless } });
    expect([unread.status, unread.body.detail]).toEqual([400, expect.stringMatching(/^result\.asOf: /)]);
    expect((await read(trade.id)).status).toBe('pending');
    const done = await agent.http<Command>('POST', `/commands/${command?.id}/complete`, { body: { leaseToken: command?.leaseToken, result } });
    expect([done.status, done.body.status]).toEqual([200, 'succeeded']);
    expect(await read(trade.id)).toMatchObject({ status: 'open', openSize: '1' });
    // One that says nothing of the broker only ends the command.
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
    const [next] = await queued(agent);
    expect((await agent.http<Command>('POST', `/commands/${next?.id}/complete`, { body: { leaseToken: next?.leaseToken, result: { note: 'nothing to say' } } })).body.status).toBe('succeeded');
  });

  it('while nobody looked is a trade of its own, and an incident that ends with it', async () => {
    const agent = await agentOn((await account()).name);
    const { body } = await reconcile(agent, { deals: [deal('1', 'entry', { brokerPositionId: 'p' }), deal('2', 'exit', { brokerPositionId: 'p' }), deal('9', 'exit', { brokerPositionId: 'older' })] });
    expect(body.deals.adopted.map(({ brokerDealId }) => brokerDealId)).toEqual(['1', '9']);
    for (const { tradeId } of body.deals.adopted) expect(await incidents(tradeId)).toEqual([{ kind: 'EXTERNAL_POSITION', resolved: true }]);
    expect(await read(body.deals.adopted[0]?.tradeId ?? '')).toMatchObject({ origin: 'external', status: 'closed', netProfit: '4' });
    expect(await read(body.deals.adopted[1]?.tradeId ?? '')).toMatchObject({ origin: 'external', status: 'closed', netProfit: '7' });
  });

  it('says of a binary contract which side it was, and no side takes what the other left', async () => {
    const agent = await agentOn((await account('netting')).name);
    const sides = [deal('1', 'entry', { symbol: 'KX-T1', price: '0.4', outcome: 'yes' }), deal('2', 'entry', { symbol: 'KX-T1', price: '0.55', outcome: 'no' })];
    const { status, body } = await reconcile(agent, { deals: [...sides, deal('3', 'exit', { symbol: 'KX-T1', price: '1', outcome: 'no', exitReason: 'settlement' })] });
    expect([status, body.detail]).toEqual([200, undefined]);
    const trades = await Promise.all(body.deals.adopted.map(({ tradeId }) => read(tradeId)));
    expect(trades).toMatchObject([{ outcome: 'yes', openSize: '1' }, { outcome: 'no', openSize: '0', exitReason: 'settlement' }]);
    const wrong = await reconcile(agent, { deals: [deal('4', 'entry', { outcome: 'maybe' })] });
    expect([wrong.status, wrong.body.detail]).toEqual([400, 'deals.0.outcome: must be one of yes, no']);
  });

  it('goes to the trade that its agent tells of later', async () => {
    const { name } = await account();
    const [one, other] = [await agentOn(name), await agentOn(name)];
    const trade = await open(one, 'a');
    // The position had another id when the other agent looked: nothing says whose the exit is.
    const { body } = await reconcile(other, { deals: [deal('1', 'entry', { orderTag: trade.orderTag, brokerPositionId: 'p' }), deal('2', 'exit', { brokerPositionId: 'q' })] });
    const orphan = body.deals.adopted[0]?.tradeId ?? '';
    const fill = { brokerDealId: '2', role: 'exit', price: '1.1', size: '1', profit: '10', commission: '-3', at: ago(50) };
    expect((await one.http('POST', `/trades/${trade.id}/fills`, { body: { ...fill, size: '0.5' } })).status).toBe(409);
    const told = await Promise.all(Array.from({ length: 8 }, () => one.http<{ items: { repeated?: boolean }[] }>('POST', `/trades/${trade.id}/fills`, { body: fill })));
    expect(told.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(await read(trade.id)).toMatchObject({ status: 'closed', netProfit: '4' });
    expect(await read(orphan)).toMatchObject({ netProfit: null, openSize: '0' });
    const [sum] = await t.db.query<{ net: string }>(`select sum(net_profit)::text as net from trades where account_id = (select account_id from agents where id = $1)`, [one.id]);
    expect(sum?.net).toBe('4');
    expect((await t.http<{ items: unknown[] }>('GET', `/trades/${orphan}/fills`)).body.items).toEqual([]);
    expect((await t.http<{ items: unknown[] }>('GET', `/trades/${trade.id}/fills`)).body.items).toHaveLength(2);
  });

  it('is not taken from a terminal that is logged in elsewhere', async () => {
    const { name } = await account();
    const agent = await agentOn(name);
    await agent.http('POST', '/agents/me/heartbeat', { body: { brokerAccount: { currency: 'EUR' } } });
    expect((await reconcile(agent, { deals: [deal('1', 'entry')] })).body).toMatchObject({ applied: false, code: 'ACCOUNT_MISMATCH', deals: { stored: 0 } });
  });

  it('is stored once by 20 answers at the same time', async () => {
    const { id, name } = await account('netting');
    const [one, other] = [await agentOn(name), await agentOn(name)];
    const deals = Array.from({ length: 10 }, (_, n) => [deal(`e${n}`, 'entry', { brokerPositionId: 'p', size: '0.5' }), deal(`x${n}`, 'exit', { brokerPositionId: 'p', size: '0.3' })]).flat();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => reconcile(n % 2 === 0 ? one : other, { asOf: ago(1), positions: [position('p', { size: '2' })], deals })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const [row] = await t.db.query<{ fills: number; open: string; trades: number }>(`
      select (select count(*)::int from fills where account_id = $1) as fills, sum(open_size)::text as open, count(*)::int as trades from trades where account_id = $1`, [id]);
    expect(row).toEqual({ fills: 20, open: '2', trades: 1 });
  });
});

describe('a command of which nobody knows what became', () => {
  const close = async (agent: TestAgent, tradeId: string) => (await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'close_trade', payload: { tradeId } } })).body.id;
  const lose = async (agent: TestAgent) => {
    const [command] = await queued(agent);
    const { body } = await agent.http<Command>('POST', `/commands/${command?.id}/fail`, { body: { leaseToken: command?.leaseToken, outcome: 'unknown', error: { code: 'TIMEOUT', message: '' } } });
    expect(body.status).toBe('unknown');
  };
  const holding = async () => {
    const agent = await agentOn((await account()).name);
    const trade = await open(agent, 'a', { status: 'open', entryPrice: '1.1', entryTime: ago(200), brokerPositionId: 'p' });
    const id = await close(agent, trade.id);
    await lose(agent);
    return { agent, trade, id };
  };
  const statusOf = async (id: string) => (await t.http<Command>('GET', `/commands/${id}`)).body.status;
  const since = (id: string, seconds: number) => t.db.query(`update command_attempts set ended_at = ended_at - make_interval(secs => $2), leased_at = leased_at - make_interval(secs => $2) where command_id = $1`, [id, seconds]);

  it('is asked about at once, and once', async () => {
    const { agent } = await holding();
    const asked = () => t.db.query<{ status: string }>(`select status from agent_commands where agent_id = $1 and type = 'reconcile'`, [agent.id]);
    await until(async () => (await asked()).length > 0, 2_000);
    expect(await asked()).toEqual([{ status: 'queued' }]);
  });

  it('is done when the broker has closed the trade', async () => {
    const { agent, trade, id } = await holding();
    const { body } = await reconcile(agent, { deals: [deal('x', 'exit', { brokerPositionId: 'p', at: new Date().toISOString() })] });
    expect(body.settled).toEqual([{ commandId: id, status: 'succeeded' }]);
    expect((await read(trade.id)).status).toBe('closed');
    expect(await incidents(id)).toEqual([{ kind: 'COMMAND_UNKNOWN', resolved: true }]);
  });

  it('is tried again when the broker still shows the trade, and not before it can be known', async () => {
    const { agent, id } = await holding();
    const shown = { positions: [position('p')] };
    // However long this takes.
    await since(id, -600);
    expect((await reconcile(agent, shown)).body.settled).toEqual([]);
    expect(await statusOf(id)).toBe('unknown');
    await since(id, 610);
    expect((await reconcile(agent, { ...shown, asOf: new Date().toISOString() })).body.settled).toEqual([{ commandId: id, status: 'queued' }]);
    expect((await queued(agent)).map(({ type }) => type)).toContain('close_trade');
  });

  it('stays unknown by an answer from a terminal without its broker', async () => {
    const { agent, id } = await holding();
    await since(id, 60);
    expect((await reconcile(agent, { brokerConnected: false })).body.settled).toEqual([]);
    expect(await statusOf(id)).toBe('unknown');
  });

  it('is decided by its tag when it opens', async () => {
    const agent = await agentOn((await account()).name);
    const made = async (orderTag: string) => {
      const id = randomUUID();
      await t.db.query(`insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, max_attempts, actor, status, attempt)
        values ($1, $2, 'open_trade', 'opens', true, jsonb_build_object('orderTag', $3::text), 2, app_clock(), 1, 'test', 'unknown', 1)`, [id, agent.id, orderTag]);
      await t.db.query(`insert into command_attempts (command_id, attempt, lease_token, leased_at, ended_at, outcome) values ($1, 1, gen_random_uuid(), app_clock() - interval '1 minute', app_clock() - interval '30 seconds', 'lapsed')`, [id]);
      return id;
    };
    const [there, gone] = [await made('AAAA000000000001'), await made('AAAA000000000002')];
    const { body } = await reconcile(agent, { positions: [position('p', { orderTag: 'AAAA000000000001' })] });
    expect(new Map(body.settled.map(({ commandId, status }) => [commandId, status]))).toEqual(new Map([[there, 'succeeded'], [gone, 'failed']]));
  });
});

describe('what goes into one sync', () => {
  const sync = (agent: TestAgent, body: Record<string, unknown>) => agent.http<{ results: Record<string, unknown>[]; acks: Record<string, unknown>[] }>('POST', '/agents/me/sync', { body, headers: { 'x-instance-id': 'one' } });

  it('is a trade with its fills, marks and the positions that hold it, and nothing is adopted', async () => {
    const agent = await agentOn((await account()).name);
    const entry = { clientOrderId: 'a', brokerDealId: '1', role: 'entry', price: '1.1', size: '1', at: ago(30), brokerPositionId: 'p' };
    const body = {
      syncSeq: 1, trades: [{ clientRef: 'r1', clientOrderId: 'a', symbol: 'EURUSD', direction: 'long', lotSize: '1', status: 'pending', brokerPositionId: 'p' }],
      fills: [{ clientRef: 'r2', ...entry }, { clientRef: 'r3', ...entry, brokerDealId: '2', size: '0' }], marks: [{ clientRef: 'r4', tradeId: randomUUID(), quotedAt: ago(1), bid: '1.1', ask: '1.2' }],
      positions: { asOf: ago(1), complete: true, positions: [position('p')], orders: [] },
    };
    const { body: answer } = await sync(agent, body);
    expect(answer.results.map(({ element, clientRef, status, code }) => [element, clientRef, status, code])).toEqual([
      ['trades[0]', 'r1', 'ok', undefined], ['fills[0]', 'r2', 'ok', undefined], ['fills[1]', 'r3', 'refused', 'VALIDATION_FAILED'],
      ['marks[0]', 'r4', 'refused', 'NOT_FOUND'], ['positions', null, 'ok', undefined],
    ]);
    expect(answer.results.at(-1)?.['report']).toEqual({ applied: true, complete: true, matched: 1, adopted: 0, unknown: 0, missing: 0, closed: 0, differing: 0 });
    expect(await read(answer.results[0]?.['id'] as string)).toMatchObject({ status: 'open', openSize: '1', origin: 'ungated' });
    expect((await sync(agent, body)).body.results).toEqual(answer.results);
    const id = answer.results[0]?.['id'];
    const marked = await sync(agent, { syncSeq: 2, marks: [{ tradeId: id, quotedAt: ago(1), bid: '1.15', ask: '1.16' }] });
    expect(marked.body.results).toEqual([{ element: 'marks[0]', clientRef: null, status: 'ok' }]);
    expect((await t.http<{ highPrice: string }>('GET', `/trades/${String(id)}`)).body.highPrice).toBe('1.15');
  });

  it('carries the answer to reconcile in its acks', async () => {
    const agent = await agentOn((await account()).name);
    const trade = await open(agent, 'a');
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
    const [command] = await queued(agent);
    const { body } = await sync(agent, { syncSeq: 1, acks: [{ commandId: command?.id, leaseToken: command?.leaseToken, outcome: 'succeeded', result: { asOf: ago(1), positions: [], deals: [deal('1', 'entry', { orderTag: trade.orderTag }), deal('2', 'exit', { orderTag: trade.orderTag })] } }] });
    expect(body.acks).toEqual([expect.objectContaining({ status: 'ok' })]);
    expect((await read(trade.id)).status).toBe('closed');
  });
});
