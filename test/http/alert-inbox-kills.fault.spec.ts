import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AlertChain, brokenChains, CHAIN_SYMBOLS, chainAlert, HELD_SYMBOLS, isDone, outOfOrder, startChain, strayAlerts } from '../support/alert-chain.js';
import { ADMIN } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Client, clientOf } from '../support/http.js';
import { beat, type Idea } from '../support/ideas.js';
import { until } from '../support/timing.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';
import { makeSource, postAlert } from '../support/webhooks.js';

const ROUNDS = process.env['FULL_FIGURES'] ? 10 : 2;
const SENDERS = 6;
const BURST = 110;

let db: TestDatabase;
let servers: [ServerProcess, ServerProcess];
let http: Client;
let chain: AlertChain;
let beating: Promise<void>;
const over = new AbortController();
const start = async (port: number) => {
  const server = await startServerProcess({ env: { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', PORT: String(port) } });
  await whenReady(server.base);
  return server;
};
beforeAll(async () => {
  db = await createTestDatabase();
  servers = await Promise.all([freePort().then(start), freePort().then(start)]);
  const [{ base }] = servers;
  http = clientOf(base, (await clientOf(base)<{ accessToken: string }>('POST', '/auth/login', { body: ADMIN })).body.accessToken);
  chain = await startChain(base, http);
  // Whoever trades is there all the time, however long this takes.
  const beats = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await beat(chain.agent).catch(() => null);
      await pause(3_000, undefined, { signal: over.signal }).catch(() => null);
    }
  };
  beating = beats();
});
afterAll(async () => {
  over.abort();
  await beating;
  await stopServerProcesses();
  await db.drop();
});

/** The id of each alert that was answered 202, by the id of its own. */
const accepted = new Map<string, string>();
let numbered = 0;

interface Sent { own: string; path: string; body: string }
const next = (): Sent & { to: ServerProcess } => {
  const n = ++numbered;
  const own = `chain-${20_260_000 + n}`;
  const to = servers[n % 2] as ServerProcess;
  if (n % 12 === 0) return { own, path: chain.commands.path, body: chainAlert(own, 'pause'), to };
  // Of what is held, and now and then of what was to be opened.
  if (n % 7 === 0) return { own, path: chain.opens.path, body: chainAlert(own, 'out', HELD_SYMBOLS[n % HELD_SYMBOLS.length]), to };
  return { own, path: chain.opens.path, body: chainAlert(own, n % 37 === 0 ? 'exit' : 'in', CHAIN_SYMBOLS[n % CHAIN_SYMBOLS.length]), to };
};
const post = async ({ own, path, body }: Sent, to: ServerProcess): Promise<boolean> => {
  const answer = await postAlert(to, path, body).catch(() => null);
  if (answer?.status === 202) accepted.set(own, answer.body.alertId);
  return answer?.status === 202;
};

/** So many alerts through both, whether they answer or not; answers those of which nobody knows whether they were stored. */
async function burst(alerts: number): Promise<Sent[]> {
  const last = numbered + alerts;
  const unanswered: Sent[] = [];
  await Promise.all(Array.from({ length: SENDERS }, async () => {
    while (numbered < last) {
      const alert = next();
      if (await post(alert, alert.to)) continue;
      unanswered.push(alert);
      await pause(20);
    }
  }));
  return unanswered;
}

/** As TradingView does with what was not answered well: again, through whoever answers. */
async function sendAgain(left: Sent[]): Promise<void> {
  await Promise.all(Array.from({ length: SENDERS }, async (_, n) => {
    for (let alert = left.pop(); alert; alert = left.pop()) {
      const again = alert;
      await until(() => post(again, servers[n % 2] as ServerProcess), 10_000);
    }
  }));
}

describe('two servers on one inbox, which are killed in the middle of a burst', () => {
  it(`lose no alert that was answered 202, and carry out each once, in the order of its symbol: alert, idea, decision, command (${ROUNDS} times)`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const before = accepted.size;
      const running = burst(BURST);
      const killsAfter = before + BURST * (0.2 + 0.5 * Math.random());
      await until(() => accepted.size > killsAfter, 10_000);
      await pause(Math.random() * 200);
      // One of them, and in the next round both: then nobody is left to go on.
      const victims = round % 2 === 0 ? [1] as const : [0, 1] as const;
      for (const victim of victims) servers[victim].kill('SIGKILL');
      for (const victim of victims) expect((await servers[victim].exited).signal).toBe('SIGKILL');
      const unanswered = await running;
      await Promise.all(victims.map(async (victim) => (servers[victim] = await start(servers[victim].port))));
      await sendAgain(unanswered);
      expect(accepted.size).toBe(before + BURST);
    }
    await until(() => isDone(db), 20_000);
    expect(await strayAlerts(db, accepted)).toEqual([]);
    expect(await brokenChains(db)).toEqual([]);
    expect(await outOfOrder(db)).toEqual([]);
    // There was something to double: openings, closes, commands; and nothing failed in a way of its own.
    const [made] = await db.query<{ openings: number; closes: number; pauses: number }>(`select count(*) filter (where type = 'open_trade')::int as openings,
      count(*) filter (where type = 'close_trade')::int as closes, count(*) filter (where type = 'pause' and actor like 'webhook:%')::int as pauses from agent_commands`);
    expect(made?.openings).toBeGreaterThan(10);
    expect(made?.closes).toBe(HELD_SYMBOLS.length);
    expect(made?.pauses).toBeGreaterThan(2);
    expect(await db.query(`select status, code, detail from alerts where status in ('failed', 'quarantined', 'expired')`)).toEqual([]);
  });
});

describe('two servers on one inbox', () => {
  it('let an exit that comes through one of them end what came before it through the other', async () => {
    const [one, other] = servers;
    const alerts: string[] = [];
    const send = async (to: ServerProcess, action: 'in' | 'exit', symbol: string) => {
      const own = `pair-${20_260_000 + alerts.length}`;
      const { body } = await postAlert(to, chain.opens.path, chainAlert(own, action, symbol));
      alerts.push(body.alertId);
    };
    for (let n = 0; n < 24; n++) {
      // At once or a moment later: the entry is still to be mapped, is being worked on, or has its command.
      await send(n % 2 ? one : other, 'in', CHAIN_SYMBOLS[n % 4] as string);
      await pause((n % 6) * 6);
      await send(n % 2 ? other : one, 'exit', CHAIN_SYMBOLS[n % 4] as string);
    }
    await until(() => isDone(db), 20_000);
    expect(await brokenChains(db)).toEqual([]);
    const ended = await db.query<{ status: string; code: string | null; n: number }>('select status, code, count(*)::int as n from alerts where id = any($1) and is_exit = false group by 1, 2', [alerts]);
    expect(ended.reduce((sum, { n }) => sum + n, 0)).toBe(24);
    expect(ended.filter(({ status, code }) => status !== 'processed' && code !== 'OVERTAKEN_BY_EXIT')).toEqual([]);
    // Each was followed by its exit: nothing that it wanted opened may still come.
    const open = await db.query(`select c.id, c.status from agent_commands c join trade_ideas i on i.command_id = c.id where i.alert_id = any($1) and c.finished_at is null`, [alerts]);
    expect(open).toEqual([]);
    const ideas = (await http<{ items: Idea[] }>('GET', `/trade-ideas?agentId=${chain.agent.id}&limit=100`)).body.items;
    expect(ideas.length).toBeGreaterThan(0);
  });

  it('finish what is under way on SIGTERM, and what they accepted is carried out by the other', async () => {
    const [, leaving] = servers;
    const source = await makeSource(http, {
      mapping: { fields: { symbol: 's', action: 'a', alertId: 'id' }, actions: { out: 'exit_long' } }, route: { action: 'command', executorAgentId: chain.agent.id },
    });
    const posts = Array.from({ length: 40 }, (_, n) => postAlert(leaving, source.path, JSON.stringify({ s: `LEAVE${n % 4}`, a: 'out', id: `leave-${n}` })).catch(() => null));
    await posts[0];
    leaving.kill('SIGTERM');
    const taken = (await Promise.all(posts)).filter((answer) => answer?.status === 202).length;
    expect((await leaving.exited).code).toBe(0);
    await until(() => isDone(db), 20_000);
    const [{ n } = { n: 0 }] = await db.query<{ n: number }>(`select count(*)::int as n from alerts where source_id = $1 and status = 'ignored'`, [source.id]);
    expect(n).toBeGreaterThanOrEqual(taken);
  });
});
