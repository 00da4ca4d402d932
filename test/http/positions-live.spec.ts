import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Halt, release } from '../support/halts.js';
import { whenWaiting } from '../support/locks.js';
import { after, held, reportOf } from '../support/positions.js';

interface State {
  canTrade: boolean; positionsAsOf: string | null; accountMismatch: string[] | null; desiredState: { run: string; reasons: { code: string }[] };
}

let t: TestApp;
let accounts = 0;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

const HASH = createHash('sha256').update('Broker-Live:1').digest('hex');
const HALTED = expect.objectContaining({ code: 'HALT', mode: 'halt', reason: expect.stringMatching(/^ACCOUNT_MISMATCH: /) });
const copy = { 'x-instance-id': 'copy' };

/** A live agent that runs, on an account of its own. */
async function live(account: Record<string, unknown> = {}): Promise<TestAgent> {
  const name = `live-${++accounts}`;
  const made = await t.http('POST', '/accounts', { body: { name, kind: 'live', currency: 'USD', marginMode: 'hedging', ...account } });
  if (made.status !== 201) throw new Error(made.text);
  const agent = await t.agent({ mode: 'live', account: name });
  await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'start' } });
  return agent;
}
const beat = (agent: TestAgent, body: Record<string, unknown> = {}) =>
  agent.http<{ desiredState: State['desiredState'] }>('POST', '/agents/me/heartbeat', { body: { status: 'running', brokerConnected: true, tradeAllowed: true, ...body }, headers: copy });
const report = (agent: TestAgent, body: Record<string, unknown> = {}) => agent.http<{ code: string; complete: boolean }>('POST', '/agents/me/positions', { body: reportOf(body), headers: copy });
const state = async (agent: TestAgent): Promise<State> => (await t.http<State>('GET', `/agents/${agent.id}/state`)).body;
const canTrade = async (agent: TestAgent) => (await state(agent)).canTrade;
const released = async (agent: TestAgent) => {
  const { items } = (await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true&limit=500')).body;
  for (const { id } of items.filter(({ scope }) => scope.id === agent.id)) expect((await release(t, id)).status).toBe(200);
};
const incidents = async (agent: TestAgent, kind: string, status = 'open') => (await t.http<{ items: { severity: string; data: object }[] }>('GET', `/incidents?agentId=${agent.id}&kind=${kind}&status=${status}`)).body.items;

describe('a live agent', () => {
  it('opens nothing before its first complete report, nor when the last is older than 60 s', async () => {
    const agent = await live();
    await beat(agent);
    expect(await state(agent)).toMatchObject({ canTrade: false, positionsAsOf: null });
    await report(agent, { complete: false });
    expect(await canTrade(agent)).toBe(false);
    const asOf = after(0);
    await report(agent, { asOf });
    expect(await state(agent)).toMatchObject({ canTrade: true, positionsAsOf: asOf });
    await t.db.query(`update agent_reports set complete_as_of = complete_as_of - interval '57 seconds', complete_received_at = complete_received_at - interval '57 seconds' where agent_id = $1`, [agent.id]);
    await t.db.query(`update agent_state set started_at = started_at - interval '1 hour' where agent_id = $1`, [agent.id]);
    expect(await canTrade(agent)).toBe(true);
    await t.db.query(`update agent_reports set complete_as_of = complete_as_of - interval '4 seconds' where agent_id = $1`, [agent.id]);
    expect(await canTrade(agent)).toBe(false);
    await report(agent, { asOf: after(1) });
    expect(await canTrade(agent)).toBe(true);
  });

  it('opens nothing after a start until it has reported anew', async () => {
    const agent = await live();
    await beat(agent);
    await report(agent);
    expect(await canTrade(agent)).toBe(true);
    await beat(agent, { status: 'starting' });
    await beat(agent);
    expect(await canTrade(agent)).toBe(false);
    await report(agent, { asOf: after(1) });
    expect(await canTrade(agent)).toBe(true);
  });

  it('names its copy in a report, which leaves the trading lease as it was', async () => {
    const agent = await live();
    expect(await agent.http('POST', '/agents/me/positions', { body: reportOf() })).toMatchObject({ status: 400, body: { code: 'INSTANCE_ID_REQUIRED' } });
    await beat(agent);
    const lease = () => t.db.query('select trading_lease_until, last_seen_at, instance_id from agent_state where agent_id = $1', [agent.id]);
    const before = await lease();
    await report(agent);
    expect(await lease()).toEqual(before);
  });

  it('is told critically of what nobody told of', async () => {
    const agent = await live();
    await report(agent, { positions: [held()] });
    expect(await incidents(agent, 'EXTERNAL_POSITION')).toMatchObject([{ severity: 'critical' }]);
  });
});

describe('an agent on another account than its own', () => {
  const told = { loginHash: HASH, server: 'Broker-Live', kind: 'live', currency: 'USD', marginMode: 'hedging' };

  it.each<[string, (agent: TestAgent, brokerAccount: object) => Promise<unknown>]>([
    ['a heartbeat', (agent, brokerAccount) => beat(agent, { brokerAccount })],
    ['a report of positions', async (agent, brokerAccount) => { await report(agent, { brokerAccount, asOf: after(++accounts / 100) }); }],
  ])('is halted once by %s, opens nothing while it lasts, and stays halted until a person releases it', async (_what, say) => {
    const agent = await live();
    await beat(agent);
    await report(agent);
    await say(agent, told);
    expect(await state(agent)).toMatchObject({ canTrade: true, accountMismatch: null });
    await say(agent, { ...told, kind: 'demo' });
    await say(agent, { ...told, kind: 'demo' });
    expect(await state(agent)).toMatchObject({ canTrade: false, accountMismatch: ['kind', 'mode'], desiredState: { state: 'halted', reasons: expect.arrayContaining([HALTED]) } });
    expect(await incidents(agent, 'ACCOUNT_MISMATCH')).toMatchObject([{ severity: 'critical', data: { fields: ['kind', 'mode'] } }]);
    await released(agent);
    await say(agent, { ...told, kind: 'demo' });
    expect(await state(agent)).toMatchObject({ canTrade: false, desiredState: { state: 'active' } });
    await say(agent, told);
    expect(await state(agent)).toMatchObject({ canTrade: true, accountMismatch: null });
    await say(agent, { ...told, kind: 'demo' });
    await say(agent, told);
    expect(await state(agent)).toMatchObject({ canTrade: false, accountMismatch: null, desiredState: { state: 'halted' } });
    await released(agent);
    expect(await state(agent)).toMatchObject({ canTrade: true });
    expect([await incidents(agent, 'ACCOUNT_MISMATCH'), (await incidents(agent, 'ACCOUNT_MISMATCH', 'resolved')).length]).toEqual([[], 2]);
    expect(await t.db.query(`select count(*)::int as n from events where agent_id = $1 and type = 'agent.account_differs'`, [agent.id])).toEqual([{ n: 2 }]);
  });

  it('hears of the halt in the answer of that heartbeat, and in that of a sync', async () => {
    const [one, two] = [await live(), await live({ server: 'Broker-Live', loginHash: HASH })];
    expect((await beat(one, { currency: 'EUR', equity: '1' })).body.desiredState).toMatchObject({ state: 'halted', reasons: expect.arrayContaining([HALTED]) });
    const sync = { syncSeq: 1, state: { status: 'running', brokerAccount: { ...told, loginHash: 'b'.repeat(64) } } };
    expect((await two.http<{ desiredState: object }>('POST', '/agents/me/sync', { body: sync, headers: copy })).body.desiredState).toMatchObject({ state: 'halted' });
    expect(await state(two)).toMatchObject({ accountMismatch: ['loginHash'] });
  });

  it('reports nothing of its own: nothing is adopted from there, and nothing here is gone', async () => {
    const agent = await live();
    await beat(agent);
    const trade = { clientOrderId: 'mine', symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: after(-60) };
    const { body: mine } = await agent.http<{ id: string }>('POST', '/trades', { body: trade, headers: copy });
    const other = { positions: [held()], brokerAccount: { ...told, currency: 'EUR' } };
    for (const asOf of [after(-30), after(-10)]) expect((await report(agent, { ...other, asOf })).body).toMatchObject({ applied: false, code: 'ACCOUNT_MISMATCH', adopted: [], missing: [], closed: [] });
    expect((await report(agent, { positions: [held()] })).body).toMatchObject({ applied: false, code: 'ACCOUNT_MISMATCH' });
    expect((await t.http<{ items: object[] }>('GET', `/trades?agentId=${agent.id}`)).body.items).toMatchObject([{ id: mine.id, status: 'open' }]);
    expect((await report(agent, { positions: [held()], brokerAccount: told, asOf: after(1) })).body).toMatchObject({ applied: true, adopted: [{}], missing: [{ tradeId: mine.id }] });
  });

  it('is halted once, also when many heartbeats say so at once', async () => {
    const agent = await live();
    await Promise.all(Array.from({ length: 20 }, () => beat(agent, { brokerAccount: { ...told, currency: 'EUR' } })));
    expect(await t.db.query(`select count(*)::int as n from events where agent_id = $1 and type = 'halt.imposed'`, [agent.id])).toEqual([{ n: 1 }]);
  });
});

describe('reports beside everything else that locks', () => {
  it.each<[string, string, (agent: TestAgent) => [string, object]]>([
    ['a sync with trades', 'agent_state', () => ['/agents/me/sync', { syncSeq: 1, trades: [{ clientRef: 'x', clientOrderId: 'x', symbol: 'EURUSD', direction: 'long', lotSize: '1', brokerPositionId: 'p' }] }]],
    ['a report', 'agent_state', () => ['/agents/me/positions', reportOf()]],
  ])('%s waits for the account before it holds its %s', async (_what, table, requestOf) => {
    const agent = await t.agent();
    const holder = new pg.Client({ connectionString: t.db.adminUrl });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from accounts where id = $1 for no key update', [agent.accountId]);
    const [path, body] = requestOf(agent);
    const answer = agent.http('POST', path, { body });
    await whenWaiting(t.db, 1);
    const free = await holder.query(`select 1 from ${table} where agent_id = $1 for no key update skip locked`, [agent.id]);
    await holder.query('rollback');
    await holder.end();
    expect([free.rowCount, (await answer).status]).toEqual([1, 200]);
  });

  it('make no deadlock, and nothing is counted twice', async () => {
    const name = `shared-${randomUUID()}`;
    const { body: account } = await t.http<{ id: string }>('POST', '/accounts', { body: { name, kind: 'demo', currency: 'USD', marginMode: 'hedging' } });
    const agents = await Promise.all(Array.from({ length: 3 }, () => t.agent({ account: name })));
    const deadlocks = async () => (await t.db.query<{ n: number }>('select deadlocks::int as n from pg_stat_database where datname = current_database()'))[0]?.n ?? 0;
    const before = await deadlocks();
    const round = async (agent: TestAgent, n: number): Promise<number[]> => {
      const brokerPositionId = `${agent.id}-${n}`;
      const trade = { clientOrderId: `c-${n}`, symbol: 'EURUSD', direction: 'long', lotSize: '0.1', entryPrice: '1.1', entryTime: after(-60), brokerPositionId };
      const asks = [
        agent.http('POST', '/agents/me/positions', { body: reportOf({ asOf: after(n * 15 - 90), positions: [held({ brokerPositionId })] }) }),
        agent.http('POST', '/agents/me/sync', { body: { syncSeq: n + 1, state: { status: 'running', equity: '100', balance: '100' }, trades: [{ clientRef: 'x', ...trade }] } }),
        agent.http('POST', '/agents/me/heartbeat', { body: { equity: `${100 + n}`, balance: '100' } }),
        agent.http('POST', '/trades', { body: { ...trade, clientOrderId: `d-${n}`, brokerPositionId: `${brokerPositionId}-d` } }),
        t.http('POST', `/accounts/${account.id}/cash-flows`, { body: { amount: '1', kind: 'deposit', at: after(-1) } }),
        t.http('POST', `/agents/${agent.id}/commands`, { body: { type: n % 2 ? 'pause' : 'kill' } }),
      ];
      return (await Promise.all(asks)).map(({ status }) => status);
    };
    const statuses: number[] = [];
    for (let n = 0; n < 8; n++) statuses.push(...(await Promise.all(agents.map((agent) => round(agent, n)))).flat());
    expect(statuses.filter((status) => status >= 400)).toEqual([]);
    expect(await deadlocks()).toBe(before);
    const twice = await t.db.query(`select broker_position_id from trades where account_id = $1 and broker_position_id is not null and finished_at is null group by 1 having count(*) > 1`, [account.id]);
    expect(twice).toEqual([]);
    expect(await t.db.query(`select agent_id from agent_commands where type = 'reconcile' and status = 'queued' group by 1 having count(*) > 1`)).toEqual([]);
  });
});
