import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Breakers } from '../support/breakers.js';
import { withinASecond } from '../support/http.js';

let t: TestApp;
let b: Breakers;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  b = new Breakers(t);
  await b.begin();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const STREAK = 'consecutive_losses';
const streak = (of: TestAgent = agent) => b.state(STREAK, of.accountId);
const desired = async (of: TestAgent = agent) => (await of.http<{ desiredState: { state: string } }>('POST', '/agents/me/heartbeat', { body: {} })).body.desiredState.state;
const trip = (of: TestAgent = agent) => b.trades(of, '-1', '-1', '-1', '-1', '-1');

describe('losses in a row', () => {
  it('warn at the fourth and trip at the fifth, in the answer to the close: halt, state, events and incident', async () => {
    await b.trades(agent, '-1', '-1', '-1', '-1');
    expect(await streak()).toMatchObject({ state: 'warning', value: '4', limit: '5', unit: 'trades', samples: 4, resets: { rule: 'figure' } });
    expect([await desired(), await b.halts(STREAK, agent.accountId)]).toEqual(['active', []]);
    await b.trades(agent, '-0.01');
    expect(await streak()).toMatchObject({ state: 'cooling_down', value: '5', limit: '5', executionMode: 'paper', resets: { rule: 'staged', at: expect.any(String), sentence: expect.stringContaining('test of 3 trades') } });
    const [halt] = await b.halts(STREAK, agent.accountId);
    expect(halt).toMatchObject({ scope_type: 'account', execution_mode: 'paper', mode: 'halt', source: 'breaker' });
    expect((await streak()).haltId).toBe(halt?.id);
    expect(await desired()).toBe('halted');
    expect(await b.actions(STREAK, agent.accountId)).toEqual(['warned', 'triggered']);
    const [event] = (await t.http<{ items: object[] }>('GET', `/circuit-breakers/events?scope=account&scopeId=${agent.accountId}&action=triggered`)).body.items;
    expect(event).toMatchObject({ breakerType: STREAK, value: '5', limit: '5', unit: 'trades', source: 'server', reportedBy: 'system', accountId: agent.accountId });
    const [incident] = (await t.http<{ items: object[] }>('GET', `/incidents?accountId=${agent.accountId}&kind=BREAKER_TRIPPED`)).body.items;
    expect(incident).toMatchObject({ status: 'open', severity: 'warning', data: { breaker: STREAK, value: '5', limit: '5' } });
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } })).status).toBe(409);
  });

  it('are broken by a win, and neither added to nor broken by zero; costs make a loss of a win', async () => {
    await b.trades(agent, '-1', '-1', '0', '-1', '-1');
    expect(await streak()).toMatchObject({ value: '4' });
    const id = await b.open(agent);
    await b.close(agent, id, '1', { commission: '-1' });
    expect(await streak()).toMatchObject({ value: '4' });
    await b.trades(agent, '0.5');
    expect(await streak()).toMatchObject({ state: 'active', value: '0' });
    const dear = await b.open(agent);
    await b.close(agent, dear, '1', { commission: '-0.5', swap: '-0.51' });
    expect(await streak()).toMatchObject({ value: '1' });
    expect(await b.actions(STREAK, agent.accountId)).toEqual(['warned', 'recovered']);
  });

  it('stay tripped through wins, on the hundredth look, on another instance and after a restart', async () => {
    await trip();
    await b.trades(agent, '100', '100');
    for (let n = 0; n < 100; n++) await b.lookAt(agent);
    const other = await t.second();
    try {
      await b.look(other);
      expect((await b.get(STREAK, other.http)).states.find(({ scope }) => scope.id === agent.accountId)).toMatchObject({ state: 'cooling_down', value: '5' });
    } finally {
      await other.close();
    }
    expect(await b.actions(STREAK, agent.accountId)).toEqual(['warned', 'triggered']);
    expect(await b.halts(STREAK, agent.accountId)).toHaveLength(1);
    expect(await desired()).toBe('halted');
  });

  it('count each trade once, however often its close is told, and a late one in its own place', async () => {
    await b.trades(agent, '-1', '-1', '-1');
    const id = await b.open(agent);
    const body = { to: 'closed', occurredAt: await b.clock(), brokerDealId: 'again', exitPrice: '1.1', exitReason: 'signal', grossProfit: '-1' };
    const answers = await Promise.all(Array.from({ length: 6 }, () => agent.http('POST', `/trades/${id}/transitions`, { body })));
    expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true);
    expect(await streak()).toMatchObject({ value: '4' });
    // It won before the last of them: the streak is shorter.
    const late = await b.open(agent, { entryTime: await b.ago(3_600) });
    await b.close(agent, late, '5', { occurredAt: await b.ago(1_800) });
    expect(await streak()).toMatchObject({ state: 'warning', value: '4' });
    const later = await b.open(agent);
    await b.close(agent, later, '5');
    expect(await streak()).toMatchObject({ state: 'active', value: '0' });
  });

  it('do not count what was adopted, nor what nobody priced', async () => {
    await b.trades(agent, '-1', '-1', '-1', '-1');
    const adopted = await b.open(agent);
    await t.db.query(`update trades set origin = 'external' where id = $1`, [adopted]);
    await b.close(agent, adopted, '-1');
    const unpriced = await b.open(agent);
    await agent.http('POST', `/trades/${unpriced}/transitions`, { body: { to: 'closed', occurredAt: await b.clock(), brokerDealId: 'unpriced', exitPrice: '1.1', exitReason: 'signal' } });
    expect(await streak()).toMatchObject({ state: 'warning', value: '4' });
  });

  it('of two closes at once on two instances trip once', async () => {
    const other = await t.second();
    try {
      for (let round = 0; round < 5; round++) {
        const one = await t.agent();
        await b.trades(one, '-1', '-1', '-1');
        const ids = await Promise.all(Array.from({ length: 4 }, () => b.open(one)));
        const there = { ...one, http: b.clientOf(other, one) };
        await Promise.all(ids.map((id, n) => b.close(n % 2 ? one : there, id, '-1')));
        expect((await b.actions(STREAK, one.accountId)).filter((action) => action === 'triggered')).toHaveLength(1);
        expect(await b.halts(STREAK, one.accountId)).toHaveLength(1);
      }
    } finally {
      await other.close();
    }
  });

  it('on paper never trip what is live on the same server, nor another account', async () => {
    const other = await t.agent();
    await trip();
    expect(await b.halts(STREAK, agent.accountId)).toMatchObject([{ execution_mode: 'paper' }]);
    expect(await desired(other)).toBe('active');
    // The same account in another mode is another book.
    await t.db.query(`update agents set mode = 'simulation' where id = $1`, [agent.id]);
    await withinASecond(async () => expect(await desired()).toBe('active'));
  });

  it('are found by the next look where the server ended between the close and its own', async () => {
    await b.trades(agent, '-1', '-1', '-1', '-1');
    const id = await b.open(agent);
    await t.db.query(`update trades set status = 'closed', exit_price = 1, exit_time = app_clock(), exit_reason = 'stop', gross_profit = -1, finished_at = app_clock() where id = $1`, [id]);
    await t.db.query(`insert into breaker_checks (account_id, execution_mode) values ($1, 'paper')`, [agent.accountId]);
    await b.look();
    expect(await streak()).toMatchObject({ state: 'cooling_down' });
    expect(await t.db.query('select 1 from breaker_checks where account_id = $1', [agent.accountId])).toEqual([]);
  });
});

describe('after the time of a staged breaker', () => {
  beforeEach(async () => {
    await trip();
    await b.timeIsUp(STREAK, agent.accountId);
    await b.look();
  });

  it('comes a test at reduced size, with the halt released; passed, it is active and counts anew', async () => {
    expect(await streak()).toMatchObject({ state: 'testing', value: null, resets: { rule: 'test', tradesLeft: 3 } });
    expect(await b.halts(STREAK, agent.accountId)).toEqual([]);
    expect(await desired()).toBe('active');
    expect(await b.testing(agent)).toEqual([{ breaker: STREAK, sizeFraction: '0.5' }]);
    await b.trades(agent, '1', '0');
    expect(await streak()).toMatchObject({ state: 'testing', resets: { tradesLeft: 1 } });
    await b.trades(agent, '1');
    expect(await streak()).toMatchObject({ state: 'active', value: null });
    expect(await b.testing(agent)).toEqual([]);
    await b.trades(agent, '-1', '-1', '-1');
    expect(await streak()).toMatchObject({ state: 'active', value: '3' });
    expect(await b.actions(STREAK, agent.accountId)).toEqual(['warned', 'triggered', 'recovered', 'recovered']);
  });

  it('one loss trips it again, for the whole time', async () => {
    await b.trades(agent, '1', '-0.01');
    expect(await streak()).toMatchObject({ state: 'cooling_down', resets: { rule: 'staged' } });
    expect(await b.halts(STREAK, agent.accountId)).toHaveLength(1);
    await b.look();
    expect(await streak()).toMatchObject({ state: 'cooling_down' });
  });

  it('a trade of the test that is cancelled, or never ends, holds nothing up', async () => {
    const cancelled = await b.open(agent, { entryPrice: undefined, entryTime: undefined });
    await agent.http('POST', `/trades/${cancelled}/transitions`, { body: { to: 'cancelled', version: 1 } });
    await b.open(agent);
    expect(await streak()).toMatchObject({ state: 'testing', resets: { tradesLeft: 3 } });
    expect(await b.testing(agent)).toHaveLength(1);
    await b.trades(agent, '1', '1', '1');
    expect(await streak()).toMatchObject({ state: 'active' });
  });

  it('a loss of a trade that was open before it is no trade of the test', async () => {
    const before = await b.open(agent, { entryTime: await b.ago(3_600) });
    await b.close(agent, before, '-1');
    expect(await streak()).toMatchObject({ state: 'testing', resets: { tradesLeft: 3 } });
  });

  it('an administrator ends the test with the breaker', async () => {
    const reset = await t.http('POST', `/circuit-breakers/${STREAK}/reset`, { body: { reason: 'looked at' } });
    expect(reset).toMatchObject({ status: 200, body: { name: STREAK, reset: expect.arrayContaining([expect.objectContaining({ state: 'active', accountId: agent.accountId })]) } });
    expect([(await streak()).state, await b.testing(agent)]).toEqual(['active', []]);
  });
});

describe('a streak of one symbol', () => {
  it('stops that symbol on that account at its fourth loss, and resets by time', async () => {
    const other = await t.agent();
    const of = (id: string) => b.state('losing_streak_symbol', id, agent.accountId);
    for (const profit of ['-1', '-1', '5', '-1', '-1', '-1']) await b.trade(agent, profit, { symbol: 'GBPUSD' });
    await b.trade(agent, '-1', { symbol: 'USDJPY' });
    await b.trade(agent, '9', { symbol: 'USDJPY' });
    expect([(await of('GBPUSD')).state, (await of('USDJPY')).value]).toEqual(['warning', '0']);
    await b.trade(agent, '-1', { symbol: 'GBPUSD' });
    expect(await of('GBPUSD')).toMatchObject({ state: 'tripped', value: '4', resets: { rule: 'timed' } });
    expect(await b.halts('losing_streak_symbol', 'GBPUSD')).toMatchObject([{ scope_type: 'symbol', account_id: agent.accountId, execution_mode: 'paper', mode: 'reduce' }]);
    const holds = (id: string) => t.db.query(`select 1 from agents a cross join lateral halts_on(a.id, a.account_id, a.mode) h where a.id = $1 and h.breaker = 'losing_streak_symbol'`, [id]);
    expect([(await holds(agent.id)).length, (await holds(other.id)).length]).toEqual([1, 0]);
    await b.timeIsUp('losing_streak_symbol', 'GBPUSD');
    await b.look();
    expect([(await of('GBPUSD')).state, await b.halts('losing_streak_symbol', 'GBPUSD')]).toEqual(['active', []]);
    await b.trade(agent, '-1', { symbol: 'GBPUSD' });
    expect(await of('GBPUSD')).toMatchObject({ state: 'active', value: '1' });
  });
});

describe('what a symbol has lost', () => {
  it('trips at the amount over its window, not a cent before, nor with too few trades', async () => {
    await b.set('low_profit_symbol', { enabled: true, minimumSamples: 3, warningFraction: null }, { windowTrades: 3, lossAmountMost: '10' });
    const of = () => b.state('low_profit_symbol', 'AUDUSD', agent.accountId);
    await b.trade(agent, '-50', { symbol: 'AUDUSD' });
    await b.trade(agent, '20', { symbol: 'AUDUSD' });
    expect(await of()).toMatchObject({ state: 'active', value: '30', samples: 2 });
    await b.trade(agent, '20.01', { symbol: 'AUDUSD' });
    expect(await of()).toMatchObject({ state: 'active', value: '9.99' });
    // The first has left the window.
    await b.trade(agent, '-50.01', { symbol: 'AUDUSD' });
    expect(await of()).toMatchObject({ state: 'tripped', value: '10', limit: '10', resets: { rule: 'manual', at: null } });
    await b.trade(agent, '100', { symbol: 'AUDUSD' });
    await t.db.advance(86_400);
    await b.look();
    expect(await of()).toMatchObject({ state: 'tripped' });
    await b.set('low_profit_symbol', { enabled: false, minimumSamples: 1 });
  });
});

describe('openings', () => {
  it('of an hour trip at their number, count no pending ones, and are let in again after the time', async () => {
    await b.set('trades_per_hour', { enabled: true, warningFraction: null }, { openingsMost: 3 });
    const of = () => b.state('trades_per_hour', agent.accountId);
    await b.open(agent, { entryTime: await b.ago(3_601) });
    await b.open(agent, { entryPrice: undefined, entryTime: undefined });
    await b.open(agent);
    await b.open(agent);
    expect(await of()).toMatchObject({ state: 'active', value: '2', limit: '3' });
    await b.open(agent);
    expect(await of()).toMatchObject({ state: 'tripped', value: '3' });
    expect(await desired()).toBe('reducing');
    await t.db.advance(3_601);
    // Silent for that hour on a day with a session, it would be held by another breaker.
    await b.beat(agent);
    await b.look();
    expect(await of()).toMatchObject({ state: 'active' });
    expect(await desired()).toBe('active');
    await b.set('trades_per_hour', { enabled: false });
  });

  it("of a day trip until the account's rollover", async () => {
    await b.set('trades_per_day', { enabled: true, warningFraction: null }, { openingsMost: 2 });
    const of = () => b.state('trades_per_day', agent.accountId);
    await b.open(agent);
    expect(await of()).toMatchObject({ state: 'active', value: '1' });
    await b.open(agent);
    const tripped = await of();
    expect(tripped).toMatchObject({ state: 'tripped', value: '2', resets: { rule: 'next_day', at: expect.stringMatching(/T00:00:00.000Z$/) } });
    await t.db.advance((Date.parse(tripped.resets.at ?? '') - Date.parse(await b.clock())) / 1_000 - 60);
    await b.look();
    expect(await of()).toMatchObject({ state: 'tripped' });
    await t.db.advance(61);
    await b.look();
    expect(await of()).toMatchObject({ state: 'active' });
    await b.open(agent);
    expect(await of()).toMatchObject({ value: '1' });
    await b.set('trades_per_day', { enabled: false });
  });
});

describe('slippage of entries', () => {
  it('trips on its average over the window, with enough of them, and not on better prices', async () => {
    await b.set('slippage', { minimumSamples: 2, warningFraction: null }, { windowTrades: 2, slippageFractionMost: '0.01' });
    const of = () => b.state('slippage', agent.accountId);
    const entered = async (price: string) => {
      const id = await b.open(agent, { entryPrice: undefined, entryTime: undefined });
      const body = { brokerDealId: `slip-${id}`, role: 'entry', price, size: '0.1', requestedPrice: '100', at: await b.clock() };
      const answer = await agent.http('POST', `/trades/${id}/fills`, { body });
      if (answer.status !== 201) throw new Error(answer.text);
    };
    await entered('120');
    expect(await of()).toMatchObject({ state: 'active', samples: 1 });
    await entered('80');
    expect(await of()).toMatchObject({ state: 'active' });
    await entered('125');
    // 0.2 and -0.25.
    expect(await of()).toMatchObject({ state: 'active', value: '-0.025' });
    await entered('100');
    expect(await of()).toMatchObject({ state: 'tripped', value: '0.1', limit: '0.01', unit: 'fraction', resets: { rule: 'timed' } });
    await b.set('slippage', { minimumSamples: 5 }, { windowTrades: 10, slippageFractionMost: '0.001' });
  });
});
