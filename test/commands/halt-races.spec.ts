import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { enqueue, type Halt, impose, lease, queueOpening, release, releaseAll, type Told, whenEffective } from '../support/halts.js';
import { clientOf } from '../support/http.js';
import { holding, whenWaiting } from '../support/locks.js';
import { until } from '../support/timing.js';
import { seeded } from '../support/random.js';
import { startServerBeside, stopServerProcesses } from '../support/server-process.js';

/** Rounds of random interleavings over two servers, with commits that take their time. */
const ROUNDS = process.env['FULL_FIGURES'] ? 200 : 20;
const AGENTS = 4;
const SEED = process.env['FULL_FIGURES'] ? Date.now() % 1_000_000 : 4711;
const LATEST_MS = 60;

let t: TestApp;
/** A process of its own. */
let second: Pick<TestApp, 'base' | 'http'>;
let agents: TestAgent[];
beforeAll(async () => {
  t = await startTestApp();
  second = await startServerBeside(t);
  agents = await Promise.all(Array.from({ length: AGENTS }, () => t.agent()));
  // Deferred: each transaction sleeps once at its commit, with everything done and locked, and nothing to be seen by others yet.
  await t.db.query(`create table delays (most_ms int not null)`);
  await t.db.query(`insert into delays values (0)`);
  await t.db.query(`grant select on delays to public`);
  await t.db.query(`create function delay() returns trigger language plpgsql as $$ begin
    if current_setting('delay.done', true) is distinct from txid_current()::text then
      perform set_config('delay.done', txid_current()::text, true), pg_sleep(random() * (select most_ms from delays) / 1000);
    end if;
    return null;
  end $$`);
  for (const [table, what] of [['halts', 'insert or update'], ['halt_accounts', 'insert'], ['agent_commands', 'insert or update'], ['command_attempts', 'insert']]) {
    await t.db.query(`create constraint trigger delayed after ${what} on ${table} deferrable initially deferred for each row execute function delay()`);
  }
});
afterAll(async () => {
  await stopServerProcesses();
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
        for (let i = 0; stop.asking; i++) await note(async () => (await lease(via(agent, n + i), { max: 1, waitSeconds: (i % 2) * 0.3 })).body.commands.map(({ id }) => id));
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
      await pause(150);
      // Where others have the machine, none may have been answered in that time.
      await until(() => asks.some(({ at }) => at > stop.at), 10_000);
      stop.asking = false;
      await Promise.all([...polls, ...syncs, ...queueing]);
      expect([201, 202]).toContain(status);
      await whenEffective(t, halt.id);
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
  });
});

describe('a statement that began before a halt, and does its work after it', () => {
  /** Holds up statements with this in their text when they have their snapshot, and nothing else yet. */
  async function heldUp(mark: string, begin: () => Promise<unknown>, meanwhile: () => Promise<unknown>): Promise<void> {
    const [{ definition = '' } = {}] = await t.db.query<{ definition: string }>(`select pg_get_functiondef('app_clock'::regproc) as definition`);
    await t.db.query(`create or replace function app_clock() returns timestamptz language plpgsql volatile security definer as $$ begin
      if position('${mark}' in current_query()) > 0 and position('pg_get_functiondef' in current_query()) = 0 then perform pg_advisory_xact_lock_shared(4711); end if;
      return clock_timestamp() + (select shift from test_clock);
    end $$`);
    try {
      let begun: Promise<unknown> = Promise.resolve();
      await holding(t.db, 'select pg_advisory_xact_lock(4711)', [], async () => {
        begun = begin();
        await whenWaiting(t.db, 1);
        await meanwhile();
      });
      await begun;
    } finally {
      await t.db.query(definition);
    }
  }

  it('hands nothing out that opens', async () => {
    const agent = await t.agent();
    await queueOpening(t, agent);
    let told: Told | undefined;
    await heldUp('is_halted', async () => (told = (await lease(agent)).body), async () => expect((await impose(t, { type: 'agent', id: agent.id })).status).toBe(201));
    expect(told?.commands).toEqual([]);
    await releaseAll(t);
  });

  it('queues nothing that opens, and gives nothing to a poll that waits', async () => {
    const agent = await t.agent();
    const waiting = lease(agent, { waitSeconds: 5 });
    let made: { status: number } | undefined;
    await heldUp('poll_correlation', async () => (made = await enqueue(t, agent, 'custom')), async () => expect((await impose(t, { type: 'agent', id: agent.id })).status).toBe(201));
    expect([made?.status, (await waiting).body.commands]).toEqual([409, []]);
    await releaseAll(t);
  });
});
