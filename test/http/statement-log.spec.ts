import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Client, clientOf } from '../support/http.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { type ServerProcess, startServerProcess, whenReady } from '../support/server-process.js';

interface Line { msg?: string; caller?: string; correlationId?: string; statement?: string; ms?: number; waitsSeconds?: number; lock?: string; behind?: Record<string, unknown>[]; level: string }

let db: TestDatabase;
let server: ServerProcess;
let http: Client;
beforeAll(async () => {
  db = await createTestDatabase();
  server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', LOG_LEVEL: 'debug', SLOW_STATEMENT_MS: '700' } });
  await whenReady(server.base);
  const { body } = await clientOf(server.base)<{ accessToken: string }>('POST', '/auth/login', { body: { email: ADMIN.email, password: ADMIN.password } });
  http = clientOf(server.base, body.accessToken);
});
afterAll(async () => {
  server.kill('SIGTERM');
  await server.exited;
  await db.drop();
});

const lines = (msg: string): Line[] => server.output().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line).filter((line) => line.msg === msg);
const heldUp = (request: () => Promise<unknown>, released: () => boolean, withinMs = 4_500) => onConnection(db.adminUrl, async (other) => {
  await other.query(`set application_name = 'a night job'; begin; lock table agents in access exclusive mode`);
  const asked = request();
  await until(async () => released(), withinMs);
  await other.query('rollback');
  await asked;
});

describe('a statement that waits for a lock', () => {
  it('is logged with who asked for it and who is in the way, and as slow when it has ended; its values are in neither', async () => {
    const secret = `secret${randomBytes(8).toString('hex')}`;
    await heldUp(() => http('POST', '/agents', { body: { name: secret, mode: 'paper' }, headers: { 'x-request-id': 'held-up' } }), () => lines('waits for a lock').some((line) => line.correlationId === 'held-up'));
    await until(async () => lines('slow statement').some((line) => line.correlationId === 'held-up'), 3_000);
    const [waits] = lines('waits for a lock').filter((line) => line.correlationId === 'held-up') as [Line];
    expect(waits).toMatchObject({ level: 'warn', caller: 'POST /api/v1/agents', lock: expect.stringMatching(/Lock on relation agents$/), statement: expect.stringContaining('agents') });
    expect(waits.waitsSeconds).toBeGreaterThanOrEqual(0.9);
    // What another role does in a session is not for the writer to see; who it is, and that it is there, is.
    expect(waits.behind).toEqual([expect.objectContaining({ application: 'a night job', user: new URL(db.adminUrl).username, pid: expect.any(Number) })]);
    const [slow] = lines('slow statement').filter((line) => line.correlationId === 'held-up') as [Line];
    expect(slow).toMatchObject({ level: 'warn', caller: 'POST /api/v1/agents', statement: waits.statement });
    expect(slow.ms).toBeGreaterThanOrEqual(900);
    expect(server.output()).not.toContain(secret);
    const seen = await scrape(server.base);
    expect(seen.value('tradewarden_db_slow_statements_total')).toBeGreaterThanOrEqual(1);
    expect(seen.value('tradewarden_db_lock_waits_total')).toBeGreaterThanOrEqual(1);
  });

  it("behind one of the server's own says for whom that one works", async () => {
    await onConnection(db.adminUrl, async (other) => {
      const made = await http<{ id: string }>('POST', '/agents', { body: { name: 'locked', mode: 'paper' } });
      // The first waits with the agent's row locked; the second waits for the first.
      await other.query('begin; lock table events in access exclusive mode');
      const first = http('PATCH', `/agents/${made.body.id}`, { body: { symbols: ['EURUSD'] }, headers: { 'x-request-id': 'the-first' } });
      await until(async () => (await db.query(`select 1 from pg_stat_activity where datname = $1 and application_name = 'tradewarden' and wait_event_type = 'Lock'`, [db.name])).length > 0, 3_000);
      const second = http('PATCH', `/agents/${made.body.id}`, { body: { symbols: ['GBPUSD'] }, headers: { 'x-request-id': 'the-second' } });
      await until(async () => lines('waits for a lock').some((line) => line.correlationId === 'the-second'), 4_500);
      await other.query('rollback');
      await Promise.all([first, second]);
    });
    const [line] = lines('waits for a lock').filter(({ correlationId }) => correlationId === 'the-second') as [Line];
    expect(line.behind).toEqual([expect.objectContaining({ caller: 'PATCH /api/v1/agents/:agentId', correlationId: 'the-first', application: 'tradewarden' })]);
    // By its pattern, not by its address.
    expect(line.caller).toBe('PATCH /api/v1/agents/:agentId');
  });

  it('of something that recurs names the schedule', async () => {
    await heldUp(async () => {
      await db.query(`update schedules set next_run_at = app_clock() - interval '1 minute', lease_until = null`);
    }, () => lines('slow statement').concat(lines('waits for a lock')).some((line) => line.caller?.startsWith('schedule ')), 15_000);
  });
});

describe('lines of the log', () => {
  it('carry the id of the request that they are written for, whoever writes them', async () => {
    const before = server.output().length;
    await db.query('alter table users rename to users_hidden');
    await http('GET', '/users', { headers: { 'x-request-id': 'broken-request' } });
    await db.query('alter table users_hidden rename to users');
    await http('GET', '/agents?nothing=1', { headers: { 'x-request-id': 'refused-request' } });
    await http('GET', '/agents', { headers: { 'x-request-id': 'last-request' } });
    await until(async () => server.output().slice(before).includes('last-request'), 2_000);
    const written = server.output().slice(before).split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
    for (const id of ['broken-request', 'refused-request', 'last-request']) expect(written.some((line) => line.correlationId === id)).toBe(true);
    // On a busy machine statements of what the server does by itself are slow too.
    const isByItself = ({ msg = '', caller = '' }: Line) => ['slow statement', 'waits for a lock'].includes(msg) && !/^[A-Z]+ \//.test(caller);
    expect(written.filter((line) => line.correlationId === undefined && !isByItself(line) && line.caller?.startsWith('schedule ') !== true && !/"context":"(Schedules|Listener|Database)"/.test(JSON.stringify(line)))).toEqual([]);
  });
});
