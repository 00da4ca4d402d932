import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Halt, lease, queueOpening, release } from '../support/halts.js';
import { clientOf } from '../support/http.js';
import { seeded } from '../support/random.js';

/** Rounds of random interleavings over two servers, with commits that take their time. */
const ROUNDS = process.env['FULL_FIGURES'] ? 200 : 20;
const AGENTS = 4;
const SEED = Date.now() % 1_000_000;
const LATEST_MS = 60;

let t: TestApp;
let second: TestApp;
let agents: TestAgent[];
beforeAll(async () => {
  t = await startTestApp();
  second = await t.second();
  agents = await Promise.all(Array.from({ length: AGENTS }, () => t.agent()));
  // Deferred: they sleep at the commit, with everything done and locked, and nothing to be seen by others yet.
  await t.db.query(`create table delays (most_ms int not null)`);
  await t.db.query(`insert into delays values (0)`);
  await t.db.query(`grant select on delays to public`);
  await t.db.query(`create function delay() returns trigger language plpgsql as $$ begin perform pg_sleep(random() * (select most_ms from delays) / 1000); return null; end $$`);
  for (const [table, what] of [['halts', 'insert or update'], ['halt_accounts', 'insert'], ['agent_commands', 'insert or update'], ['command_attempts', 'insert']]) {
    await t.db.query(`create constraint trigger delayed after ${what} on ${table} deferrable initially deferred for each row execute function delay()`);
  }
});
afterAll(async () => {
  await second.close();
  await t.close();
});

type Ask = { at: number; openings: string[] };

describe(`a halt (seed ${SEED}), ${ROUNDS} times among leases, polls, syncs and commands that are being queued`, () => {
  it('lets no request that begins after its 2xx have an opening, leaves none in the queue, and revives none', async () => {
    const random = seeded(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      await t.db.query('update delays set most_ms = $1', [LATEST_MS]);
      for (const agent of agents) for (let n = 0; n < 4; n++) await queueOpening(t, agent);
      const asks: Ask[] = [];
      const stop = { at: Infinity, asking: true };
      const via = (agent: TestAgent, n: number) => ({ ...agent, http: clientOf((n % 2 === 0 ? t : second).base, agent.apiKey) });
      const note = async (work: () => Promise<string[]>) => {
        const at = performance.now();
        asks.push({ at, openings: await work() });
      };
      const polls = agents.flatMap((agent) => [0, 1].map(async (n) => {
        for (let i = 0; stop.asking; i++) await note(async () => (await lease(via(agent, n + i), { max: 1, waitSeconds: i % 2 })).body.commands.map(({ id }) => id));
      }));
      const syncs = agents.map(async (agent, n) => {
        for (let i = 0; stop.asking; i++) {
          await note(async () => {
            const { body } = await via(agent, n + i).http<{ commands?: { id: string }[] }>('POST', '/agents/me/sync', { body: { syncSeq: round * 1_000 + i + 1, lease: { max: 1, leaseSeconds: 60 } } });
            return (body.commands ?? []).map(({ id }) => id);
          });
        }
      });
      const made: string[] = [];
      const queueing = agents.map(async (agent, n) => {
        for (let i = 0; stop.asking; i++) {
          const { status, body } = await (n % 2 === 0 ? second : t).http<{ id: string; code: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
          if (status === 201) made.push(body.id);
          else expect(body.code).toBe('HALTED');
          await pause(random() * 20);
        }
      });
      await pause(random() * 120);
      const scope = [{ type: 'global' }, { type: 'account', id: agents[0]?.accountId }, { type: 'agent', id: agents[0]?.id }][round % 3];
      const held = round % 3 === 0 ? agents : agents.slice(0, 1);
      const { status, body: halt } = await t.http<Halt>('POST', '/kill-switch', { body: { scope, mode: 'halt', reason: 'race' } });
      stop.at = performance.now();
      expect(status).toBe(201);
      await pause(150);
      stop.asking = false;
      await Promise.all([...polls, ...syncs, ...queueing]);
      const late = asks.filter(({ at }) => at > stop.at).flatMap(({ openings }) => openings);
      const ofHeld = held.map(({ id }) => id);
      expect(await t.db.query(`select id from agent_commands where id = any($1::uuid[]) and agent_id = any($2::uuid[])`, [late, ofHeld])).toEqual([]);
      expect(asks.filter(({ at }) => at > stop.at).length).toBeGreaterThan(0);
      // Nothing that opens is left in the queue; what is leased is marked.
      expect(await t.db.query(`select status, cancel_requested from agent_commands where agent_id = any($1::uuid[]) and class = 'opens' and status in ('queued','leased') and not cancel_requested`, [ofHeld])).toEqual([]);
      await t.db.query('update delays set most_ms = 0');
      await release(t, halt.id);
      for (const agent of held) expect((await lease(agent)).body.commands).toEqual([]);
      await t.db.query(`update agent_commands set status = 'cancelled', finished_at = app_clock(), lease_token = null, lease_expires_at = null where finished_at is null`);
    }
  }, ROUNDS * 5_000 + 20_000);
});
