import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runningEmbedded } from '../../src/database/embedded/embedded.js';
import { ADMIN } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { closeGateways, openGateway } from '../support/gateway.js';
import { clientOf } from '../support/http.js';
import { expectWithin, until } from '../support/timing.js';
import { newDataDir, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

/** What waits for something until it is cut ends after two minutes; nothing else takes this long, on a busy machine either. */
const UNCUT_MS = 50_000;

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(async () => {
  await stopServerProcesses();
  await closeGateways();
  await db.drop();
});

async function start(env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', LOG_LEVEL: 'info', SHUTDOWN_TIMEOUT: '120', ...env } });
  await whenReady(server.base);
  return server;
}

const signIn = async (server: ServerProcess) =>
  (await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;

/** Milliseconds since 1970, by the server's own clock. */
function saidAt(server: ServerProcess, part: string): number {
  const line = server.output().split('\n').find((each) => each.startsWith('{') && each.includes(part));
  if (!line) throw new Error(`it did not say "${part}": ${server.output()}`);
  return Date.parse((JSON.parse(line) as { time: string }).time);
}

const connections = async () =>
  (await db.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'tradewarden%'`))[0]?.n;

describe('SIGTERM', () => {
  it('lets running requests finish, refuses new ones, tells the truth to probes, and exits 0 with no connection left', async () => {
    const server = await start();
    const http = clientOf(server.base, await signIn(server));
    const began = performance.now();
    await onConnection(db.adminUrl, async (other) => {
      await other.query('begin; lock table agents in access exclusive mode');
      const running = http('GET', '/agents');
      await until(async () => (await db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0, 3_000);
      server.kill('SIGTERM');
      server.kill('SIGTERM');
      await until(() => server.output().includes('draining'), 5_000);
      const refused = await http('GET', '/agents');
      expect(refused).toMatchObject({ status: 503, body: { code: 'DRAINING', retryable: true } });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect((await http('GET', '/livez')).status).toBe(200);
      for (const path of ['/readyz', '/health']) {
        const answer = await http<{ reason?: string }>('GET', path);
        expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '2']);
        expect(answer.text).toContain('draining');
      }
      server.kill('SIGINT');
      await other.query('rollback');
      expect((await running).status).toBe(200);
    });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(UNCUT_MS);
    // The database's own side of a connection ends a moment after ours.
    await until(async () => (await connections()) === 0, 5_000);
    expect(server.output().match(/draining/g)).toHaveLength(1);
  });

  it('cuts what does not finish, and exits 0 within SHUTDOWN_TIMEOUT', async () => {
    const cutAndClosed = async () => {
      const server = await start({ SHUTDOWN_TIMEOUT: '5' });
      const http = clientOf(server.base, await signIn(server));
      await onConnection(db.adminUrl, async (other) => {
        await other.query('begin; lock table agents in access exclusive mode');
        const running = http('GET', '/agents').catch(() => 'cut');
        await until(async () => (await db.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0, 3_000);
        server.kill('SIGTERM');
        expect(await server.exited).toEqual({ code: 0, signal: null });
        expect(await running).toBe('cut');
        await other.query('rollback');
      });
      await until(async () => (await connections()) === 0, 2_000);
      const after = (part: string) => saidAt(server, part) - saidAt(server, 'draining');
      // The process that stood still in these seconds has ended without closing.
      return server.output().includes('SHUTDOWN_TIMEOUT reached') ? Infinity : Math.max(after('cutting the requests that still run') / 3_000, after('"msg":"closed"') / 5_000);
    };
    // Cut after half of it at the latest, so that the rest is enough for closing what is open; by its own clock, since a busy machine is late to tell it and to see it end.
    await expectWithin(1, cutAndClosed);
  });

  it('closes the database also after a drain of more than ten seconds', async () => {
    const server = await start();
    const http = clientOf(server.base, await signIn(server));
    const { body: agent } = await http<{ id: string }>('POST', '/agents', { body: { name: 'long-answer', mode: 'paper' } });
    const { body: command } = await http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom' } });
    await db.query(`update agent_commands set result = jsonb_build_object('r', repeat('x', 30000000)) where id = $1`, [command.id]);
    // A reader who does not read: the answer is larger than all buffers between.
    const slow = connect(server.port, '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write(`GET /api/v1/commands/${command.id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await signIn(server)}\r\n\r\n`);
    // Its first part has come, and no more of it is taken.
    await new Promise((resolve) => slow.once('readable', resolve));
    const began = performance.now();
    server.kill('SIGTERM');
    await pause(11_000);
    expect((await http('GET', '/livez')).status).toBe(200);
    slow.resume();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(UNCUT_MS);
    expect(server.output()).toMatch(/"msg":"closed"/);
    expect(server.output()).not.toContain('cutting');
    // The database's own side of a connection ends a moment after ours.
    await until(async () => (await connections()) === 0, 5_000);
  });

  it('is not held up by a request whose body never comes whole', async () => {
    const server = await start();
    const half = connect(server.port, '127.0.0.1');
    half.on('error', () => undefined);
    half.write('POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"email":');
    await pause(300);
    const began = performance.now();
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(UNCUT_MS);
  });

  it('is heard while the database has never been there', async () => {
    const gone = new URL(db.url);
    gone.port = '1';
    const server = await startServerProcess({ env: { DATABASE_URL: gone.href } });
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it('is heard while the database hangs', async () => {
    const gateway = await openGateway(db.url);
    const server = await start({ DATABASE_URL: gateway.url });
    gateway.forgetConnections();
    const began = performance.now();
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(UNCUT_MS);
  });

  it('with nothing to do takes no time', async () => {
    const server = await start();
    await clientOf(server.base)('GET', '/livez');
    const began = performance.now();
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - began).toBeLessThan(UNCUT_MS);
  });
});

describe('the embedded database', () => {
  it('survives a kill -9 of the server with what was stored, and is stopped with its last user', async () => {
    const env = { DATA_DIR: newDataDir(), NODE_ENV: 'development' };
    const first = await startServerProcess({ env });
    await whenReady(first.base);
    const made = await clientOf(first.base, await signIn(first))('POST', '/agents', { body: { name: 'kept', mode: 'paper' } });
    expect(made.status).toBe(201);
    first.kill('SIGKILL');
    await first.exited;
    expect(await runningEmbedded(env.DATA_DIR)).not.toBeNull();
    const second = await startServerProcess({ env });
    await whenReady(second.base);
    const agents = await clientOf(second.base, await signIn(second))<{ items: { name: string }[] }>('GET', '/agents');
    expect(agents.body.items.map(({ name }) => name)).toEqual(['kept']);
    second.kill('SIGTERM');
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(await runningEmbedded(env.DATA_DIR)).toBeNull();
  });
});

describe('a start in production', () => {
  it('without what it needs is refused with every reason at once, no value, and exit code 1', async () => {
    const server = await startServerProcess({ waitForLive: false, env: { NODE_ENV: 'production', JWT_SECRET: 'change-me-change-me-change-me-change-me', AUDIT_KEY: '', PORT: '3999', DB_POOL_SIZE: 'many' } });
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.output().trim().split('\n')).toEqual([
      'Refusing to start:',
      '  - DB_POOL_SIZE must be a whole number from 1 to 500',
      '  - JWT_SECRET is a default or guessable value',
      '  - DATABASE_URL is required when NODE_ENV is production',
      '  - AUDIT_KEY is required when NODE_ENV is production (`openssl rand -hex 32` makes one)',
    ]);
  });

  it('on a port that is taken says so in one line', async () => {
    const server = await start();
    const other = await startServerProcess({ waitForLive: false, env: { PORT: String(server.port), DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl } });
    expect(await other.exited).toEqual({ code: 1, signal: null });
    expect(other.output().trim().split('\n')).toContain('The port is in use: set PORT to another one.');
  });
});
