import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Answer, clientOf } from '../support/http.js';
import { cutWaiting, holding, whenWaiting } from '../support/locks.js';
import { parkedPolls } from '../support/metrics.js';
import { until } from '../support/timing.js';

interface Command { id: string; status: string; attempt: number }
interface Leased { code?: string; commands: { id: string; leaseToken: string; attempt: number }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
});
beforeEach(async () => {
  agent = await t.agent();
});
afterAll(() => t.close());

const parked = () => parkedPolls(t.base);
const WAIT_SECONDS = 25;

/** Asks again, as agents do, when its time was up: on a busy machine that may be before there is anything to hand out. */
async function patient(ask: () => Promise<Answer<Leased>>): Promise<Answer<Leased>> {
  for (;;) {
    const began = performance.now();
    const answer = await ask();
    if (answer.body.commands?.length !== 0 || performance.now() - began < WAIT_SECONDS * 900) return answer;
  }
}

/** A poll that waits at the server now. */
async function poll(options: { signal?: AbortSignal; instance?: string; of?: TestAgent } = {}): Promise<{ answer: Promise<Answer<Leased>> }> {
  const before = await parked();
  const { of = agent, signal, instance } = options;
  const answer = patient(() => of.http<Leased>('POST', '/agents/me/commands/lease', {
    body: { waitSeconds: WAIT_SECONDS, max: 1 }, ...(signal && { signal }), ...(instance && { headers: { 'x-instance-id': instance } }),
  }));
  answer.catch(() => undefined);
  await until(async () => (await parked()) === before + 1, 5_000);
  return { answer };
}

const queue = (body: object = {}, key: string = randomUUID()) =>
  t.http<Command>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', ...body }, headers: { 'idempotency-key': key } });
const idsOf = async (answer: Promise<Answer<Leased>>) => (await answer).body.commands.map(({ id }) => id);
const read = async (id: string) => (await t.http<Command>('GET', `/commands/${id}`)).body;
/** Queued behind the server's back: nobody is woken. */
const slipIn = (priority: number) => t.db.query<{ id: string }>(`
  insert into agent_commands (id, agent_id, type, class, once, payload, priority, not_before, max_attempts, actor)
  values (gen_random_uuid(), $1, 'custom', 'opens', false, '{}', $2, app_clock(), 5, 'user:test') returning id`, [agent.id, priority]);

describe('a command for an agent whose poll waits here', () => {
  it('is queued and handed out by one statement: command, attempt and both events are of one transaction', async () => {
    const { answer } = await poll();
    const made = await queue();
    expect(made.body).toMatchObject({ status: 'queued', attempt: 0 });
    const [leased] = (await answer).body.commands;
    expect(leased).toMatchObject({ id: made.body.id, attempt: 1 });
    const rows = await t.db.query<{ what: string; xmin: string }>(`
      select 'command' as what, xmin::text from agent_commands where id = $1
      union all select 'attempt', xmin::text from command_attempts where command_id = $1
      union all (select type, xmin::text from events where subject_id = $1 order by seq)`, [made.body.id]);
    expect(rows.map(({ what }) => what)).toEqual(['command', 'attempt', 'command.created', 'command.leased']);
    expect(new Set(rows.map(({ xmin }) => xmin)).size).toBe(1);
    const done = await agent.http<Command>('POST', `/commands/${made.body.id}/complete`, { body: { leaseToken: leased?.leaseToken } });
    expect(done.body).toMatchObject({ status: 'succeeded', attempts: [{ attempt: 1, outcome: 'succeeded' }] });
  });

  it('goes to one of several polls, and the others wait on', async () => {
    const polls = [await poll(), await poll(), await poll()];
    const before = await parked();
    const made = await queue();
    const first = await Promise.race(polls.map(async ({ answer }, n) => ({ n, ids: await idsOf(answer) })));
    expect(first.ids).toEqual([made.body.id]);
    await until(async () => (await parked()) === before - 1, 5_000);
    const more = [(await queue()).body.id, (await queue()).body.id];
    const others = await Promise.all(polls.filter((_, n) => n !== first.n).map(({ answer }) => idsOf(answer)));
    expect(others.flat().sort()).toEqual(more.sort());
  });

  it('comes after what is more urgent and was due before', async () => {
    const { answer } = await poll();
    const [urgent] = await slipIn(0);
    const made = await queue();
    expect(await idsOf(answer)).toEqual([urgent?.id]);
    expect(await idsOf(agent.http('POST', '/agents/me/commands/lease'))).toEqual([made.body.id]);
  });

  it('does not hide what an earlier lease held, once that has run out', async () => {
    const first = await queue({ priority: 'high' });
    await agent.http('POST', '/agents/me/commands/lease', { body: { leaseSeconds: 900 } });
    const { answer } = await poll();
    await t.db.query(`update agent_commands set lease_expires_at = app_clock() - interval '1 second' where id = $1`, [first.body.id]);
    const made = await queue();
    const got = [...(await idsOf(answer)), ...(await idsOf(agent.http('POST', '/agents/me/commands/lease')))];
    expect(got.sort()).toEqual([first.body.id, made.body.id].sort());
  });

  it('is held back until its time has come', async () => {
    const { answer } = await poll();
    const made = await queue({ notBefore: new Date(Date.now() + 60_000).toISOString() });
    expect(await read(made.body.id)).toMatchObject({ status: 'queued', attempt: 0 });
    await t.db.query('update agent_commands set not_before = app_clock() where id = $1', [made.body.id]);
    expect(await idsOf(answer)).toEqual([made.body.id]);
  });

  it('is not handed to a copy of the agent that does not trade', async () => {
    const { answer } = await poll({ instance: 'two' });
    await agent.http('POST', '/agents/me/heartbeat', { body: {}, headers: { 'x-instance-id': 'one' } });
    const made = await queue();
    expect(await answer).toMatchObject({ status: 409, body: { code: 'AGENT_INSTANCE_CONFLICT' } });
    expect(await read(made.body.id)).toMatchObject({ status: 'queued', attempt: 0 });
  });

  it('is made once for its key, and a repetition gives the poll nothing', async () => {
    const key = randomUUID();
    const made = await queue({}, key);
    expect(await idsOf(agent.http('POST', '/agents/me/commands/lease'))).toEqual([made.body.id]);
    const { answer } = await poll();
    const again = await queue({}, key);
    expect([again.body.id, again.headers.get('idempotency-replayed')]).toEqual([made.body.id, 'true']);
    const other = await queue();
    expect(await idsOf(answer)).toEqual([other.body.id]);
  });
});

describe('a poll that a command was meant for', () => {
  it('waits on when the statement fails, and gets the next one', async () => {
    const { answer } = await poll();
    await holding(t.db, 'lock table agent_commands in exclusive mode', [], async () => {
      const lost = queue();
      await whenWaiting(t.db, 1);
      // Once: the poll looks for itself after it, and is not to be cut.
      await cutWaiting(t.db);
      expect((await lost).status).toBe(503);
    });
    const made = await queue();
    expect(await idsOf(answer)).toEqual([made.body.id]);
  });

  it('waits on when its agent is held by somebody else, and has the command when that ends', async () => {
    const { answer } = await poll();
    let made: Promise<Answer<Command>> | undefined;
    await holding(t.db, 'select 1 from agents where id = $1 for update', [agent.id], async () => {
      made = queue();
      await whenWaiting(t.db, 1);
    });
    expect(await idsOf(answer)).toEqual([(await made)?.body.id]);
  });

  it('has gone meanwhile: the command goes back and comes to the next poll, as a new attempt', async () => {
    const gone = new AbortController();
    await poll({ signal: gone.signal });
    let made: Promise<Answer<Command>> | undefined;
    await holding(t.db, 'lock table command_attempts in exclusive mode', [], async () => {
      made = queue();
      await whenWaiting(t.db, 1);
      gone.abort();
      await pause(100);
    });
    const { id } = (await made)?.body ?? { id: '' };
    expect((await agent.http<Leased>('POST', '/agents/me/commands/lease', { body: { waitSeconds: WAIT_SECONDS } })).body.commands).toMatchObject([{ id, attempt: 2 }]);
    const types = await t.db.query<{ type: string }>('select type from events where subject_id = $1 order by seq', [id]);
    expect(types.map(({ type }) => type)).toEqual(['command.created', 'command.leased', 'command.given_back', 'command.leased']);
  });

  it('gets each of many commands once, from whichever of two servers they come', async () => {
    const second = await t.second();
    const agents = await Promise.all(Array.from({ length: 8 }, () => t.agent()));
    const got: string[] = [];
    const stop = new AbortController();
    const take = async (each: TestAgent, n: number) => {
      const http = clientOf((n % 2 ? t : second).base, each.apiKey);
      while (!stop.signal.aborted) {
        const answer = await http<Leased>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 5, leaseSeconds: 900 }, signal: stop.signal }).catch(() => null);
        for (const { id } of answer?.body.commands ?? []) got.push(id);
      }
    };
    const taking = agents.flatMap((each) => [0, 1, 2].map((n) => take(each, n)));
    const made = await Promise.all(Array.from({ length: 240 }, async (_, n) => (await clientOf((n % 3 ? t : second).base, t.adminToken)<Command>('POST', `/agents/${agents[n % 8]?.id}/commands`, { body: { type: 'custom' } })).body.id));
    await until(() => Promise.resolve(got.length >= made.length), 20_000);
    stop.abort();
    await Promise.all(taking);
    expect(got.sort()).toEqual(made.sort());
    await second.close();
  });
});
