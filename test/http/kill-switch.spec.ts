import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Schedules } from '../../src/database/schedules.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { beat, enqueue, type Halt, impose, lease, queueOpening, release, type Release, releaseAll } from '../support/halts.js';
import { clientOf, withinASecond } from '../support/http.js';
import { holding } from '../support/locks.js';
import { expectWithin } from '../support/timing.js';
import { after, held, reportOf } from '../support/positions.js';

let t: TestApp;
let agent: TestAgent;
let operator: string;
beforeAll(async () => {
  t = await startTestApp();
  operator = await t.person('operator');
});
beforeEach(async () => {
  agent = await t.agent();
});
afterEach(() => releaseAll(t));
afterAll(() => t.close());

const strategy = async (name: string) => (await t.http<{ id: string }>('POST', '/strategies', { body: { name } })).body.id;
const stateOf = async (who = agent) => (await beat(who)).body.desiredState;
const halt = async (id: string) => (await t.http<Halt>('GET', `/kill-switch/${id}`)).body;
const eventsOf = (id: string) => t.db.query<{ type: string; actor: string }>('select type, actor from events where subject_id = $1 order by seq', [id]);
const statusOf = async (id: string) => (await t.http<{ status: string; cancelRequested: boolean }>('GET', `/commands/${id}`)).body;

describe('a halt', () => {
  it('of everything works with no agent registered, and holds who registers later from the first answer', async () => {
    const alone = await startTestApp();
    try {
      const { status, body } = await impose(alone, { type: 'global' });
      expect([status, body.effectiveAt !== null, body.agents?.inScope]).toEqual([201, true, 0]);
      const made = await alone.http<{ apiKey: string; id: string; desiredState: { state: string }; canTrade: boolean }>('POST', '/agents', { body: { name: 'late', mode: 'paper' } });
      expect(made.body).toMatchObject({ desiredState: { state: 'halted', reasons: [{ code: 'HALT', haltId: body.id }] }, canTrade: false });
      const first = await clientOf(alone.base, made.body.apiKey)('POST', '/agents/me/heartbeat', { body: { status: 'starting' } });
      expect(first.headers.get('x-desired-state')).toMatch(/^halted;v=\d+;run=running$/);
      expect(first.body).toMatchObject({ desiredState: { state: 'halted' } });
    } finally {
      await alone.close();
    }
  });

  it.each([['reduce', 'reducing'], ['halt', 'halted'], ['flatten', 'flatten']])('in mode %s is told as %s in every body and on every answer, and nobody can trade', async (mode, state) => {
    await beat(agent);
    const { version } = await stateOf();
    const { body } = await impose(t, { type: 'agent', id: agent.name }, { mode });
    expect(body).toMatchObject({ mode, scope: { type: 'agent', id: agent.id, name: agent.name }, source: 'person', inForce: true });
    const reason = { code: 'HALT', haltId: body.id, scope: 'agent', mode, reason: 'something is wrong' };
    const beaten = await beat(agent);
    expect(beaten.body.desiredState).toMatchObject({ state, reasons: [reason] });
    expect(beaten.body.desiredState.version).toBeGreaterThan(version);
    expect((await lease(agent)).body.desiredState).toMatchObject({ state, reasons: [reason] });
    const synced = await agent.http('POST', '/agents/me/sync', { body: { syncSeq: 1 } });
    expect(synced.body).toMatchObject({ desiredState: { state, reasons: [reason] } });
    const other = await agent.http('GET', '/agents/me/state');
    for (const answer of [beaten, synced, other]) expect(answer.headers.get('x-desired-state')).toBe(`${state};v=${beaten.body.desiredState.version};run=running`);
    expect(other.body).toMatchObject({ canTrade: false, desiredState: { state } });
  });

  it('is told as the strictest of those that hold an agent, and other agents are not held', async () => {
    const other = await t.agent();
    await impose(t, { type: 'agent', id: agent.id }, { mode: 'reduce' });
    const { body } = await impose(t, { type: 'account', id: agent.accountId }, { mode: 'flatten' });
    expect([(await stateOf()).state, (await stateOf(other)).state]).toEqual(['flatten', 'active']);
    await release(t, body.id);
    expect((await stateOf()).state).toBe('reducing');
  });

  it('of an account is imposed by its name, and holds all its agents', async () => {
    const [name] = [`shared-${randomUUID()}`];
    const [one, two] = [await t.agent({ account: name }), await t.agent({ account: name })];
    const { body } = await impose(t, { type: 'account', id: name });
    expect(body).toMatchObject({ scope: { id: one.accountId, name }, agents: { inScope: 2 } });
    expect([(await stateOf(one)).state, (await stateOf(two)).state, (await stateOf()).state]).toEqual(['halted', 'halted', 'active']);
  });

  it('of a symbol in any spelling holds the canonical one, and leaves the state as it is', async () => {
    const { body } = await impose(t, { type: 'symbol', id: 'eur/usd.m' });
    expect(body.scope).toEqual({ type: 'symbol', id: 'EURUSD', name: 'EURUSD' });
    expect(await stateOf()).toMatchObject({ state: 'active', reasons: [{ code: 'HALT', scope: 'symbol', symbol: 'EURUSD' }] });
    const [held, free] = [await queueOpening(t, agent), await queueOpening(t, agent, { symbol: 'GBPUSD' })];
    expect((await lease(agent)).body.commands.map(({ id }) => id)).toEqual([free]);
    expect(await enqueue(t, agent, 'custom', { symbol: 'EURUSD' })).toMatchObject({ status: 409, body: { code: 'HALTED' } });
    expect((await enqueue(t, agent, 'custom', { symbol: 'GBPUSD' })).status).toBe(201);
    expect((await statusOf(held)).status).toBe('queued');
  });

  it("takes an account's own name for an instrument, and asks when it stands for several", async () => {
    const list = (symbol: string, account = agent) => t.http('POST', '/instruments', { body: {
      accountId: account.accountId, symbol, brokerSymbol: 'GOLDX', kind: 'cfd', quoteCurrency: 'USD', sizeUnit: 'lot', contractSize: '100', tickSize: '0.01', tickValue: '1', minSize: '0.01', sizeStep: '0.01' } });
    expect((await list('XAUUSD')).status).toBe(201);
    expect((await impose(t, { type: 'symbol', id: 'GOLDX' })).body.scope.id).toBe('XAUUSD');
    expect((await list('GOLDCORP', await t.agent())).status).toBe(201);
    expect(await impose(t, { type: 'symbol', id: 'GOLDX' })).toMatchObject({ status: 409, body: { code: 'SYMBOL_AMBIGUOUS', detail: expect.stringContaining('XAUUSD') } });
  });

  it('of a strategy holds the openings that name it', async () => {
    const id = await strategy(`breakout-${randomUUID()}`);
    const [mine, other] = [await queueOpening(t, agent, { strategyId: id }), await queueOpening(t, agent, { strategyId: randomUUID() })];
    await impose(t, { type: 'strategy', id });
    expect((await lease(agent)).body.commands.map((each) => each.id)).toEqual([other]);
    expect(await statusOf(mine)).toMatchObject({ status: 'cancelled', reason: 'halted: something is wrong' });
    expect((await stateOf()).state).toBe('active');
  });

  it.each([['account', 'nobody'], ['agent', randomUUID()], ['strategy', 'none']])('of a scope that does not exist (%s) is a 404, and nothing is halted', async (type, id) => {
    expect((await impose(t, { type, id })).status).toBe(404);
    expect((await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true')).body.items).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an id of everything', { scope: { type: 'global', id: 'x' } }, 'scope.id'], ['no scope', { scope: undefined }, 'scope'], ['no id', { scope: { type: 'agent' } }, 'scope.id'],
    ['no symbol', { scope: { type: 'symbol', id: '***' } }, 'scope.id'], ['no mode', { mode: 'stop' }, 'mode'], ['no reason', { reason: ' ' }, 'reason'],
  ])('with %s is a 400 that names it', async (_what, more, path) => {
    const { status, body } = await impose(t, { type: 'global' }, more);
    expect([status, (body as unknown as { errors: { path: string }[] }).errors[0]?.path]).toEqual([400, path]);
  });

  it('is imposed once for an Idempotency-Key', async () => {
    const ask = () => t.http<Halt>('POST', '/kill-switch', { headers: { 'idempotency-key': `halt-${agent.id}` }, body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'x' } });
    const [first, second] = [await ask(), await ask()];
    expect([second.status, second.body.id, second.headers.get('idempotency-replayed')]).toEqual([201, first.body.id, 'true']);
  });

  it('is in the log with who did it, and is the last halt reason that the risk configuration shows', async () => {
    const { body } = await t.http<Halt>('POST', '/kill-switch', { token: operator, body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: `because ${agent.id}` } });
    await release(t, body.id);
    const events = await eventsOf(body.id);
    expect(events.map(({ type }) => type)).toEqual(['halt.imposed', 'halt.effective', 'halt.released']);
    expect([events[0]?.actor, events[2]?.actor === events[0]?.actor]).toEqual([body.by, false]);
    expect((await t.http('GET', '/risk-config')).body).toMatchObject({ lastHaltReason: `because ${agent.id}` });
  });

  it('is kept through a restart', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    const again = await t.second();
    try {
      const told = await clientOf(again.base, agent.apiKey)('POST', '/agents/me/heartbeat', { body: {} });
      expect(told.body).toMatchObject({ desiredState: { state: 'halted', reasons: [{ haltId: body.id }] } });
      expect(told.headers.get('x-desired-state')).toMatch(/^halted;/);
    } finally {
      await again.close();
    }
  });
});

describe('what opens, under a halt', () => {
  it('is refused when it is queued, by whatever way, with who and why', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    for (const [type, payload] of [['start', {}], ['resume', {}], ['custom', {}], ['update_config', { maxLots: 5 }]] as const) {
      const refused = await enqueue(t, agent, type, payload);
      expect([type, refused.status, refused.body.code]).toEqual([type, 409, 'HALTED']);
      for (const part of [body.id, body.by, 'something is wrong']) expect(refused.body.detail).toContain(part);
    }
    const { body: told } = await lease(agent);
    expect([told.commands, told.desiredState.run]).toEqual([[], 'running']);
  });

  it('ends when it is queued already; when it is leased, its agent is told when it extends', async () => {
    const leased = (await enqueue(t, agent, 'custom')).body;
    const [given] = (await lease(agent)).body.commands;
    const queued = await queueOpening(t, agent);
    await impose(t, { type: 'global' });
    expect(await statusOf(queued)).toMatchObject({ status: 'cancelled' });
    expect(await statusOf(leased.id)).toMatchObject({ status: 'leased', cancelRequested: true });
    const extended = await agent.http('POST', `/commands/${leased.id}/extend`, { body: { leaseToken: given?.leaseToken } });
    expect(extended.body).toMatchObject({ cancelRequested: true });
    await agent.http('POST', `/commands/${leased.id}/fail`, { body: { leaseToken: given?.leaseToken, outcome: 'not_sent', error: { code: 'X' }, retryable: true } });
    expect(await statusOf(leased.id)).toMatchObject({ status: 'cancelled' });
  });

  it('is not handed out to a poll that waits, nor taken out of the dead', async () => {
    const dead = (await enqueue(t, agent, 'custom')).body.id;
    await t.db.query(`update agent_commands set status = 'dead', finished_at = app_clock() where id = $1`, [dead]);
    await impose(t, { type: 'account', id: agent.accountId });
    expect(await t.http('POST', `/commands/${dead}/requeue`, { body: {} })).toMatchObject({ status: 409, body: { code: 'HALTED' } });
    const waiting = lease(agent, { waitSeconds: 1 });
    await queueOpening(t, agent);
    expect((await waiting).body.commands).toEqual([]);
  });

  it('is not told again by a sync whose first answer was lost', async () => {
    const opening = await queueOpening(t, agent);
    const sync = () => agent.http<{ commands: { id: string }[]; replayed: boolean }>('POST', '/agents/me/sync', { body: { syncSeq: 7, lease: { max: 5, leaseSeconds: 60 } } });
    expect((await sync()).body.commands.map(({ id }) => id)).toEqual([opening]);
    expect((await sync()).body.commands.map(({ id }) => id)).toEqual([opening]);
    const { body } = await impose(t, { type: 'symbol', id: 'EURUSD' });
    expect((await sync()).body).toMatchObject({ replayed: true, commands: [] });
    await release(t, body.id);
    expect((await sync()).body).toMatchObject({ replayed: true, commands: [] });
  });

  it.each(['reduce', 'halt', 'flatten'])('does not hold up what does not open, in mode %s', async (mode) => {
    await impose(t, { type: 'global' }, { mode });
    const trade = (await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: 'one', symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: after(-60) } })).body;
    const waiting = lease(agent, { waitSeconds: 20, max: 1 });
    const close = await enqueue(t, agent, 'close_trade', { tradeId: trade.id });
    expect([close.status, (await waiting).body.commands.map(({ id }) => id)]).toEqual([201, [close.body.id]]);
    for (const [type, payload] of [['cancel_order', { brokerOrderId: '1' }], ['modify_trade', { tradeId: trade.id, stopLoss: '1.05' }], ['reconcile', {}], ['pause', {}], ['stop', {}], ['flatten', {}], ['kill', {}]] as const) {
      const made = await enqueue(t, agent, type, payload);
      expect([type, made.status]).toEqual([type, 201]);
      expect((await lease(agent)).body.commands.map(({ id }) => id)).toEqual([made.body.id]);
    }
  });

  it('of other agents goes on', async () => {
    const other = await t.agent();
    await impose(t, { type: 'agent', id: agent.id });
    const { body } = await enqueue(t, other, 'custom');
    expect((await lease(other)).body.commands.map(({ id }) => id)).toEqual([body.id]);
  });
});

describe('polls that wait', () => {
  it('end at once with the new state, all of an agent, here and on another server, without a command', async () => {
    const second = await t.second();
    try {
      const there = { ...agent, http: clientOf(second.base, agent.apiKey) };
      await expectWithin(2_000, async () => {
        const waiting = [agent, agent, there, there].map((who) => lease(who, { waitSeconds: 20 }));
        await withinASecond(async () => expect(await parked([t, second])).toBe(4));
        const began = performance.now();
        const { body } = await impose(t, { type: 'global' });
        const told = await Promise.all(waiting);
        const took = performance.now() - began;
        for (const answer of told) expect(answer.body).toMatchObject({ commands: [], desiredState: { state: 'halted', reasons: [{ haltId: body.id }] } });
        const again = lease(there, { waitSeconds: 20 });
        await withinASecond(async () => expect(await parked([second])).toBe(1));
        await release(t, body.id);
        expect((await again).body.desiredState.state).toBe('active');
        expect(performance.now() - began).toBeLessThan(15_000);
        return took;
      });
    } finally {
      await second.close();
    }
  });

  it('end within seconds on a server that hears no notifications', async () => {
    const deaf = await t.second({ DB_LISTEN: 'off' });
    try {
      await expectWithin(5_000, async () => {
        const waiting = lease({ ...agent, http: clientOf(deaf.base, agent.apiKey) }, { waitSeconds: 20 });
        await withinASecond(async () => expect(await parked([deaf])).toBe(1));
        const began = performance.now();
        const { body } = await impose(t, { type: 'agent', id: agent.id });
        expect((await waiting).body.desiredState.state).toBe('halted');
        const took = performance.now() - began;
        await release(t, body.id);
        return took;
      });
    } finally {
      await deaf.close();
    }
  });

  const parked = async (apps: TestApp[]) => {
    const texts = await Promise.all(apps.map(async ({ base }) => (await clientOf(base)('GET', '/metrics')).text));
    return texts.reduce((sum, text) => sum + Number(/^tradewarden_parked_polls (\d+)/m.exec(text)?.[1] ?? 0), 0);
  };
});

describe('an account that somebody holds', () => {
  it('makes the answer a 202 that names it, holds up no other, and the halt is effective when it is free', async () => {
    const other = await t.agent();
    const [stuck, free] = [await queueOpening(t, agent), await queueOpening(t, other)];
    let id = '';
    await holding(t.db, 'select 1 from accounts where id = $1 for no key update', [agent.accountId], async () => {
      const { status, body } = await impose(t, { type: 'global' });
      id = body.id;
      expect([status, body.effectiveAt, body.stillOpen.accounts.map((each) => each.id), body.stillOpen.openings.map((each) => each.commandId)]).toEqual([202, null, [agent.accountId], [stuck]]);
      expect(await statusOf(free)).toMatchObject({ status: 'cancelled' });
      expect(await statusOf(stuck)).toMatchObject({ status: 'queued' });
      const { body: told } = await lease(agent);
      expect([told.commands, told.desiredState.state]).toEqual([[], 'halted']);
    });
    await untilSo(async () => expect((await halt(id)).effectiveAt).not.toBeNull());
    expect(await statusOf(stuck)).toMatchObject({ status: 'cancelled' });
    expect((await halt(id)).stillOpen).toEqual({ accounts: [], openings: [] });
  });

  it('is found by the next server when the one that imposed has ended', async () => {
    const opening = await queueOpening(t, agent);
    const [row] = await t.db.query<{ id: string }>(`insert into halts (scope_type, scope_id, mode, reason, source, imposed_by) values ('agent', $1, 'halt', 'left undone', 'person', 'system') returning id`, [agent.id]);
    expect((await lease(agent)).body.commands).toEqual([]);
    await t.db.query(`update schedules set next_run_at = app_clock() where name = 'kill-switch.finish'`);
    await t.app.get(Schedules).runDue();
    await untilSo(async () => expect((await halt(row?.id ?? '')).effectiveAt).not.toBeNull());
    expect(await statusOf(opening)).toMatchObject({ status: 'cancelled' });
  });

  it('is no reason to answer late, when the database is slow', async () => {
    // As slow as this test wants it, and no lock that somebody waits for.
    await t.db.query(`create function slow_halts() returns trigger language plpgsql as $$ begin while not pg_try_advisory_xact_lock(4711) loop perform pg_sleep(0.02); end loop; return new; end $$`);
    await t.db.query(`create trigger slow_halts before insert on halt_accounts for each row execute function slow_halts()`);
    try {
      await expectWithin(1_900, async () => {
        let took = Infinity;
        let id = '';
        await holding(t.db, 'select pg_advisory_xact_lock(4711)', [], async () => {
          const began = performance.now();
          const { status, body } = await impose(t, { type: 'agent', id: agent.id });
          took = performance.now() - began;
          ({ id } = body);
          expect([status, body.inForce, body.stillOpen.accounts.length]).toEqual([202, true, 1]);
        });
        expect((await enqueue(t, agent, 'custom')).status).toBe(409);
        await untilSo(async () => expect((await halt(id)).effectiveAt).not.toBeNull());
        await release(t, id);
        return took;
      });
    } finally {
      await t.db.query(`drop trigger slow_halts on halt_accounts`);
      await t.db.query(`drop function slow_halts()`);
    }
  });
});

/** What goes on by itself. */
async function untilSo(check: () => Promise<void>): Promise<void> {
  for (let n = 0; n < 8; n++) await withinASecond(check).catch((error: unknown) => { if (n === 7) throw error; });
}

describe("an agent's key", () => {
  it('halts its own agent, by any of its names, and nothing else', async () => {
    const other = await t.agent();
    const own = (scope: Record<string, unknown>) => agent.http<Halt>('POST', '/kill-switch', { body: { scope, mode: 'reduce', reason: 'spread' } });
    for (const id of ['me', agent.id, agent.name]) expect(await own({ type: 'agent', id })).toMatchObject({ status: 201, body: { source: 'agent', by: `agent:${agent.id}`, scope: { id: agent.id } } });
    for (const scope of [{ type: 'global' }, { type: 'agent', id: other.id }, { type: 'account', id: agent.accountId }, { type: 'symbol', id: 'EURUSD' }]) {
      expect(await own(scope)).toMatchObject({ status: 403, body: { code: 'NOT_YOUR_AGENT' } });
    }
    expect((await stateOf(other)).state).toBe('active');
  });

  it('never releases, and an operator does not either', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    expect((await agent.http('POST', `/kill-switch/${body.id}/release`, { body: { confirm: 'RELEASE', reason: 'x' } })).status).toBe(403);
    expect((await release(t, body.id, operator)).status).toBe(403);
    expect((await stateOf()).state).toBe('halted');
  });
});

describe('a release', () => {
  it('takes the word, written out, and a reason', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    for (const given of [{ reason: 'x' }, { confirm: 'release', reason: 'x' }, { confirm: 'RELEASE' }]) expect((await t.http('POST', `/kill-switch/${body.id}/release`, { body: given })).status).toBe(400);
    expect((await halt(body.id)).inForce).toBe(true);
  });

  it('revives nothing: what was queued before and meanwhile stays ended', async () => {
    const before = await queueOpening(t, agent);
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    const meanwhile = await queueOpening(t, agent);
    const { version } = await stateOf();
    expect(await release(t, body.id)).toMatchObject({ status: 200, body: { released: true } });
    for (const id of [before, meanwhile]) expect(await statusOf(id)).toMatchObject({ status: 'cancelled' });
    const { body: told } = await lease(agent);
    expect([told.commands, told.desiredState.state, told.desiredState.version > version]).toEqual([[], 'active', true]);
    expect((await enqueue(t, agent, 'custom')).status).toBe(201);
  });

  it('answers the same when it is repeated, with the one who did it first', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    const first = await release(t, body.id);
    const again = await release(t, body.id, await t.signIn('admin@example.com', 'correct horse battery'));
    expect([again.status, again.body.halt.released]).toEqual([200, first.body.halt.released]);
    expect((await eventsOf(body.id)).filter(({ type }) => type === 'halt.released')).toHaveLength(1);
  });

  it('lists what still stands in the way', async () => {
    const unknown = await queueOpening(t, agent);
    await t.db.query(`update agent_commands set status = 'unknown' where id = $1`, [unknown]);
    const [{ body: first }, { body: other }] = [await impose(t, { type: 'agent', id: agent.id }), await impose(t, { type: 'account', id: agent.accountId })];
    const { inTheWay } = (await release(t, first.id)).body;
    expect([inTheWay.halts.map(({ id }) => id), inTheWay.agents.map(({ id }) => id), inTheWay.unknownCommands.map(({ commandId }) => commandId)]).toEqual([[other.id], [agent.id], [unknown]]);
    expect((await stateOf()).state).toBe('halted');
  });

  it('of a breaker is refused, naming what to reset', async () => {
    const [row] = await t.db.query<{ id: string }>(`insert into halts (scope_type, scope_id, mode, reason, source, breaker, imposed_by, effective_at)
      values ('agent', $1, 'halt', 'lost too much', 'breaker', 'daily_loss', 'system', app_clock()) returning id`, [agent.id]);
    expect(await release(t, row?.id ?? '')).toMatchObject({ status: 409, body: { code: 'BREAKER_TRIPPED', detail: expect.stringContaining('daily_loss') } });
    expect((await stateOf()).state).toBe('halted');
    await t.db.query(`update halts set expires_at = app_clock() where id = $1`, [row?.id]);
    expect((await stateOf()).state).toBe('active');
    await t.db.query(`update schedules set next_run_at = app_clock() where name = 'kill-switch.finish'`);
    await t.app.get(Schedules).runDue();
    expect(await halt(row?.id ?? '')).toMatchObject({ released: { by: 'system', reason: 'expired' } });
  });

  it('by many at once is one', async () => {
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    const answers = await Promise.all(Array.from({ length: 12 }, () => release(t, body.id)));
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    expect((await eventsOf(body.id)).filter(({ type }) => type === 'halt.released')).toHaveLength(1);
  });
});

describe('with TWO_PERSON_RELEASE', () => {
  let strict: TestApp;
  beforeAll(async () => {
    strict = await t.second({ TWO_PERSON_RELEASE: 'on' });
  });
  afterAll(() => strict.close());

  it('who imposed a halt waits for another administrator', async () => {
    const { body } = await impose(strict, { type: 'agent', id: agent.id });
    for (let n = 0; n < 2; n++) expect(await release(strict, body.id)).toMatchObject({ status: 202, body: { released: false, waitsFor: 'a second administrator', halt: { releaseRequested: { by: body.by } } } });
    expect((await stateOf()).state).toBe('halted');
    expect(await release(strict, body.id, await t.person('admin'))).toMatchObject({ status: 200, body: { released: true } });
    expect((await eventsOf(body.id)).map(({ type }) => type)).toEqual(['halt.imposed', 'halt.effective', 'halt.release_requested', 'halt.released']);
  });

  it("a halt that no person imposed takes two, and any other person's takes one", async () => {
    const own = (await agent.http<Halt>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: 'me' }, mode: 'halt', reason: 'x' } })).body;
    const other = await t.person('admin');
    expect((await release(strict, own.id, other)).status).toBe(202);
    expect((await release(strict, own.id)).status).toBe(200);
    const { body } = await t.http<Halt>('POST', '/kill-switch', { token: operator, body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'x' } });
    expect((await release(strict, body.id)).status).toBe(200);
  });

  it('two who ask at the same moment are two people', async () => {
    const others = [await t.person('admin'), await t.person('admin')];
    const own = (await agent.http<Halt>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: 'me' }, mode: 'halt', reason: 'x' } })).body;
    const answers = await Promise.all(others.map((token) => release(strict, own.id, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 202]);
    expect((await halt(own.id)).inForce).toBe(false);
  });
});

describe('who has observed a halt', () => {
  const observed = async (id: string) => (await halt(id)).agents;

  it('is who has said its version, as long as nobody reports orders', async () => {
    await beat(agent);
    const { body } = await impose(t, { type: 'agent', id: agent.id });
    expect(body.agents).toMatchObject({ inScope: 1, observed: 0, notYet: [{ id: agent.id, name: agent.name, liveness: 'online' }] });
    const { version } = await stateOf();
    await beat(agent, { observedStateVersion: version - 1 });
    expect(await observed(body.id)).toMatchObject({ observed: 0 });
    await beat(agent, { observedStateVersion: version });
    expect(await observed(body.id)).toMatchObject({ observed: 1, notYet: [] });
  });

  it('and whose positions report, of after the halt, shows no entry order any more', async () => {
    const order = { brokerOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', size: '0.1', role: 'entry', type: 'limit', price: '1.05' };
    const report = (orders: object[]) => agent.http('POST', '/agents/me/positions', { body: reportOf({ orders, asOf: after(0) }) });
    expect((await report([order])).status).toBe(200);
    const { body } = await impose(t, { type: 'account', id: agent.accountId });
    await beat(agent, { observedStateVersion: (await stateOf()).version });
    expect(await observed(body.id)).toMatchObject({ observed: 0, notYet: [{ entryOrders: 1 }] });
    await report([order]);
    expect(await observed(body.id)).toMatchObject({ observed: 0 });
    await report([]);
    await report([]);
    expect(await observed(body.id)).toMatchObject({ observed: 1 });
  });
});

describe('what nobody controls', () => {
  it('is listed with broker, position, size and stop, and is an incident until it is flat', async () => {
    await beat(agent);
    const position = held({ stopLoss: '1.05' });
    await agent.http('POST', '/agents/me/positions', { body: reportOf({ positions: [position] }) });
    await t.db.query(`update agent_state set last_seen_at = app_clock() - interval '5 minutes' where agent_id = $1`, [agent.id]);
    const { body } = await impose(t, { type: 'global' });
    expect(body.notInControl.filter(({ agentId }) => agentId === agent.id)).toEqual([
      expect.objectContaining({ brokerPositionId: position['brokerPositionId'], symbol: 'EURUSD', size: '0.1', stopLoss: '1.05', accountId: agent.accountId }),
    ]);
    const incident = async () => (await t.http<{ items: { status: string; severity: string }[] }>('GET', `/incidents?agentId=${agent.id}&kind=NOT_IN_CONTROL`)).body.items[0];
    expect(await incident()).toMatchObject({ status: 'open', severity: 'critical' });
    await t.db.query('delete from positions where account_id = $1', [agent.accountId]);
    await t.db.query(`update schedules set next_run_at = app_clock() where name = 'kill-switch.not-in-control'`);
    await t.app.get(Schedules).runDue();
    expect(await incident()).toMatchObject({ status: 'resolved' });
  });
});

describe('entry orders and trades of a halted symbol', () => {
  it('are cancelled one by one, and closed where the mode says so', async () => {
    const trade = (clientOrderId: string, more: object) => agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '1', ...more } });
    const pending = (await trade('pending', { status: 'pending' })).body.id;
    const open = (await trade('open', { entryPrice: '1.1', entryTime: after(-60) })).body.id;
    await trade('other', { symbol: 'GBPUSD', status: 'pending' });
    await impose(t, { type: 'symbol', id: 'EURUSD' }, { mode: 'reduce' });
    expect((await lease(agent)).body.commands.map(({ type, payload }) => [type, payload['tradeId']])).toEqual([['cancel_order', pending]]);
    await impose(t, { type: 'symbol', id: 'EURUSD' }, { mode: 'flatten' });
    // What is wanted closed becomes a command a moment after.
    expect((await lease(agent, { waitSeconds: 10 })).body.commands.map(({ type, payload }) => [type, payload['tradeId']])).toEqual([['close_trade', open]]);
  });
});

describe('what a flattening halt did not find when it took effect', () => {
  const flattened = () => t.db.query(`update schedules set next_run_at = app_clock() where name = 'kill-switch.flatten'`).then(() => t.app.get(Schedules).runDue());
  const open = async (symbol: string) => (await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: randomUUID(), symbol, direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: after(-60) } })).body.id;
  const wanted = async () => (await t.http<{ items: { id: string; tradeId: string; cause: string }[] }>('GET', `/closures?agentId=${agent.id}`)).body.items;

  it.each(['global', 'account', 'agent', 'symbol'] as const)('is closed all the same: of %s', async (type) => {
    const { body: { id } } = await impose(t, { type, ...(type === 'account' ? { id: agent.accountId } : type === 'agent' ? { id: agent.id } : type === 'symbol' ? { id: 'EURUSD' } : {}) }, { mode: 'flatten' });
    // An opening that was under way is filled, and the broker shows what nobody told of.
    const late = await open('EURUSD');
    const other = await open('GBPUSD');
    await agent.http('POST', '/agents/me/positions', { body: reportOf({ complete: false, positions: [held()] }) });
    await flattened();
    const trades = await t.db.query<{ id: string; origin: string }>('select id, origin from trades where agent_id = $1 and finished_at is null', [agent.id]);
    const found = trades.filter((trade) => trade.id !== other || type !== 'symbol').map((trade) => trade.id).sort();
    expect(found).toHaveLength(type === 'symbol' ? 2 : 3);
    expect(found).toContain(late);
    expect((await wanted()).map(({ tradeId }) => tradeId).sort()).toEqual(found);
    expect(new Set((await wanted()).map(({ cause }) => cause))).toEqual(new Set(['halt']));
    await flattened();
    expect(await wanted()).toHaveLength(found.length);
    await release(t, id);
    const since = await open('EURUSD');
    await flattened();
    expect((await wanted()).map(({ tradeId }) => tradeId)).not.toContain(since);
  });

  it('stays where a person said so since', async () => {
    await impose(t, { type: 'agent', id: agent.id }, { mode: 'flatten' });
    await open('EURUSD');
    await flattened();
    const [closure] = await wanted();
    expect((await t.http('POST', `/closures/${closure?.id}/withdraw`, { body: { reason: 'it hedges another' } })).status).toBe(200);
    await flattened();
    expect(await wanted()).toHaveLength(1);
  });

  it('is of modes that close nothing left with its stops', async () => {
    await impose(t, { type: 'agent', id: agent.id }, { mode: 'halt' });
    await open('EURUSD');
    await flattened();
    expect(await wanted()).toEqual([]);
  });
});

describe('the list of halts', () => {
  it('has those in force first, page by page, and can be asked for those alone', async () => {
    const made = [];
    for (let n = 0; n < 4; n++) made.push((await impose(t, { type: 'symbol', id: `LIST${n}` })).body.id);
    await release(t, made[3] ?? '');
    await release(t, made[1] ?? '');
    const pages: string[] = [];
    for (let cursor: string | null = ''; cursor !== null && pages.length < 4; ) {
      const { body }: { body: { items: Halt[]; nextCursor: string | null } } = await t.http('GET', `/kill-switch?limit=1${cursor && `&cursor=${cursor}`}`);
      pages.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
    }
    expect(pages).toEqual([made[2], made[0], made[3], made[1]]);
    const active = await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true');
    expect(active.body.items.map(({ id, inForce }) => [id, inForce])).toEqual([[made[2], true], [made[0], true]]);
    expect((await t.http<{ items: Release[] }>('GET', '/kill-switch?active=false&limit=1')).body.items).toMatchObject([{ id: made[3], inForce: false, agents: null }]);
  });
});
