import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { LeaseRepository } from '../../src/commands/lease.repository.js';
import { Parking } from '../../src/commands/parking.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import type { Answer } from '../support/http.js';
import { parkedPolls } from '../support/metrics.js';
import { expectWithin, timeOf, until } from '../support/timing.js';

interface Command {
  id: string; status: string; attempt: number; failures: number; type: string; payload: Record<string, unknown>; class: string; priority: string;
  maxAttempts: number | null; cancelRequested: boolean; result: unknown; attempts: { attempt: number; outcome: string | null }[]; reason: string | null;
}
interface Leased { id: string; type: string; leaseToken: string; attempt: number; payload: Record<string, unknown> }
interface LeaseAnswer { commands: Leased[]; nextPollAfterMs: number; desiredState: { run: string; version: number; state: string } }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const queue = async (body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Command> => {
  const made = await t.http<Command>('POST', `/agents/${agent.id}/commands`, { body, headers });
  if (made.status !== 201) throw new Error(made.text);
  return made.body;
};
const lease = async (body: Record<string, unknown> = {}): Promise<LeaseAnswer> => {
  const answer = await agent.http<LeaseAnswer>('POST', '/agents/me/commands/lease', { body });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body;
};
const one = async (body: Record<string, unknown> = {}): Promise<Leased> => {
  const [command] = (await lease(body)).commands;
  if (!command) throw new Error('nothing was leased');
  return command;
};
const whenParked = (polls: number, of = t) => until(async () => (await parkedPolls(of.base)) === polls, 5_000);
const read = async (id: string): Promise<Command> => (await t.http<Command>('GET', `/commands/${id}`)).body;
const complete = (command: Leased, result: unknown = {}): Promise<Answer<Command & { code?: string }>> =>
  agent.http('POST', `/commands/${command.id}/complete`, { body: { leaseToken: command.leaseToken, result } });
const fail = (command: Leased, body: Record<string, unknown>): Promise<Answer<Command & { code?: string }>> =>
  agent.http('POST', `/commands/${command.id}/fail`, { body: { leaseToken: command.leaseToken, error: { code: 'X', message: 'said so' }, ...body } });

describe('the order of the queue', () => {
  it('hands out by priority, then first in first out, and a kill queued last comes first', async () => {
    const low = await queue({ type: 'custom', priority: 'low' });
    const first = await queue({ type: 'custom' });
    const second = await queue({ type: 'custom' });
    const pause = await queue({ type: 'pause' });
    const kill = await queue({ type: 'kill' });
    const { commands } = await lease({ max: 100 });
    expect(commands.map((command) => command.id)).toEqual([kill.id, pause.id, first.id, second.id, low.id]);
  });

  it('holds a command back until notBefore', async () => {
    await queue({ type: 'custom', notBefore: new Date(Date.now() + 600_000).toISOString() });
    expect((await lease()).commands).toEqual([]);
    await t.db.advance(601);
    expect((await lease()).commands).toHaveLength(1);
    await t.db.advance(-601);
  });

  it('never hands out what has expired, and says so', async () => {
    const { id } = await queue({ type: 'custom', expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await t.db.advance(61);
    expect((await lease()).commands).toEqual([]);
    const { Sweeper } = await import('../../src/commands/sweeper.js');
    await t.app.get(Sweeper).sweep();
    expect(await read(id)).toMatchObject({ status: 'expired' });
    await t.db.advance(-61);
  });

  it('cancels queued commands of the same type when the new one supersedes, and marks leased ones', async () => {
    await queue({ type: 'custom', payload: { n: 1 } });
    const leased = await one();
    const queued = await queue({ type: 'custom', payload: { n: 2 } });
    const other = await queue({ type: 'reconcile' });
    const newest = await queue({ type: 'custom', payload: { n: 3 }, supersedes: true });
    expect(await read(leased.id)).toMatchObject({ status: 'leased', cancelRequested: true });
    expect(await read(queued.id)).toMatchObject({ status: 'cancelled', reason: 'superseded' });
    expect((await lease()).commands.map(({ id }) => id)).toEqual([other.id, newest.id]);
  });
});

describe('a lease', () => {
  it('is fenced: after it ran out the old token ends nothing, and the next holder completes once', async () => {
    const { id } = await queue({ type: 'custom' });
    const late = await one({ leaseSeconds: 5 });
    await t.db.advance(6);
    expect((await complete(late)).body).toMatchObject({ status: 409, code: 'COMMAND_LEASE_LOST' });
    const next = await one();
    expect(next).toMatchObject({ id, attempt: 2 });
    expect((await complete(late)).body.code).toBe('COMMAND_LEASE_LOST');
    expect((await fail(late, { outcome: 'rejected' })).body.code).toBe('COMMAND_LEASE_LOST');
    expect((await complete(next, { done: true })).body).toMatchObject({ status: 'succeeded', result: { done: true } });
    expect((await read(id)).attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([[1, 'lapsed'], [2, 'succeeded']]);
    await t.db.advance(-6);
  });

  it('answers a repeated completion the same, with one event', async () => {
    await queue({ type: 'custom' });
    const command = await one();
    const answers = await Promise.all(Array.from({ length: 8 }, () => complete(command, { n: 1 })));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await t.db.query(`select 1 from events where subject_id = $1 and type = 'command.succeeded'`, [command.id])).toHaveLength(1);
  });

  it('is extended only while it is held, and tells of a requested cancellation', async () => {
    await queue({ type: 'custom' });
    const command = await one({ leaseSeconds: 300 });
    await t.http('POST', `/commands/${command.id}/cancel`, { body: { reason: 'changed my mind' } });
    const extended = await agent.http<{ cancelRequested: boolean }>('POST', `/commands/${command.id}/extend`, { body: { leaseToken: command.leaseToken, leaseSeconds: 900 } });
    expect(extended.body.cancelRequested).toBe(true);
    await t.db.advance(600);
    expect(await read(command.id)).toMatchObject({ status: 'leased', cancelRequested: true });
    await t.db.advance(301);
    expect((await agent.http('POST', `/commands/${command.id}/extend`, { body: { leaseToken: command.leaseToken } })).status).toBe(409);
    await lease();
    expect(await read(command.id)).toMatchObject({ status: 'cancelled', reason: 'changed my mind' });
    await t.db.advance(-901);
  });

  it('goes back to the queue when it lapses, and is dead after the last attempt; a person brings it back', async () => {
    const { id } = await queue({ type: 'custom', maxAttempts: 2 });
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect(await one({ leaseSeconds: 5 })).toMatchObject({ id, attempt });
      await t.db.advance(6);
    }
    expect((await lease()).commands).toEqual([]);
    expect(await read(id)).toMatchObject({ status: 'dead', attempt: 2 });
    expect((await t.http('POST', `/commands/${id}/requeue`, { body: {} })).status).toBe(200);
    expect(await one()).toMatchObject({ id, attempt: 3 });
    await t.db.advance(-12);
  });
});

describe('a failed attempt', () => {
  it('comes again with backoff only after not_sent and retryable', async () => {
    const { id } = await queue({ type: 'custom' });
    expect((await fail(await one(), { outcome: 'not_sent', retryable: true })).body).toMatchObject({ status: 'queued', failures: 1 });
    // It waits from its failure on; that this goes by while the machine is slow is not waited for.
    expect(await t.db.query(`update agent_commands c set not_before = not_before + interval '1 hour' where id = $1 and not_before > (select max(ended_at) from command_attempts where command_id = c.id) returning 1`, [id])).toHaveLength(1);
    expect((await lease()).commands).toEqual([]);
    await t.db.advance(3_603);
    expect((await fail(await one(), { outcome: 'not_sent', retryable: false })).body).toMatchObject({ status: 'failed' });
    expect(await read(id)).toMatchObject({ status: 'failed', attempts: [{ outcome: 'not_sent' }, { outcome: 'not_sent' }] });
    await t.db.advance(-3_603);
  });

  it('stays unknown by every clock until a person settles it, with a reason', async () => {
    const { id } = await queue({ type: 'custom' });
    await fail(await one(), { outcome: 'unknown' });
    await t.db.advance(10_000);
    expect((await lease()).commands).toEqual([]);
    expect(await read(id)).toMatchObject({ status: 'unknown' });
    expect((await t.http('POST', `/commands/${id}/settle`, { body: { outcome: 'succeeded' } })).status).toBe(400);
    expect((await t.http('POST', `/commands/${id}/requeue`, { body: {} })).status).toBe(409);
    const settled = await t.http('POST', `/commands/${id}/settle`, { body: { outcome: 'rejected', reason: 'the broker never saw it' } });
    expect(settled.body).toMatchObject({ status: 'failed', reason: 'the broker never saw it' });
    await t.db.advance(-10_000);
  });

  it('of what reduces is never the last: rejected returns, a closed market parks it uncounted', async () => {
    const { id } = await queue({ type: 'cancel_order', payload: { brokerOrderId: '7' } });
    for (let attempt = 1; attempt <= 12; attempt++) {
      expect((await fail(await one(), { outcome: 'rejected' })).body).toMatchObject({ id, status: 'queued', failures: attempt, maxAttempts: null });
      await t.db.advance(61);
    }
    const parked = await fail(await one(), { outcome: 'rejected', error: { code: 'MARKET_CLOSED', message: '' } });
    expect(parked.body).toMatchObject({ status: 'waiting_for_market', failures: 12 });
    await t.db.advance(31);
    expect(await one()).toMatchObject({ id });
    await t.db.advance(-(12 * 61 + 31));
  });
});

describe('what may be queued', () => {
  it('makes no opening: that takes an idea', async () => {
    const payload = { orderTag: 'ABCDEFGH12345678', symbol: 'EURUSD', direction: 'long', lotSize: '1', limitPrice: '1.1', validForSeconds: 30 };
    const answer = await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'open_trade', payload } });
    expect(answer.body).toMatchObject({ status: 409, code: 'COMMAND_NEEDS_IDEA' });
  });

  it.each([
    [{ type: 'destroy' }, 'type'],
    [{ type: 'kill', payload: { force: true } }, 'payload.force'],
    [{ type: 'close_trade', payload: {} }, 'payload.tradeId'],
    [{ type: 'custom', maxAttempts: 0 }, 'maxAttempts'],
    [{ type: 'custom', priority: 'urgent' }, 'priority'],
    [{ type: 'custom', notBefore: '2026-11-20T10:00:00' }, 'notBefore'],
    [{ type: 'custom', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ type: 'pause', expiresAt: '2099-01-01T00:00:00Z' }, 'expiresAt'],
    [{ type: 'start', notBefore: '2099-01-01T00:00:00Z' }, 'notBefore'],
    [{ type: 'kill', priority: 'low' }, 'priority'],
    [{ type: 'cancel_order', payload: { brokerOrderId: '1' }, maxAttempts: 3 }, 'maxAttempts'],
    [{ type: 'update_config', payload: { config: { mt5Password: 'hunter2hunter2' } } }, 'payload.config.mt5Password'],
    [{ type: 'custom', surprise: 1 }, 'surprise'],
  ])('refuses %j, naming the field', async (body, path) => {
    const answer = await t.http<{ errors: { path: string }[] }>('POST', `/agents/${agent.id}/commands`, { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]?.path).toBe(path);
    expect(answer.text).not.toContain('hunter2');
  });

  it('lets only an administrator queue an emergency of another type', async () => {
    const operator = await t.person('operator');
    const ask = { body: { type: 'custom', priority: 'emergency' } };
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { ...ask, token: operator })).status).toBe(403);
    expect((await t.http('POST', `/agents/${agent.id}/commands`, ask)).status).toBe(201);
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'kill' }, token: operator })).status).toBe(201);
  });

  it('stores what the agent should do, so that a restart of its machine does not undo it', async () => {
    const run = async () => (await lease({ max: 100 })).desiredState.run;
    for (const [type, expected] of [['pause', 'paused'], ['resume', 'running'], ['stop', 'stopped'], ['start', 'running'], ['flatten', 'paused'], ['kill', 'stopped']]) {
      await queue({ type });
      expect([type, await run()]).toEqual([type, expected]);
    }
    const answer = await agent.http('GET', '/agents/me/state');
    expect(answer.headers.get('x-desired-state')).toBe('active;v=7;run=stopped');
  });

  it.each([['lapse'], ['not_sent'], ['answer that never left']])('lets no start that was leased come back after a kill, by %s', async (way) => {
    const start = await queue({ type: 'start' });
    const leased = await one({ leaseSeconds: 5 });
    await queue({ type: 'kill' });
    if (way === 'lapse') await t.db.advance(6);
    else if (way === 'not_sent') await fail(leased, { outcome: 'not_sent', retryable: true });
    else await t.app.get(LeaseRepository).giveBack([leased.leaseToken], false);
    await t.db.advance(300);
    expect((await lease({ max: 10 })).commands.map(({ type }) => type)).toEqual(['kill']);
    expect(await read(start.id)).toMatchObject({ status: 'cancelled', reason: 'superseded' });
    await t.db.advance(way === 'lapse' ? -306 : -300);
  });

  it('lets no start that waits be delivered after a kill', async () => {
    const start = await queue({ type: 'start' });
    await queue({ type: 'kill' });
    expect((await lease({ max: 10 })).commands.map(({ type }) => type)).toEqual(['kill']);
    expect(await read(start.id)).toMatchObject({ status: 'cancelled' });
  });

  it('takes a configuration over when the agent says so, not before', async () => {
    const config = async () => (await t.http<{ config: unknown }>('GET', `/agents/${agent.id}/state`)).body.config;
    await queue({ type: 'update_config', payload: { config: { maxLots: 2, mood: 'calm' } } });
    expect(await config()).toEqual({});
    await complete(await one());
    expect(await config()).toEqual({ maxLots: 2, mood: 'calm' });
    expect(await queue({ type: 'update_config', payload: { maxLots: 1 } })).toMatchObject({ class: 'neutral' });
    expect(await queue({ type: 'update_config', payload: { maxLots: 3 } })).toMatchObject({ class: 'opens' });
    await fail(await one(), { outcome: 'rejected' });
    expect(await config()).toEqual({ maxLots: 2, mood: 'calm' });
  });

  it('counts the closes under way: together they close no more than is open', async () => {
    const trade = await agent.http<{ id: string }>('POST', '/trades', {
      body: { clientOrderId: 'c-1', symbol: 'EURUSD', direction: 'long', lotSize: '1', entryPrice: '1.1', entryTime: '2026-01-05T10:00:00Z' },
    });
    const close = (size?: string) => t.http<{ code?: string }>('POST', `/agents/${agent.id}/commands`, {
      body: { type: 'close_trade', payload: { tradeId: trade.body.id, ...(size ? { size } : {}) } },
    });
    expect((await close('1.00000001')).body.code).toBe('CLOSE_EXCEEDS_POSITION');
    expect((await close('0.6')).status).toBe(201);
    expect((await close('0.41')).body.code).toBe('CLOSE_EXCEEDS_POSITION');
    const answers = await Promise.all(Array.from({ length: 6 }, () => close('0.4')));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect((await close()).status).toBe(409);
  });

  it('gives a command back whole when its answer could not be made', async () => {
    await queue({ type: 'custom' });
    const holder = new pg.Client({ connectionString: t.db.adminUrl });
    await holder.connect();
    await holder.query('begin; lock table agent_state in access exclusive mode');
    let answer: Answer<unknown> | undefined;
    void agent.http('POST', '/agents/me/commands/lease', { body: { leaseSeconds: 900 } }).then((given) => (answer = given));
    // As the time limits of the server's role do, which are a minute in tests.
    await until(async () => {
      await holder.query(`select pg_cancel_backend(pid) from pg_locks where relation = 'agent_state'::regclass and not granted`);
      return answer !== undefined;
    }, 30_000);
    await holder.query('rollback');
    await holder.end();
    expect([answer?.status, answer?.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await lease()).commands).toHaveLength(1);
  });

  it('says in the header what it says in the body, also after a long wait', async () => {
    const waiting = agent.http<LeaseAnswer>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20 } });
    await whenParked(1);
    await queue({ type: 'kill' });
    const { headers, body } = await waiting;
    expect(headers.get('x-desired-state')).toBe(`active;v=${body.desiredState.version};run=${body.desiredState.run}`);
    expect(body.desiredState.run).toBe('stopped');
  });

  it('ends with the agent: retirement cancels what is queued and refuses more', async () => {
    const queued = await queue({ type: 'custom' });
    expect((await t.http('PATCH', `/agents/${agent.id}`, { body: { retired: true } })).status).toBe(200);
    expect(await read(queued.id)).toMatchObject({ status: 'cancelled', reason: 'agent retired' });
    expect((await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } })).body).toMatchObject({ code: 'AGENT_RETIRED' });
    expect((await agent.http('POST', '/agents/me/commands/lease', { body: {} })).status).toBe(401);
  });
});

describe('a list of commands of a type', () => {
  it('is newest first over all agents, in pages without gap or repeat, and of one agent when asked so', async () => {
    const others = [await t.agent(), await t.agent()];
    const made: { id: string; agent: string }[] = [];
    for (let n = 0; n < 9; n++) {
      const of = [agent, ...others][n % 3] as TestAgent;
      made.push({ id: (await t.http<{ id: string }>('POST', `/agents/${of.id}/commands`, { body: { type: 'reconcile' } })).body.id, agent: of.id });
      await t.http('POST', `/agents/${of.id}/commands`, { body: { type: 'custom' } });
    }
    const all = async (query: string) => {
      const ids: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { body }: { body: { items: { id: string; type: string }[]; nextCursor: string | null } } = await t.http('GET', `/commands?limit=2&${query}${cursor && `&cursor=${cursor}`}`);
        expect(body.items.every(({ type }) => type === 'reconcile')).toBe(true);
        ids.push(...body.items.map(({ id }) => id));
        cursor = body.nextCursor;
      }
      return ids;
    };
    const ours = new Set(made.map(({ id }) => id));
    expect((await all('type=reconcile')).filter((id) => ours.has(id))).toEqual(made.map(({ id }) => id).reverse());
    expect(await all(`type=reconcile&agentId=${agent.id}`)).toEqual(made.filter((each) => each.agent === agent.id).map(({ id }) => id).reverse());
    expect(await all(`type=reconcile&agentId=${agent.id}&status=succeeded`)).toEqual([]);
    expect((await all(`type=reconcile&agentId=${agent.id}&status=queued`)).length).toBe(3);
  });
});

describe('a waiting poll', () => {
  afterEach(() => void jest.restoreAllMocks());

  const held = async () => (await t.http<{ pool: { active: number } }>('GET', '/health')).body.pool.active;

  it('holds no connection and is answered when a command comes', async () => {
    // Found by the look of each second it would be in time by chance.
    jest.spyOn(t.app.get(Parking) as unknown as { lookForWork: () => Promise<void> }, 'lookForWork').mockResolvedValue(undefined);
    const others = await Promise.all(Array.from({ length: 20 }, () => t.agent()));
    const stop = new AbortController();
    // Again when their time is up: a slow machine measures more than once.
    const parked = others.map(async (each) => {
      while (!stop.signal.aborted) await each.http('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20 }, signal: stop.signal }).catch(() => null);
    });
    await expectWithin(900, async () => {
      const waiting = lease({ waitSeconds: 20 });
      await whenParked(21);
      // What the server does by itself holds one for a moment, a poll that holds one holds it until it ends.
      await until(async () => (await held()) === 0, 2_000);
      return timeOf(async () => {
        const { id } = await queue({ type: 'custom' });
        expect((await waiting).commands.map((command) => command.id)).toEqual([id]);
      });
    });
    stop.abort();
    await Promise.all(parked);
  });

  it.each([['on'], ['off']])('is woken by a command queued on another instance, with DB_LISTEN=%s', async (listen) => {
    const other = await t.second({ DB_LISTEN: listen });
    const waiting = fetch(`${other.base}/api/v1/agents/me/commands/lease`, {
      method: 'POST', headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ waitSeconds: 20 }),
    });
    await whenParked(1, other);
    const { id } = await queue({ type: 'custom' });
    const answer = (await (await waiting).json()) as LeaseAnswer;
    expect(answer.commands.map((command) => command.id)).toEqual([id]);
    await other.close();
  });

  it('that was abandoned takes nothing with it', async () => {
    const gone = new AbortController();
    const abandoned = agent.http('POST', '/agents/me/commands/lease', { body: { waitSeconds: 20, leaseSeconds: 900 }, signal: gone.signal }).catch(() => null);
    await whenParked(1);
    gone.abort();
    await abandoned;
    const { id } = await queue({ type: 'custom' });
    expect((await lease({ waitSeconds: 25 })).commands.map((command) => command.id)).toEqual([id]);
  });

  it('gets nothing once its key was revoked, although it waited since before', async () => {
    const { body: keys } = await t.http<{ items: { id: string }[] }>('GET', `/agents/${agent.id}/keys`);
    const waiting = lease({ waitSeconds: 20 });
    await whenParked(1);
    expect((await t.http('DELETE', `/agents/${agent.id}/keys/${keys.items[0]?.id}`)).status).toBe(200);
    const { id } = await queue({ type: 'custom' });
    expect((await waiting).commands).toEqual([]);
    expect(await read(id)).toMatchObject({ status: 'queued', attempt: 0 });
    expect((await agent.http('POST', '/agents/me/commands/lease', { body: {} })).status).toBe(401);
  });

  it('is answered within a re-check when the LISTEN connection is lost', async () => {
    const other = await t.second();
    const waiting = fetch(`${other.base}/api/v1/agents/me/commands/lease`, {
      method: 'POST', headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ waitSeconds: 20 }),
    });
    await whenParked(1, other);
    const listening = `from pg_stat_activity where application_name = 'tradewarden-listen' and datname = $1`;
    await until(async () => (await t.db.query(`select 1 ${listening}`, [t.db.name])).length === 2, 5_000);
    const killed = await t.db.query(`select pg_terminate_backend(pid) ${listening}`, [t.db.name]);
    expect(killed).toHaveLength(2);
    const { id } = await queue({ type: 'custom' });
    expect(((await (await waiting).json()) as LeaseAnswer).commands.map((command) => command.id)).toEqual([id]);
    await other.close();
  });
});

describe('the sweeper', () => {
  // The one test that waits: it is about the timer, which no row moves.
  it('takes back a lapsed lease by itself, although nobody asks', async () => {
    const { id } = await queue({ type: 'custom', maxAttempts: 1 });
    const began = performance.now();
    await one({ leaseSeconds: 5 });
    await until(async () => (await read(id)).status !== 'leased', 10_000);
    expect(performance.now() - began).toBeGreaterThan(5_000);
    expect(await read(id)).toMatchObject({ status: 'dead' });
  });
});
