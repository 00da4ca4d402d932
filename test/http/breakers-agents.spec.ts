import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentFiguresRepository } from '../../src/circuit-breaker/agent-figures.repository.js';
import type { Run } from '../../src/database/statements.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Breakers } from '../support/breakers.js';
import { scoreByHand, scoreDue } from '../support/scoring.js';

let t: TestApp;
let b: Breakers;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  b = new Breakers(t);
  await b.begin();
  await scoreByHand(t);
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const quote = async (of: TestAgent, symbol: string, price = '1.1') => {
  const answer = await of.http('POST', '/quotes', { body: { items: [{ symbol, bid: price, ask: price, quotedAt: await b.clock() }] } });
  if (answer.status !== 201 && answer.status !== 200) throw new Error(answer.text);
};

describe('an agent that is silent with open trades', () => {
  const of = (who: TestAgent = agent) => b.state('stale_heartbeat', who.id);

  it('trips at its seconds and not before, stays so while it is silent, and recovers when it is heard again', async () => {
    await b.open(agent);
    await b.beat(agent);
    const seen = await b.clock();
    const pass = async (seconds: number) => t.db.query(`update test_clock set shift = shift + ($1::timestamptz + make_interval(secs => $2) - app_clock())`, [seen, seconds]);
    // 24 s before, of which some may pass on these lines; it warns from 96 s on.
    await pass(97);
    await b.look();
    expect((await of()).state).toBe('warning');
    await pass(121);
    await b.look();
    expect(await of()).toMatchObject({ state: 'tripped', limit: '120', unit: 'seconds', resets: { rule: 'timed', sentence: expect.stringContaining('if its cause is gone') } });
    expect(await b.halts('stale_heartbeat', agent.id)).toMatchObject([{ scope_type: 'agent', mode: 'reduce' }]);
    // Who is woken by it reads names, no ids.
    expect(await t.db.query(`select summary from incidents where kind = 'BREAKER_TRIPPED' and agent_id = $1`, [agent.id])).toEqual([{ summary: expect.stringMatching(`^stale_heartbeat of agent ${agent.name} in paper: `) }]);
    await pass(300);
    await b.look();
    await b.look();
    expect((await of()).state).toBe('tripped');
    expect(await b.actions('stale_heartbeat', agent.id)).toEqual(['warned', 'triggered']);
    await b.beat(agent);
    await b.timeIsUp('stale_heartbeat', agent.id);
    await b.look();
    expect([(await of()).state, await b.halts('stale_heartbeat', agent.id)]).toEqual(['active', []]);
  });

  it('trips nothing without an open trade, nor when it was never heard', async () => {
    const silent = await t.agent();
    await b.open(silent);
    await b.beat(agent);
    await b.trade(agent, '1');
    await t.db.advance(600);
    await b.look();
    expect([(await of()).state, (await of(silent)).state]).toEqual(['active', 'active']);
  });

  it('is not held against it while this server could not hear', async () => {
    await b.open(agent);
    await b.beat(agent);
    await t.db.advance(3_600);
    const other = await t.second();
    try {
      await b.look(other);
      expect((await of()).state).toBe('active');
      await t.db.advance(121);
      await b.look(other);
      expect((await of()).state).toBe('tripped');
    } finally {
      await other.close();
    }
  });
});

describe('a symbol whose quotes stop', () => {
  const of = (symbol: string) => b.state('stale_prices', symbol, agent.accountId);
  const instrument = (symbol: string, sessions: object | null) => agent.http('POST', '/instruments', {
    body: { symbol, kind: 'fx', sizeUnit: 'lot', contractSize: '100000', tickSize: '0.00001', tickValue: '1', minSize: '0.01', sizeStep: '0.01', ...(sessions ? { sessions } : {}) },
  });

  it('trips with open trades after its seconds, and recovers when they come again', async () => {
    await quote(agent, 'EURUSD');
    await b.open(agent);
    await t.db.advance(250);
    await b.look();
    expect((await of('EURUSD')).state).toBe('warning');
    await t.db.advance(51);
    await b.look();
    expect(await of('EURUSD')).toMatchObject({ state: 'tripped', limit: '300' });
    expect(await b.halts('stale_prices', 'EURUSD')).toMatchObject([{ scope_type: 'symbol', account_id: agent.accountId }]);
    await quote(agent, 'EURUSD');
    await b.timeIsUp('stale_prices', 'EURUSD');
    await b.look();
    expect((await of('EURUSD')).state).toBe('active');
  });

  it('trips nothing that was never quoted, has no open trade, or is out of its sessions', async () => {
    const clock = new Date(await b.clock());
    const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
    const tomorrow = days[(clock.getUTCDay() + 2) % 7];
    const made = await instrument('GBPUSD', { zone: 'UTC', windows: [{ days: [tomorrow], from: '10:00', to: '11:00' }] });
    expect(made.status).toBe(201);
    for (const symbol of ['GBPUSD', 'USDCHF']) await quote(agent, symbol);
    for (const symbol of ['GBPUSD', 'AUDUSD']) await b.open(agent, { symbol });
    await t.db.advance(600);
    await b.look();
    for (const symbol of ['GBPUSD', 'USDCHF', 'AUDUSD']) expect([symbol, (await of(symbol)).state]).toEqual([symbol, 'active']);
  });
});

describe('errors of an agent', () => {
  const of = () => b.state('agent_errors', agent.id);
  const failed = () => b.command(agent, 'reconcile', 'not_sent');

  it('trip at their number within the window', async () => {
    for (let n = 0; n < 4; n++) await failed();
    await b.lookAt(agent);
    expect(await of()).toMatchObject({ state: 'warning', value: '4', limit: '5' });
    await failed();
    await b.lookAt(agent);
    expect(await of()).toMatchObject({ state: 'tripped', value: '5' });
    // They last within their window; a reset counts anew.
    await b.timeIsUp('agent_errors', agent.id);
    await b.look();
    expect((await of()).state).toBe('tripped');
    await t.http('POST', '/circuit-breakers/agent_errors/reset', { body: { reason: 'repaired', scope: { type: 'agent', id: agent.id } } });
    await b.look();
    expect(await of()).toMatchObject({ state: 'active', value: '0' });
  });

  it('its status error trips at once, and recovers when it is another', async () => {
    await b.beat(agent, { status: 'error' });
    await b.look();
    expect(await of()).toMatchObject({ state: 'tripped', value: '5' });
    await b.beat(agent, { status: 'running' });
    await b.timeIsUp('agent_errors', agent.id);
    await b.look();
    expect((await of()).state).toBe('active');
  });
});

describe('orders that the broker rejects', () => {
  it('trip at their share of the window, with enough of them, and count only answers of the broker', async () => {
    await b.set('reject_rate', { minimumSamples: 4, warningFraction: null }, { windowCommands: 6 });
    const of = () => b.state('reject_rate', agent.id);
    const order = (outcome: 'complete' | 'rejected') => b.command(agent, 'cancel_order', outcome, { brokerOrderId: randomUUID() });
    await b.command(agent, 'reconcile', 'complete');
    for (const outcome of ['rejected', 'rejected', 'complete'] as const) await order(outcome);
    await b.lookAt(agent);
    expect(await of()).toMatchObject({ state: 'active', samples: 3 });
    await order('complete');
    await b.lookAt(agent);
    expect(await of()).toMatchObject({ state: 'tripped', value: '0.5', limit: '0.5', samples: 4, resets: { rule: 'timed' } });
    await b.timeIsUp('reject_rate', agent.id);
    await b.look();
    expect(await of()).toMatchObject({ state: 'active', value: null });
    await b.set('reject_rate', { minimumSamples: 5 }, { windowCommands: 20 });
  });
});

describe('a model that gets worse', () => {
  it('trips below its floor over the window, not on it, and in the version that is used now', async () => {
    await b.set('model_degradation', { enabled: true, minimumSamples: 4, warningFraction: null }, { windowPredictions: 4, hitRateFractionLeast: '0.5' });
    const of = () => b.state('model_degradation', agent.id);
    const horizon = 60;
    /** @param right whether the price goes where it was said to go */
    const predict = async (right: boolean, version = '1') => {
      const timestamp = await b.ago(2 * horizon);
      const made = await agent.http<{ id: string }>('POST', '/predictions', { body: { model: 'm', modelVersion: version, symbol: 'EURUSD', timestamp, horizonSeconds: horizon, direction: 'long', confidence: '0.8', marketPrice: '1.1' } });
      if (made.status !== 201) throw new Error(made.text);
      await t.db.query(`update quotes set quoted_at = $2::timestamptz + interval '60 seconds', bid = $3, ask = $3 where account_id = $1`, [agent.accountId, timestamp, right ? '1.2' : '1.0']);
      await scoreDue(t);
      await t.db.advance(1);
    };
    await quote(agent, 'EURUSD');
    await b.beat(agent);
    for (const right of [false, false, true]) await predict(right);
    await b.look();
    expect((await of()).state).toBe('active');
    await predict(true);
    await b.look();
    expect(await of()).toMatchObject({ state: 'active', value: '0.5', limit: '0.5', samples: 4 });
    await predict(true);
    for (let n = 0; n < 2; n++) await predict(false);
    await b.look();
    expect(await of()).toMatchObject({ value: '0.5' });
    await predict(false);
    await b.look();
    expect(await of()).toMatchObject({ state: 'cooling_down', value: '0.25', limit: '0.5', resets: { rule: 'staged' } });
    await t.http('POST', '/circuit-breakers/model_degradation/reset', { body: { reason: 'another version' } });
    await b.look();
    expect(await of()).toMatchObject({ state: 'active' });
    await predict(false, '2');
    await b.look();
    expect((await of()).state).toBe('active');
    await b.set('model_degradation', { enabled: false });
  });
});

describe('an agent of yesterday among those of years', () => {
  it('costs its own rows, not the whole table', async () => {
    const old = await t.agent();
    await t.db.query(`insert into agent_commands (id, agent_id, type, class, priority, status, actor, finished_at) select gen_random_uuid(), $1, 'open_trade', 'opens', 2, 'succeeded', 'system', app_clock() from generate_series(1, 20000)`, [old.id]);
    await t.db.query(`insert into predictions (id, agent_id, model, symbol, predicted_at, direction, confidence, should_trade, threshold_used) select gen_random_uuid(), $1, 'm', 'EURUSD', app_clock() - n * interval '1 second', 'long', 0.5, false, 0.6 from generate_series(1, 20000) n`, [old.id]);
    await t.db.query('vacuum analyze agent_commands');
    await t.db.query('vacuum analyze predictions');
    const figures = new AgentFiguresRepository();
    const cost = async (look: (run: Run) => Promise<unknown>) => {
      let blocks = Infinity;
      await look(async ({ text }, values) => {
        const [row] = await t.db.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(`explain (analyze, buffers, format json) ${text}`, values as unknown[]);
        const plan = row?.['QUERY PLAN'][0]?.Plan ?? {};
        blocks = (plan['Shared Hit Blocks'] ?? Infinity) + (plan['Shared Read Blocks'] ?? 0);
        return [];
      });
      return blocks;
    };
    const settings = { parameters: { windowSeconds: 3_600, failuresMost: 5, tripOnErrorStatus: true, windowCommands: 20, windowPredictions: 20 }, minimumSamples: 1 } as never;
    const books = [{ accountId: agent.accountId, account_id: agent.accountId, execution_mode: 'paper' }] as never;
    // Walking the whole of either is 300 and more; so is 20,000 rows by their index.
    for (const look of ['failures', 'rejections', 'hitRates'] as const) expect([look, (await cost((run) => figures[look](run, books, settings))) < 100]).toEqual([look, true]);
    await t.db.query(`delete from predictions where agent_id = $1`, [old.id]);
  });
});

describe('a slow database', () => {
  const of = () => b.state('database_latency', null);

  it('stops everybody on the average of its looks, until it answers in time again', async () => {
    await b.set('database_latency', { minimumSamples: 3, warningFraction: null }, { windowLooks: 3, millisecondsMost: 60_000 });
    await t.db.query('delete from database_latencies');
    await b.look();
    await t.db.query(`update database_latencies set milliseconds = 1000000`);
    await b.look();
    expect(await of()).toMatchObject({ state: 'active', samples: 2 });
    await b.look();
    expect(await of()).toMatchObject({ state: 'tripped', limit: '60000', unit: 'milliseconds', scope: { type: 'global', id: null } });
    expect(await b.halts('database_latency', null)).toMatchObject([{ scope_type: 'global', mode: 'reduce', execution_mode: null }]);
    await b.look();
    await b.timeIsUp('database_latency', null);
    for (let n = 0; n < 3; n++) await b.look();
    expect([(await of()).state, await b.halts('database_latency', null)]).toEqual(['active', []]);
    await b.set('database_latency', { minimumSamples: 6 }, { windowLooks: 12, millisecondsMost: 60_000 });
  });
});
