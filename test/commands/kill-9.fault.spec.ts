import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { ADMIN } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Client, clientOf } from '../support/http.js';
import { expectWithin, timeOf, until } from '../support/timing.js';
import { parkedPolls } from '../support/metrics.js';
import { freePort, type ServerProcess, startServerProcess, whenReady } from '../support/server-process.js';

interface Leased { id: string; leaseToken: string }

const ROUNDS = process.env['FULL_FIGURES'] ? 10 : 2;

let db: TestDatabase;
let server: ServerProcess;
let env: Record<string, string>;
beforeAll(async () => {
  db = await createTestDatabase();
  env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', SHUTDOWN_TIMEOUT: '120', PORT: String(await freePort()) };
  server = await startServerProcess({ env });
  await whenReady(server.base);
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await db.drop();
});

describe('kill -9 of the server under load', () => {
  it('loses nothing that was answered 2xx, and completes nothing twice', async () => {
    const token = await signIn();
    const agent = await clientOf(server.base, token)<{ id: string; apiKey: string }>('POST', '/agents', { body: { name: 'load', mode: 'paper' } });
    const people = clientOf(server.base, token);
    const http = clientOf(server.base, agent.body.apiKey);
    const created = new Set<string>();
    const completed = new Set<string>();
    const predicted = new Set<string>();
    const done = () => Math.min(created.size, completed.size, predicted.size);
    for (let round = 0; round < ROUNDS; round++) {
      const before = done();
      const stop = new AbortController();
      const load = Promise.all([
        ...Array.from({ length: 4 }, () => create(people, agent.body.id, created, stop.signal)),
        ...Array.from({ length: 4 }, () => complete(http, completed, stop.signal)),
        ...Array.from({ length: 2 }, () => predict(http, predicted, stop.signal)),
      ]);
      // Under way, however slow the machine is.
      await until(() => done() > before + 15, 30_000);
      await pause(Math.random() * 400);
      server.kill('SIGKILL');
      expect((await server.exited).signal).toBe('SIGKILL');
      server = await startServerProcess({ env });
      await whenReady(server.base);
      await pause(500);
      stop.abort();
      await load;
    }
    expect(done()).toBeGreaterThan(20);
    const stored = await db.query<{ id: string; status: string }>('select id, status from agent_commands');
    const status = new Map(stored.map((row) => [row.id, row.status]));
    expect([...created].filter((id) => !status.has(id))).toEqual([]);
    expect([...completed].filter((id) => status.get(id) !== 'succeeded')).toEqual([]);
    expect(await db.query(`select command_id from command_attempts where outcome = 'succeeded' group by 1 having count(*) > 1`)).toEqual([]);
    const predictions = new Set((await db.query<{ id: string }>('select id from predictions')).map((row) => row.id));
    expect([...predicted].filter((id) => !predictions.has(id))).toEqual([]);
  });

  it('keeps what an agent should do: a kill that was queued before the crash comes first after it', async () => {
    const token = await signIn();
    const people = clientOf(server.base, token);
    const agent = await people<{ id: string; apiKey: string }>('POST', '/agents', { body: { name: 'killed', mode: 'paper' } });
    for (const type of ['custom', 'reconcile', 'kill']) await people('POST', `/agents/${agent.body.id}/commands`, { body: { type } });
    server.kill('SIGKILL');
    await server.exited;
    server = await startServerProcess({ env });
    await whenReady(server.base);
    const answer = await clientOf(server.base, agent.body.apiKey)<{ commands: { type: string }[]; desiredState: { run: string } }>(
      'POST', '/agents/me/commands/lease', { body: { max: 1 } });
    expect(answer.body).toMatchObject({ commands: [{ type: 'kill' }], desiredState: { run: 'stopped' } });
  });
});

describe('SIGTERM', () => {
  it('ends waiting polls with an empty 200, finishes, and exits 0 with no connection left', async () => {
    const token = await signIn();
    const agent = await clientOf(server.base, token)<{ id: string; apiKey: string }>('POST', '/agents', { body: { name: 'waiting', mode: 'paper' } });
    const http = clientOf(server.base, agent.body.apiKey);
    // None waits until it is over, nor until it is cut.
    await expectWithin(20_000, async () => {
      const polls = Array.from({ length: 5 }, () => http<{ commands: unknown[] }>('POST', '/agents/me/commands/lease', { body: { waitSeconds: 25 } }));
      await until(async () => (await parkedPolls(server.base)) === 5, 5_000);
      const took = await timeOf(async () => {
        server.kill('SIGTERM');
        server.kill('SIGTERM');
        expect((await Promise.all(polls)).map(({ status, body }) => [status, body.commands])).toEqual(polls.map(() => [200, []]));
        expect(await server.exited).toEqual({ code: 0, signal: null });
      });
      // The database's own side of a connection ends a moment after ours, on a busy machine a long one.
      await until(async () => (await db.query(`select 1 from pg_stat_activity where datname = $1 and application_name like 'tradewarden%'`, [db.name])).length === 0, 5_000);
      server = await startServerProcess({ env });
      await whenReady(server.base);
      return took;
    });
  });
});

async function signIn(): Promise<string> {
  const answer = await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN });
  return answer.body.accessToken;
}

/** A server that is gone is no answer: nothing is known, so nothing is counted. */
async function attempt<T>(ask: () => Promise<T>): Promise<T | null> {
  return ask().catch(async () => {
    await pause(50);
    return null;
  });
}

async function create(http: Client, agentId: string, created: Set<string>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const answer = await attempt(() => http<{ id: string }>('POST', `/agents/${agentId}/commands`, { body: { type: 'custom', maxAttempts: 100 } }));
    if (answer?.status === 201) created.add(answer.body.id);
  }
}

async function complete(http: Client, completed: Set<string>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const leased = await attempt(() => http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', { body: { max: 3, leaseSeconds: 5 } }));
    for (const { id, leaseToken } of leased?.body.commands ?? []) {
      const answer = await attempt(() => http('POST', `/commands/${id}/complete`, { body: { leaseToken } }));
      if (answer?.status === 200) completed.add(id);
    }
  }
}

async function predict(http: Client, predicted: Set<string>, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const body = { model: 'm', symbol: 'EURUSD', timestamp: new Date().toISOString(), direction: 'long', confidence: '0.7' };
    const answer = await attempt(() => http<{ id: string }>('POST', '/predictions', { body }));
    if (answer?.status === 201) predicted.add(answer.body.id);
  }
}
