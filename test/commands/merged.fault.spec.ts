import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { clientOf } from '../support/http.js';
import { cutWaiting, holding, whenWaiting } from '../support/locks.js';

interface Command { id: string; code: string; payload: { n: number } }

let t: TestApp;
let second: TestApp;
let agents: TestAgent[];
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  agents = await Promise.all(Array.from({ length: 12 }, () => t.agent()));
});
afterAll(async () => {
  await second.close();
  await t.close();
});

const on = (n: number) => (n % 2 === 0 ? t : second);
const enqueue = (agent: TestAgent, n: number, key: string = randomUUID(), body: object = { type: 'custom', payload: { n } }) =>
  clientOf(on(n).base, t.adminToken)<Command>('POST', `/agents/${agent.id}/commands`, { body, headers: { 'idempotency-key': key } });
const beat = (agent: TestAgent, n: number, body: object = {}) => clientOf(on(n).base, agent.apiKey)<{ code: string }>('POST', '/agents/me/heartbeat', { body });
const commandsOf = (ids: string[]) => t.db.query<{ id: string; n: number }>(`select id, (payload ->> 'n')::int as n from agent_commands where agent_id = any($1) order by seq`, [ids]);

describe('merged statements on two servers', () => {
  it('make one command for a key, however often and wherever it comes, and give every caller the same answer', async () => {
    const keys = Array.from({ length: 40 }, () => randomUUID());
    const asks = keys.flatMap((key, k) => Array.from({ length: 5 }, (_, copy) => ({ key, k, copy })));
    const answers = await Promise.all(asks.map(({ key, k, copy }) => enqueue(agents[k % 12] as TestAgent, copy, key, { type: 'custom', payload: { n: k } })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    const byKey = Map.groupBy(answers.map((answer, i) => ({ answer, key: asks[i]?.key })), ({ key }) => key);
    for (const same of byKey.values()) expect(new Set(same.map(({ answer }) => JSON.stringify(Object.entries(answer.body).sort()))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(40);
    const stored = await commandsOf(agents.map(({ id }) => id));
    expect(stored.map(({ n }) => n).sort((a, b) => a - b)).toEqual(keys.map((_key, k) => k));
    const events = await t.db.query(`select 1 from events where type = 'command.created' and subject_id = any($1)`, [stored.map(({ id }) => id)]);
    expect(events).toHaveLength(40);
  });

  it('refuse a key that comes with another request, also in the same moment', async () => {
    const [agent] = agents as [TestAgent];
    for (let round = 0; round < 10; round++) {
      const key = randomUUID();
      const answers = await Promise.all([0, 1, 2, 3].map((n) => enqueue(agent, n, key, n < 3 ? { type: 'custom', payload: { n } } : { type: 'pause' })));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const { status, body } of answers.filter((answer) => answer.status !== 201)) expect([[422, 'IDEMPOTENCY_KEY_REUSED'], [409, 'IDEMPOTENCY_KEY_IN_USE']]).toContainEqual([status, body.code]);
    }
  });

  it('do not deadlock, whatever order their rows came in', async () => {
    for (let round = 0; round < 15; round++) {
      const answers = await Promise.all([...agents, ...agents.toReversed()].map((agent, n) => beat(agent, n, { equity: String(round) })));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
    const [deadlocks] = await t.db.query<{ deadlocks: number }>('select deadlocks::int from pg_stat_database where datname = current_database()');
    expect(deadlocks?.deadlocks).toBe(0);
  });

  it('leave out an agent that somebody else holds: its own requests wait, those of others do not', async () => {
    const [held, ...others] = agents as [TestAgent, ...TestAgent[]];
    let late: Promise<unknown[]> = Promise.resolve([]);
    await holding(t.db, 'select 1 from agents a join agent_state s on s.agent_id = a.id where a.id = $1 for update', [held.id], async () => {
      late = Promise.all([beat(held, 0), enqueue(held, 2)]);
      await whenWaiting(t.db, 2);
      const answers = await Promise.all(others.flatMap((agent) => [beat(agent, 0), enqueue(agent, 2)]));
      expect(answers.map(({ status }) => status)).toEqual(others.flatMap(() => [200, 201]));
    });
    expect((await late).map((answer) => (answer as { status: number }).status)).toEqual([200, 201]);
  });

  it('leave out a key that a transaction of its own has taken and not yet committed, whatever keeps that', async () => {
    const [agent] = agents as [TestAgent];
    const key = randomUUID();
    const [admin] = await t.db.query<{ caller: string }>(`select 'user:' || id as caller from users where role = 'admin'`);
    const taken = `with lock as materialized (select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 1)))
      insert into idempotency_keys (caller, key, request_hash, status, body) select $1, $2, 'x', 201, '{}' from lock`;
    await holding(t.db, taken, [admin?.caller, key], async () => {
      const answers = await Promise.all([enqueue(agent, 0, key), ...[2, 4, 6].map((n) => enqueue(agent, n))]);
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual([[409, 'IDEMPOTENCY_KEY_IN_USE'], ...[2, 4, 6].map(() => [201, undefined])]);
    });
    expect((await enqueue(agent, 0, key)).status).toBe(201);
  });

  it('fail for the row that breaks a rule, and for no other', async () => {
    const owner = new pg.Client({ connectionString: t.db.ownerUrl });
    await owner.connect();
    await owner.query(`alter table predictions add constraint predictions_test check (model <> 'forbidden')`);
    await owner.end();
    const models = Array.from({ length: 24 }, (_, n) => (n === 13 ? 'forbidden' : `model-${n}`));
    const answers = await Promise.all(models.map((model, n) => clientOf(t.base, agents[n % 12]?.apiKey)<{ code: string }>('POST', '/predictions', {
      body: { model, symbol: 'EURUSD', timestamp: new Date().toISOString(), direction: 'long', confidence: '0.8' }, headers: { 'idempotency-key': `p-${n}` },
    })));
    expect(answers.map(({ status }) => status)).toEqual(models.map((model) => (model === 'forbidden' ? 409 : 201)));
    const stored = await t.db.query<{ model: string }>('select model from predictions');
    expect(stored.map(({ model }) => model).sort()).toEqual(models.filter((model) => model !== 'forbidden').sort());
    // The key of the row that failed may be used again.
    expect(await t.db.query(`select 1 from idempotency_keys where key = 'p-13'`)).toEqual([]);
  });

  it('fail together when their connection is lost, with nothing done; the same requests again are done once', async () => {
    const keys = Array.from({ length: 20 }, () => randomUUID());
    const before = (await commandsOf(agents.map(({ id }) => id))).length;
    const all = () => Promise.all(keys.map((key, k) => enqueue(agents[k % 12] as TestAgent, 0, key, { type: 'custom', payload: { n: k } })));
    await holding(t.db, 'lock table agent_commands in exclusive mode', [], async () => {
      const asked = all();
      await whenWaiting(t.db, 1);
      // Whatever comes with a later statement is cut off too, until all have been answered.
      let answered = false;
      void asked.then(() => (answered = true));
      while (!answered) {
        await cutWaiting(t.db);
      }
      expect((await asked).map(({ status, body }) => [status, body.code])).toEqual(keys.map(() => [503, 'DATABASE_UNAVAILABLE']));
    });
    expect(await commandsOf(agents.map(({ id }) => id))).toHaveLength(before);
    for (let again = 0; again < 2; again++) expect((await all()).map(({ status }) => status)).toEqual(keys.map(() => 201));
    expect(await commandsOf(agents.map(({ id }) => id))).toHaveLength(before + keys.length);
  });

  it('hand out each command once to many polls of many agents', async () => {
    const fresh = await Promise.all(Array.from({ length: 6 }, () => t.agent()));
    await Promise.all(fresh.flatMap((agent) => Array.from({ length: 20 }, (_, n) => enqueue(agent, n))));
    const polls = await Promise.all(fresh.flatMap((agent) => Array.from({ length: 12 }, (_, n) => clientOf(on(n).base, agent.apiKey)<{ commands: { id: string; leaseToken: string }[] }>('POST', '/agents/me/commands/lease', { body: { max: 2 } }))));
    const leased = polls.flatMap(({ body }) => body.commands);
    expect(leased).toHaveLength(120);
    expect(new Set(leased.map(({ id }) => id)).size).toBe(120);
  });
});
