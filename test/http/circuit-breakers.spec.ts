import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BREAKER_NAMES } from '../../src/circuit-breaker/breakers.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Breaker, Breakers, type BreakerState } from '../support/breakers.js';
import { type Answer, clientOf } from '../support/http.js';

interface Refusal { code: string; detail: string; currentVersion?: number; errors?: { path: string; message: string }[] }

let t: TestApp;
let b: Breakers;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  b = new Breakers(t);
  await b.begin();
  agent = await t.agent();
});
afterAll(() => t.close());

const bodyOf = ({ enabled, minimumSamples, warningFraction, haltMode, reset, parameters }: Breaker) => ({ enabled, minimumSamples, warningFraction, haltMode, reset, parameters });
const put = async (name: string, change: Record<string, unknown>, version?: number): Promise<Answer<Breaker & Refusal>> => {
  const before = await b.get(name);
  return t.http('PUT', `/circuit-breakers/${name}`, { body: { ...bodyOf(before), ...change }, headers: { 'if-match': `"${version ?? before.version}"` } });
};
const account = (of: TestAgent = agent) => ({ type: 'account', id: of.accountId, executionMode: 'paper' });

describe('the circuit breakers', () => {
  it('are all there, each with what it measures, settings, and what would reset it', async () => {
    const { body } = await t.http<{ items: Breaker[] }>('GET', '/circuit-breakers');
    expect(body.items.map(({ name }) => name)).toEqual([...BREAKER_NAMES]);
    for (const breaker of body.items) {
      expect(breaker).toMatchObject({ means: expect.stringMatching(/\w.+\./), version: 1, reset: { rule: expect.any(String) } });
      expect(Object.keys(breaker.parameters).length).toBeGreaterThan(0);
      for (const state of breaker.states) expect(state.resets.sentence).toMatch(/\w/);
    }
    expect(body.items.filter(({ enabled }) => !enabled).map(({ name }) => name)).toEqual(['low_profit_symbol', 'trades_per_hour', 'trades_per_day', 'model_degradation']);
  });

  it('trip nothing on a fresh set-up on paper', async () => {
    const fresh = await t.agent();
    await b.beat(fresh, { status: 'running', equity: 10_000, balance: 10_000 });
    await b.trades(fresh, '-10', '20', '-10');
    await b.look();
    const states = (await t.http<{ items: Breaker[] }>('GET', `/circuit-breakers?accountId=${fresh.accountId}`)).body.items.flatMap((breaker) => breaker.states);
    expect(states.filter(({ state, scope }) => state !== 'active' && scope.type !== 'global')).toEqual([]);
  });

  it('show a key its own account only, and refuse it another', async () => {
    const other = await t.agent();
    await b.trades(other, '-1');
    const seen = (await agent.http<{ items: Breaker[] }>('GET', '/circuit-breakers')).body.items.flatMap(({ states }) => states);
    expect(seen.every(({ accountId }) => accountId === null || accountId === agent.accountId)).toBe(true);
    expect((await agent.http('GET', `/circuit-breakers?accountId=${other.accountId}`)).status).toBe(403);
    expect((await t.http('GET', '/circuit-breakers/nothing')).status).toBe(404);
  });
});

describe('a change of settings', () => {
  it('needs the version that was read, is kept with who and why, and holds at once', async () => {
    const before = await b.get('consecutive_losses');
    expect((await t.http('GET', '/circuit-breakers/consecutive_losses')).headers.get('etag')).toBe(`"${before.version}"`);
    const who = await t.agent();
    await b.trades(who, '-1', '-1');
    const changed = await put('consecutive_losses', { parameters: { lossesMost: 2 }, reason: 'tighter for a week' });
    expect(changed).toMatchObject({ status: 200, body: { version: before.version + 1, parameters: { lossesMost: 2 } } });
    await b.look();
    expect((await b.state('consecutive_losses', who.accountId)).state).toBe('cooling_down');
    expect(await put('consecutive_losses', { parameters: { lossesMost: 5 } }, before.version)).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED', currentVersion: before.version + 1 } });
    expect((await t.http('PUT', '/circuit-breakers/consecutive_losses', { body: bodyOf(before) })).status).toBe(428);
    const [version] = (await t.http<{ items: object[] }>('GET', '/circuit-breakers/consecutive_losses/versions')).body.items;
    expect(version).toMatchObject({ version: before.version + 1, reason: 'tighter for a week', changed: [{ field: 'parameters.lossesMost', before: 5, after: 2 }], actor: expect.stringMatching(/^user:/) });
    const [event] = await t.db.query(`select data from events where type = 'circuit_breaker.changed' order by seq desc limit 1`);
    expect(event).toMatchObject({ data: { breaker: 'consecutive_losses', reason: 'tighter for a week' } });
    await put('consecutive_losses', { parameters: { lossesMost: 5 } });
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ['a parameter of another breaker', 'daily_loss', { parameters: { baseline: 'higher', lossesMost: 5 } }, 'parameters.lossesMost'],
    ['a parameter that is missing', 'agent_errors', { parameters: { windowSeconds: 60, failuresMost: 5 } }, 'parameters.tripOnErrorStatus'],
    ['a count below 1', 'consecutive_losses', { parameters: { lossesMost: 0 } }, 'parameters.lossesMost'],
    ['a count above its most', 'consecutive_losses', { parameters: { lossesMost: 101 } }, 'parameters.lossesMost'],
    ['a fraction above 1', 'reject_rate', { parameters: { windowCommands: 20, rejectedFractionMost: '1.1' } }, 'parameters.rejectedFractionMost'],
    ['a percentage for a fraction', 'model_degradation', { parameters: { windowPredictions: 50, hitRateFractionLeast: '45' } }, 'parameters.hitRateFractionLeast'],
    ['samples of what has none', 'daily_loss', { minimumSamples: 5 }, 'minimumSamples'],
    ['more samples than the window has', 'slippage', { minimumSamples: 11 }, 'minimumSamples'],
    ['a warning at the limit itself', 'daily_loss', { warningFraction: '1' }, 'warningFraction'],
    ['a rule that the scope has not', 'database_latency', { reset: { rule: 'next_day' } }, 'reset.rule'],
    ['another rule for the target', 'daily_target', { reset: { rule: 'manual' } }, 'reset.rule'],
    ['a time that its rule does not use', 'daily_loss', { reset: { rule: 'next_day', afterSeconds: 60 } }, 'reset.afterSeconds'],
    ['a rule without its time', 'daily_loss', { reset: { rule: 'timed' } }, 'reset.afterSeconds'],
    ['a test without its trades', 'consecutive_losses', { reset: { rule: 'staged', afterSeconds: 60, testingSizeFraction: '0.5' } }, 'reset.testingTrades'],
    ['a test of no size', 'consecutive_losses', { reset: { rule: 'staged', afterSeconds: 60, testingTrades: 3, testingSizeFraction: '0' } }, 'reset.testingSizeFraction'],
    ['a field that nobody knows', 'daily_loss', { limitAmount: 5 }, 'limitAmount'],
  ])('with %s is refused, and changes nothing', async (_what, name, change, path) => {
    const before = await b.get(name);
    const answer = await put(name, change);
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [expect.objectContaining({ path })] } });
    expect(answer.body.detail).toContain(path);
    expect((await b.get(name)).version).toBe(before.version);
  });

  it('is an administrator\'s; an operator trips and does not reset; a viewer and an agent only look', async () => {
    const as = async (role: 'viewer' | 'operator') => clientOf(t.base, await t.person(role));
    const [viewer, operator] = [await as('viewer'), await as('operator')];
    const body = bodyOf(await b.get('daily_loss'));
    const who = await t.agent();
    for (const http of [viewer, operator, agent.http]) {
      expect((await http('PUT', '/circuit-breakers/daily_loss', { body, headers: { 'if-match': '"1"' } })).status).toBe(403);
      expect((await http('POST', '/circuit-breakers/daily_loss/reset', { body: { reason: 'r' } })).status).toBe(403);
    }
    for (const http of [viewer, agent.http]) expect((await http('POST', '/circuit-breakers/daily_loss/trip', { body: { reason: 'r', scope: account(who) } })).status).toBe(403);
    expect((await operator('POST', '/circuit-breakers/daily_loss/trip', { body: { reason: 'r', scope: account(who) } })).status).toBe(200);
    expect((await viewer('GET', '/circuit-breakers')).status).toBe(200);
  });
});

describe('a trip by hand', () => {
  const trip = (name: string, scope: object, reason = 'to be sure') => t.http<BreakerState & Refusal>('POST', `/circuit-breakers/${name}/trip`, { body: { scope, reason } });

  it.each<[string, () => object]>([
    ['drawdown', () => account()], ['stale_heartbeat', () => ({ type: 'agent', id: agent.id })], ['database_latency', () => ({ type: 'global' })],
    ['losing_streak_symbol', () => ({ type: 'symbol', id: 'EURUSD', accountId: agent.accountId, executionMode: 'paper' })],
  ])('of %s halts its scope with who and why, is refused a second time, and is reset with who and why', async (name, scopeOf) => {
    const scope = scopeOf() as { type: string; id?: string };
    const tripped = await trip(name, scope);
    expect(tripped).toMatchObject({ status: 200, body: { state: 'tripped', scope: { type: scope.type, id: scope.id ?? null }, haltId: expect.any(String) } });
    const [halt] = await b.halts(name, scope.id ?? null);
    expect(halt).toMatchObject({ id: tripped.body.haltId, scope_type: scope.type });
    expect(await trip(name, scope)).toMatchObject({ status: 409, body: { code: 'BREAKER_TRIPPED' } });
    expect((await t.http<Refusal>('POST', `/kill-switch/${halt?.id}/release`, { body: { confirm: 'RELEASE', reason: 'r' } })).body.code).toBe('BREAKER_TRIPPED');
    const reset = await t.http<{ reset: BreakerState[] }>('POST', `/circuit-breakers/${name}/reset`, { body: { reason: 'all is well', scope } });
    expect(reset).toMatchObject({ status: 200, body: { reset: [{ state: 'active', haltId: null }] } });
    expect(await b.halts(name, scope.id ?? null)).toEqual([]);
    const [last, first] = await t.db.query(`select action, source, reported_by, reason from circuit_breaker_events where breaker_type = $1 and scope_id is not distinct from $2 order by seq desc limit 2`, [name, scope.id ?? null]);
    expect([first, last]).toMatchObject([{ action: 'triggered', source: 'person', reason: expect.stringContaining('to be sure') }, { action: 'reset', source: 'person', reported_by: expect.stringMatching(/^user:/), reason: expect.stringContaining('all is well') }]);
    const incidents = (await t.http<{ items: { status: string; data: { breaker: string } }[] }>('GET', '/incidents?kind=BREAKER_TRIPPED&limit=500')).body.items;
    expect(incidents.filter(({ data }) => data.breaker === name).map(({ status }) => status)).toContain('resolved');
  });

  it.each<[string, string, () => object, number, string]>([
    ['a scope of another kind', 'drawdown', () => ({ type: 'agent', id: agent.id }), 400, 'scope.type'],
    ['no id', 'drawdown', () => ({ type: 'account', executionMode: 'paper' }), 400, 'scope.id'],
    ['no mode', 'drawdown', () => ({ type: 'account', id: agent.accountId }), 400, 'scope.executionMode'],
    ['a mode of an agent', 'stale_heartbeat', () => ({ type: 'agent', id: agent.id, executionMode: 'live' }), 400, 'scope.executionMode'],
    ['a symbol of no account', 'stale_prices', () => ({ type: 'symbol', id: 'EURUSD', executionMode: 'paper' }), 400, 'scope.accountId'],
    ['what is no UUID', 'drawdown', () => ({ type: 'account', id: 'mine', executionMode: 'paper' }), 400, 'scope.id'],
    ['an account that is not there', 'drawdown', () => ({ type: 'account', id: '01930000-0000-7000-8000-00000000beef', executionMode: 'paper' }), 404, ''],
    ['an agent that is not there', 'stale_heartbeat', () => ({ type: 'agent', id: '01930000-0000-7000-8000-00000000beef' }), 404, ''],
  ])('of %s is refused', async (_what, name, scope, status, path) => {
    const answer = await trip(name, scope());
    expect([answer.status, answer.body.errors?.[0]?.path ?? '']).toEqual([status, path]);
  });

  it('without a scope stops wherever an agent works, and leaves out what stands already', async () => {
    const [one, other, gone] = [await t.agent(), await t.agent(), await t.agent()];
    await t.http('PATCH', `/agents/${gone.id}`, { body: { retired: true } });
    await trip('trades_per_day', account(one));
    const everywhere = (name: string) => t.http<Refusal & { name: string; tripped: BreakerState[]; state: string }>('POST', `/circuit-breakers/${name}/trip`, { body: { reason: 'to be sure' } });
    const { status, body } = await everywhere('trades_per_day');
    const accounts = body.tripped.map(({ scope }) => scope.id);
    expect([status, body.name, new Set(body.tripped.map(({ state }) => state))]).toEqual([200, 'trades_per_day', new Set(['tripped'])]);
    expect([one, other, gone].map(({ accountId }) => accounts.includes(accountId))).toEqual([false, true, false]);
    expect(accounts).toHaveLength(new Set(accounts).size);
    expect([await b.halts('trades_per_day', one.accountId), await b.halts('trades_per_day', other.accountId)].map((list) => list.length)).toEqual([1, 1]);
    expect(await everywhere('trades_per_day')).toMatchObject({ status: 409, body: { code: 'BREAKER_TRIPPED' } });
    expect((await everywhere('agent_errors')).body.tripped.map(({ scope }) => scope.id)).toEqual(expect.arrayContaining([one.id, other.id]));
    expect(await everywhere('database_latency')).toMatchObject({ status: 200, body: { state: 'tripped', scope: { type: 'global', id: null } } });
    expect((await everywhere('stale_prices')).body.errors).toEqual([{ path: 'scope', message: expect.stringContaining('is needed') }]);
    for (const name of ['trades_per_day', 'agent_errors', 'database_latency']) expect((await t.http('POST', `/circuit-breakers/${name}/reset`, { body: { reason: 'r' } })).status).toBe(200);
  });

  it('lasts as its rule has it, also of a breaker that is disabled', async () => {
    const who = await t.agent();
    expect((await trip('trades_per_hour', account(who))).body).toMatchObject({ state: 'tripped', resets: { rule: 'timed', at: expect.any(String) } });
    await b.timeIsUp('trades_per_hour', who.accountId);
    await b.look();
    expect((await b.state('trades_per_hour', who.accountId)).state).toBe('active');
  });
});

describe('a reset', () => {
  it('of everything that a breaker holds is one, and twice is as good as once', async () => {
    const agents = await Promise.all([t.agent(), t.agent(), t.agent()]);
    for (const who of agents) await t.http('POST', '/circuit-breakers/drawdown/trip', { body: { scope: account(who), reason: 'r' } });
    const [first, second] = await Promise.all([1, 2].map(() => t.http<{ reset: BreakerState[] }>('POST', '/circuit-breakers/drawdown/reset', { body: { reason: 'done' } })));
    expect([first?.status, second?.status]).toEqual([200, 200]);
    for (const who of agents) {
      expect(await b.halts('drawdown', who.accountId)).toEqual([]);
      expect((await b.state('drawdown', who.accountId)).state).toBe('active');
    }
  });

  it('needs a reason', async () => {
    expect(await t.http<Refusal>('POST', '/circuit-breakers/drawdown/reset', { body: {} })).toMatchObject({ status: 400, body: { errors: [{ path: 'reason' }] } });
  });

  it('lets what was queued under the halt not come alive', async () => {
    const who = await t.agent();
    const queued = await t.http<{ id: string }>('POST', `/agents/${who.id}/commands`, { body: { type: 'custom' } });
    await t.http('POST', '/circuit-breakers/drawdown/trip', { body: { scope: account(who), reason: 'r' } });
    await t.http('POST', '/circuit-breakers/drawdown/reset', { body: { reason: 'r', scope: account(who) } });
    expect((await t.http<{ status: string }>('GET', `/commands/${queued.body.id}`)).body.status).toBe('cancelled');
  });
});

describe('a disabled breaker', () => {
  it('neither trips nor warns', async () => {
    await put('consecutive_losses', { enabled: false });
    const who = await t.agent();
    await b.trades(who, '-1', '-1', '-1', '-1', '-1', '-1');
    await b.look();
    expect([await b.actions('consecutive_losses', who.accountId), await b.halts('consecutive_losses', who.accountId)]).toEqual([[], []]);
    await put('consecutive_losses', { enabled: true });
  });
});
