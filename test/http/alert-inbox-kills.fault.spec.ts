import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { clientOf } from '../support/http.js';
import { until } from '../support/pool.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';
import { makeSource, postAlert } from '../support/webhooks.js';

const ROUNDS = process.env['FULL_FIGURES'] ? 10 : 3;
const SENDERS = 8;
const SYMBOLS = ['EURUSD', 'GBPUSD', 'USDJPY', 'NSE:INFY'];

let db: TestDatabase;
let servers: ServerProcess[];
const start = async (port: number) => {
  const server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', PORT: String(port) } });
  await whenReady(server.base);
  return server;
};
beforeAll(async () => {
  db = await createTestDatabase();
  servers = [await start(await freePort()), await start(await freePort())];
}, 60_000);
afterAll(async () => {
  await stopServerProcesses();
  await db.drop();
});

describe('two servers on one inbox, one of which is killed again and again', () => {
  it('carry out each accepted alert once, in the order of its symbol, with no idea doubled', async () => {
    const [steady] = servers as [ServerProcess];
    const token = (await clientOf(steady.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;
    const http = clientOf(steady.base, token);
    const agent = (await http<{ id: string }>('POST', '/agents', { body: { name: 'executor', mode: 'paper' } })).body;
    const source = await makeSource(http, {
      mapping: { fields: { symbol: 's', action: 'a', alertId: 'id', price: 'p' }, actions: { in: 'enter_long', out: 'exit_long' } },
      route: { action: 'idea', executorAgentId: agent.id, maxAgeSeconds: 3_600 }, defaults: { lotSize: '1', stopDistance: '0.005' },
    });
    const accepted = new Set<string>();
    let sent = 0;
    const send = async (stop: AbortSignal) => {
      while (!stop.aborted) {
        const n = ++sent;
        const body = JSON.stringify({ s: SYMBOLS[n % SYMBOLS.length], a: n % 10 === 0 ? 'out' : 'in', p: '1.1000', id: `kill-${n}` });
        const answer = await postAlert(servers[n % 2] as ServerProcess, source.path, body).catch(() => null);
        if (answer?.status === 202) accepted.add(answer.body.alertId);
        await pause(answer ? 20 : 50);
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const stop = new AbortController();
      const senders = Array.from({ length: SENDERS }, () => send(stop.signal));
      await pause(400 + Math.random() * 600);
      const [, victim] = servers as [ServerProcess, ServerProcess];
      victim.kill('SIGKILL');
      await victim.exited;
      servers[1] = await start(victim.port);
      stop.abort();
      await Promise.all(senders);
    }
    expect(accepted.size).toBeGreaterThan(ROUNDS * 5);
    await until(async () => (await db.query(`select 1 from alerts where status = 'received' limit 1`)).length === 0, 60_000);
    const stored = await db.query<{ id: string; runs: number; ideas: number; events: number; status: string }>(`
      select a.id, a.status, (select count(*)::int from alert_runs r where r.alert_id = a.id) as runs, (select count(*)::int from trade_ideas i where i.alert_id = a.id) as ideas,
        (select count(*)::int from events e where e.subject_id = a.id and e.type = 'alert.finished') as events from alerts a`);
    const ids = new Set(stored.map(({ id }) => id));
    expect([...accepted].filter((id) => !ids.has(id))).toEqual([]);
    expect(stored.filter(({ runs, events, ideas }) => runs !== 1 || events !== 1 || ideas > 1)).toEqual([]);
    // Something was decided, so that there was something to double.
    expect(stored.filter(({ ideas }) => ideas === 1).length).toBeGreaterThan(0);
    expect(await db.query(`select idea_id from reservations group by 1 having count(*) > 1`)).toEqual([]);
    expect(await db.query(`select 1 from agent_commands k where k.type = 'open_trade' and not exists (select from trade_ideas i where i.command_id = k.id)`)).toEqual([]);
    // Entries of a symbol in their order; those that an exit ended, and that waited for something, have had theirs taken.
    const order = await db.query<{ seqs: string[] }>(`
      select array_agg(a.seq::text order by r.seq) as seqs from alert_runs r join alerts a on a.id = r.alert_id
      where a.is_exit = false and a.first_failed_at is null and a.code is distinct from 'OVERTAKEN_BY_EXIT' group by a.source_id, a.symbol`);
    for (const { seqs } of order) expect(seqs).toEqual([...seqs].sort((a, b) => Number(a) - Number(b)));
  }, 180_000);

  it('finish what is under way on SIGTERM, and what they accepted is carried out by the other', async () => {
    const [steady, leaving] = servers as [ServerProcess, ServerProcess];
    const token = (await clientOf(steady.base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken;
    const http = clientOf(steady.base, token);
    const agent = (await http<{ id: string }>('POST', '/agents', { body: { name: 'second executor', mode: 'paper' } })).body;
    const source = await makeSource(http, { mapping: { fields: { symbol: 's', action: 'a', alertId: 'id' }, actions: { out: 'exit_long' } }, route: { action: 'command', executorAgentId: agent.id } });
    const posts = Array.from({ length: 40 }, (_, n) => postAlert(leaving, source.path, JSON.stringify({ s: SYMBOLS[n % 4], a: 'out', id: `leave-${n}` })).catch(() => null));
    await posts[0];
    leaving.kill('SIGTERM');
    const accepted = (await Promise.all(posts)).filter((answer) => answer?.status === 202).length;
    expect((await leaving.exited).code).toBe(0);
    await until(async () => (await db.query(`select 1 from alerts where status = 'received' limit 1`)).length === 0, 20_000);
    const [{ n } = { n: 0 }] = await db.query<{ n: number }>(`select count(*)::int as n from alerts where source_id = $1 and status = 'ignored'`, [source.id]);
    expect(n).toBeGreaterThanOrEqual(accepted);
  }, 60_000);
});
