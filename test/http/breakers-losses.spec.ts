import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UnexplainedService } from '../../src/accounts/unexplained.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { Breakers } from '../support/breakers.js';
import { storeTrades } from '../support/trade-rows.js';

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

const told = (equity: number | string, of: TestAgent = agent) => b.beat(of, { equity, balance: equity });
const daily = () => b.state('daily_loss', agent.accountId);
const limits = async (change: Record<string, unknown>, accountId: string): Promise<void> => {
  const { body } = await t.http<Record<string, unknown> & { version: number }>('GET', `/limits/account/${accountId}`);
  const { scope: _scope, id: _id, currency: _currency, version, updatedAt: _at, updatedBy: _by, warnings: _warnings, ...values } = body;
  const answer = await t.http('PUT', `/limits/account/${accountId}`, { body: { ...values, ...change }, headers: { 'if-match': `"${version}"` } });
  if (answer.status !== 200) throw new Error(answer.text);
};
const reset = (breaker: string, scope?: object) => t.http<{ reset: { state: string }[] }>('POST', `/circuit-breakers/${breaker}/reset`, { body: { reason: 'looked at', ...(scope ? { scope } : {}) } });
const account = () => ({ type: 'account', id: agent.accountId, executionMode: 'paper' });

describe('daily loss', () => {
  it('warns, and trips with the report that reaches the limit, not one cent before', async () => {
    await told(10_000);
    expect(await daily()).toMatchObject({ state: 'active', value: '0', limit: '500', unit: 'USD' });
    await told('9600.01');
    await b.look();
    expect((await daily()).state).toBe('active');
    await told('9500.01');
    await b.look();
    expect(await daily()).toMatchObject({ state: 'warning', value: '499.99' });
    await told('9500');
    expect(await daily()).toMatchObject({ state: 'tripped', value: '500', limit: '500', resets: { rule: 'next_day', at: expect.stringMatching(/T00:00:00.000Z$/) } });
    expect(await b.halts('daily_loss', agent.accountId)).toMatchObject([{ mode: 'halt', execution_mode: 'paper' }]);
  });

  it('does not clear when the price returns, and clears with the rollover', async () => {
    await told(10_000);
    await told(9_400);
    for (const equity of [9_900, 10_400]) {
      await told(equity);
      await b.look();
      expect(await daily()).toMatchObject({ state: 'tripped', value: '600' });
    }
    const at = (await daily()).resets.at ?? '';
    await t.db.advance((Date.parse(at) - Date.parse(await b.clock())) / 1_000 + 1);
    await told(10_400);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', value: '0' });
    expect(await b.halts('daily_loss', agent.accountId)).toEqual([]);
    expect(await b.actions('daily_loss', agent.accountId)).toEqual(['triggered', 'recovered']);
  });

  it('is no loss what was withdrawn, and no gain what was paid in', async () => {
    await told(10_000);
    const flow = (kind: string, amount: number, at: string) => t.http('POST', `/accounts/${agent.accountId}/cash-flows`, { body: { kind, amount, at } });
    await flow('withdrawal', -1_000, await b.clock());
    await told(9_000);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', value: '0' });
    await flow('deposit', 400, await b.clock());
    await told(8_900);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'tripped', value: '500' });
  });

  it('is no loss what was paid in and the last report does not have yet', async () => {
    await told(10_000);
    await t.db.advance(2);
    await t.http('POST', `/accounts/${agent.accountId}/cash-flows`, { body: { kind: 'deposit', amount: 2_000, at: await b.clock() } });
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', value: '0', limit: '500' });
    expect(await b.state('drawdown', agent.accountId)).toMatchObject({ state: 'active', value: '0' });
    await t.db.advance(2);
    await told(11_400);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'tripped', value: '600', limit: '600' });
  });

  it('is not made good by a rise of the balance that nothing has explained for a minute, nor is the fall from a peak', async () => {
    await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, exitTime: await b.clock(), grossProfit: '0', entryTime: await b.clock() }]);
    await told(10_000);
    await t.db.advance(1);
    await b.beat(agent, { equity: 10_000, balance: '10499.99' });
    await t.app.get(UnexplainedService).look();
    await b.look();
    // The fill that made it may be on its way.
    expect(await daily()).toMatchObject({ state: 'active', value: '0' });
    await t.db.advance(61);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'warning', value: '499.99' });
    expect(await b.state('drawdown', agent.accountId)).toMatchObject({ value: '499.99' });
    // And no report is one that trips nothing because it has the rise in it.
    await b.beat(agent, { equity: '9999.99', balance: '10499.99' });
    expect(await daily()).toMatchObject({ state: 'tripped', value: '500' });
    // What there is at a reset has the rise in it too.
    await reset('daily_loss', account());
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', value: '0' });
  });

  it('of a rise that is named since is what it is without it', async () => {
    await storeTrades(t.db, [{ agentId: agent.id, accountId: agent.accountId, exitTime: await b.clock(), grossProfit: '0', entryTime: await b.clock() }]);
    await told(10_000);
    await t.db.advance(1);
    const rose = await b.clock();
    await b.beat(agent, { equity: 10_000, balance: '10499.99' });
    await t.app.get(UnexplainedService).look();
    await t.db.advance(61);
    await t.http('POST', `/accounts/${agent.accountId}/cash-flows`, { body: { kind: 'deposit', amount: '499.99', at: rose } });
    await b.look();
    expect(await daily()).toMatchObject({ value: '499.99', limit: '524.9995' });
    await b.beat(agent, { equity: '10499.99', balance: '10499.99' });
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', value: '0' });
  });

  it('holds the tighter limit of the account, for that account', async () => {
    const other = await t.agent();
    await limits({ dailyLossLimitAmount: '100' }, agent.accountId);
    for (const who of [agent, other]) {
      await told(10_000, who);
      await told(9_900, who);
    }
    await b.look();
    expect(await daily()).toMatchObject({ state: 'tripped', limit: '100' });
    expect(await b.state('daily_loss', other.accountId)).toMatchObject({ state: 'active', limit: '500' });
  });

  it('that was reset trips no more by the same loss, and by as much again', async () => {
    await told(10_000);
    await told(9_500);
    expect((await daily()).state).toBe('tripped');
    expect((await reset('daily_loss', account())).body).toMatchObject({ reset: [{ state: 'active' }] });
    expect(await b.halts('daily_loss', agent.accountId)).toEqual([]);
    await told('9025.01');
    await b.look();
    expect(await daily()).toMatchObject({ value: '474.99', limit: '475' });
    expect((await daily()).state).not.toBe('tripped');
    await told(9_025);
    expect(await daily()).toMatchObject({ state: 'tripped', value: '475' });
    expect((await b.actions('daily_loss', agent.accountId)).filter((action) => action === 'triggered' || action === 'reset')).toEqual(['triggered', 'reset', 'triggered']);
  });

  it('counts deals and marks on an assumed balance where nobody reports, outside live', async () => {
    await b.trade(agent, '-400');
    const open = await b.open(agent);
    expect(await daily()).toMatchObject({ state: 'warning', value: '400', limit: '500' });
    const mark = (profit: string, n: number) => b.ago(10 - n).then((quotedAt) => agent.http('POST', `/trades/${open}/marks`, { body: { quotedAt, bid: '1.1', ask: '1.1', floatingProfit: profit } }));
    await mark('-99.99', 1);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'warning', value: '499.99' });
    await mark('-100', 2);
    await b.look();
    expect(await daily()).toMatchObject({ state: 'tripped', value: '500' });
  });

  it('is not known of an account that never told anything: no data trips nothing', async () => {
    await b.look();
    expect(await daily()).toMatchObject({ state: 'active', since: null });
  });

  it('of one agent stops the others of its account in that mode', async () => {
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`);
    const colleague = await t.agent({ account: body.name });
    await told(10_000);
    await told(9_000);
    const answer = await colleague.http<{ desiredState: { state: string; reasons: { code: string; breaker?: string }[] } }>('POST', '/agents/me/heartbeat', { body: {} });
    expect(answer.body.desiredState).toMatchObject({ state: 'halted', reasons: expect.arrayContaining([expect.objectContaining({ breaker: 'daily_loss' })]) });
  });

  it('asks twenty reports at once once', async () => {
    const { body } = await t.http<{ name: string }>('GET', `/accounts/${agent.accountId}`);
    const agents = [agent, ...(await Promise.all(Array.from({ length: 4 }, () => t.agent({ account: body.name }))))];
    await told(10_000);
    await Promise.all(agents.flatMap((of) => [9_000, 8_900, 8_800, 8_700].map((equity) => told(equity, of))));
    await b.look();
    expect((await b.actions('daily_loss', agent.accountId)).filter((action) => action === 'triggered')).toHaveLength(1);
    expect(await b.halts('daily_loss', agent.accountId)).toHaveLength(1);
  });
});

describe('the daily target', () => {
  const target = () => b.state('daily_target', agent.accountId);

  it('reduces until the rollover from the cent on that reaches it, and not where trading may go on', async () => {
    await limits({ dailyProfitTarget: '200' }, agent.accountId);
    await told(10_000);
    await told('10199.99');
    await b.look();
    expect(await target()).toMatchObject({ state: 'active', value: '199.99', limit: '200' });
    await told(10_200);
    expect(await target()).toMatchObject({ state: 'tripped', value: '200', resets: { rule: 'next_day' } });
    const [halt] = await b.halts('daily_target', agent.accountId);
    expect(halt).toMatchObject({ mode: 'reduce' });
    expect(new Date(halt?.expires_at ?? 0).toISOString()).toBe((await target()).resets.at);
    expect(await t.http('GET', `/incidents?accountId=${agent.accountId}&kind=BREAKER_TRIPPED`)).toMatchObject({ body: { items: [{ severity: 'info' }] } });
    await told(10_100);
    await b.look();
    expect((await target()).state).toBe('tripped');
    await t.db.advance((Date.parse((await target()).resets.at ?? '') - Date.parse(await b.clock())) / 1_000 + 1);
    // Over with the day, also before anybody looks.
    expect(await b.halts('daily_target', agent.accountId)).toEqual([]);
    await b.look();
    expect((await target()).state).toBe('active');
  });
});

describe('drawdown', () => {
  const drawdown = () => b.state('drawdown', agent.accountId);
  /** A peak is what three reports in a row held. */
  const peak = async (equity: number) => {
    for (let n = 0; n < 3; n++) await told(equity);
  };

  beforeEach(() => limits({ maxDrawdownAmount: '300', dailyLossLimitFraction: null }, agent.accountId));

  it('trips at the limit below the peak, stays so, and only a person resets it, to begin from there', async () => {
    await peak(10_000);
    await peak(10_200);
    await told('9900.01');
    await b.look();
    expect(await drawdown()).toMatchObject({ state: 'warning', value: '299.99', limit: '300' });
    await told(9_900);
    expect(await drawdown()).toMatchObject({ state: 'tripped', value: '300', resets: { rule: 'manual', at: null, sentence: expect.stringContaining('administrator') } });
    await told(10_400);
    await t.db.advance(2 * 86_400);
    await b.look();
    expect((await drawdown()).state).toBe('tripped');
    await told(9_900);
    await reset('drawdown', account());
    await told('9600.01');
    await b.look();
    expect(await drawdown()).toMatchObject({ value: '299.99' });
    expect((await drawdown()).state).not.toBe('tripped');
    await told(9_600);
    expect(await drawdown()).toMatchObject({ state: 'tripped' });
  });
});
