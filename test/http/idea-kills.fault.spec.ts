import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { verified } from '../support/decisions.js';
import { closeGateways, type Gateway, openGateway } from '../support/gateway.js';
import { beat, type Idea, limitAll, propose, trader } from '../support/ideas.js';
import { type Answer, clientOf } from '../support/http.js';
import { until } from '../support/timing.js';
import { freePort, type ServerProcess, startServerProcess, stopServerProcesses, whenReady } from '../support/server-process.js';

/** Each statement of each path in `npm run test:fuzz`; in `npm test` each of an idea that is carried out, and some of the others. */
const EVERY = process.env['FULL_FIGURES'] ? 1 : 5;
const PROCESSES = process.env['FULL_FIGURES'] ? 24 : 2;
const WHENS = ['before', 'after'] as const;
type When = (typeof WHENS)[number];

let db: TestDatabase;
let gateway: Gateway;
let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  db = await createTestDatabase();
  gateway = await openGateway(db.url);
  // A pool of which nothing hangs after a cut, and nobody else's statements to be counted.
  t = await startTestApp({ DATABASE_URL: gateway.url, DB_LISTEN: 'off', DB_POOL_SIZE: '2', DB_POOL_OVERFLOW: '2' }, db);
  // Nothing is done by the clock, also by the servers that are killed: what waits for a person would expire between two counts.
  await db.query(`update schedules set next_run_at = 'infinity', token = null, lease_until = null`);
  await limitAll(t);
  agent = await trader(t);
});
afterAll(async () => {
  await t.close();
  await stopServerProcesses();
  await closeGateways();
  await db.drop();
});

type Counts = Record<string, number>;

/** Everything that the path may leave, seen at one moment. Events of what is told by the clock are not of it. */
async function counts(): Promise<Counts> {
  const rows = await db.query<{ what: string; n: number }>(`
    select 'idea ' || status as what, count(*)::int as n from trade_ideas group by 1
    union all select 'decision ' || type, count(*)::int from decision_history group by 1
    union all select 'numbers', coalesce(sum(count), 0)::int from decision_heads where stream ~ '^[0-9a-f-]{36}$'
    union all select 'reservation', count(*)::int from reservations
    union all select 'command', count(*)::int from agent_commands where type = 'open_trade'
    union all select 'attempt', count(*)::int from command_attempts
    union all select 'halt', count(*)::int from halts
    union all select 'effective', count(*)::int from halts where effective_at is not null
    union all select 'cancelled', count(*)::int from agent_commands where type = 'open_trade' and status = 'cancelled'
    union all select 'key', count(*)::int from idempotency_keys
    union all select 'event ' || type, count(*)::int from events
      where type ~ '^(idea|decision|halt)[.]' or type in ('command.created', 'command.leased', 'command.cancelled') and data ->> 'type' = 'open_trade' group by 1`);
  return Object.fromEntries(rows.map(({ what, n }) => [what, n]));
}

/** What has come since. */
const since = (before: Counts, now: Counts): Counts =>
  Object.fromEntries([...new Set([...Object.keys(before), ...Object.keys(now)])].map((what): [string, number] => [what, (now[what] ?? 0) - (before[what] ?? 0)]).filter(([, n]) => n !== 0).sort());

/** The database has noticed that nobody is there any more: what was not committed is gone. */
const settled = () => until(async () => (await db.query(`select 1 from pg_stat_activity where datname = $1 and application_name like 'tradewarden%' and xact_start is not null`, [db.name])).length === 0, 10_000);

/** Nothing stands without what it follows from. */
async function isWhole(): Promise<void> {
  expect(await db.query(`
    select i.id, 'idea without decision' as what from trade_ideas i where not exists (select 1 from decision_history d where d.idea_id = i.id)
    union all select i.id, 'idea without its command' from trade_ideas i where i.command_id is not null and not exists (select 1 from agent_commands c where c.id = i.command_id)
    union all select d.id, 'decision without idea' from decision_history d where d.idea_id is not null and not exists (select 1 from trade_ideas i where i.id = d.idea_id)
    union all select c.id, 'command without reservation' from agent_commands c where c.type = 'open_trade' and not exists (select 1 from reservations r where r.command_id = c.id)
    union all select c.id, 'command without idea' from agent_commands c where c.type = 'open_trade' and not exists (select 1 from trade_ideas i where i.command_id = c.id)
    union all select c.id, 'command without event' from agent_commands c where not exists (select 1 from events e where e.subject_id = c.id and e.type = 'command.created')
    union all select r.id, 'reservation without command' from reservations r where not exists (select 1 from agent_commands c where c.id = r.command_id)`)).toEqual([]);
}

/** One try of a path: what is needed first, the request that is cut, and the same again until it is answered. */
interface Try<T> {
  request: () => Promise<Answer<T>>;
  /** The repetition's answer when the first was done already, and when it was not. */
  again: [status: number, code: string | undefined][];
  /** What is there once all is done, beside what the preparation left. */
  left: Counts;
  /** Sets of what may be there at one moment; none is a moment too. */
  moments?: Counts[];
}

const codeOf = ({ body }: Answer<unknown>) => (body as { code?: string }).code;

async function repeated<T>(request: () => Promise<Answer<T>>): Promise<Answer<T>> {
  for (let n = 0; n < 100; n++) {
    const answer = await request().catch(() => null);
    if (answer && answer.status < 500 && codeOf(answer) !== 'IDEMPOTENCY_KEY_IN_USE') return answer;
    await pause(20);
  }
  throw new Error('never answered');
}

/** Cuts at the statements of a path, one after the other, until one is longer than the path. Answers how many it has. */
async function cutEverywhere<T>(prepare: () => Promise<Try<T>>, every: number, when: When): Promise<number> {
  for (let statement = when === 'before' ? 1 : Math.min(every, 3); ; statement += every) {
    const { request, again, left, moments = [] } = await prepare();
    await settled();
    const before = await counts();
    gateway.cutAt(statement, when);
    const first = await request().catch(() => null);
    const wasCut = gateway.wasCut();
    await settled();
    const found = since(before, await counts());
    expect([`${when} ${statement}`, [{}, ...moments, left]]).toEqual([`${when} ${statement}`, expect.arrayContaining([found])]);
    if (first !== null && first.status < 300) expect(found).toEqual(left);
    await isWhole();
    const answer = await repeated(request);
    expect([`${when} ${statement}`, again]).toContainEqual(expect.arrayContaining([[answer.status, codeOf(answer)]]));
    if (moments.length > 0) await until(async () => JSON.stringify(since(before, await counts())) === JSON.stringify(left), 10_000).catch(() => undefined);
    expect([`${when} ${statement}`, since(before, await counts())]).toEqual([`${when} ${statement}`, left]);
    if (wasCut) continue;
    await isWhole();
    // Nothing is taken from a chain, so it was whole all the time.
    expect(await verified(t)).toMatchObject({ ok: true });
    return statement;
  }
}

const AUTO = { attempt: 1, command: 1, 'decision ai_auto_executed': 1, 'event command.created': 1, 'event command.leased': 1, 'event decision.recorded': 1, 'event idea.auto_executed': 1, 'idea auto_executed': 1, key: 1, numbers: 1, reservation: 1 };
const auto = async (who = agent): Promise<Try<Idea>> => {
  const key = randomUUID();
  await beat(agent);
  return { request: () => propose(who, {}, '?lease=1', { 'idempotency-key': key }), again: [[201, undefined]], left: AUTO };
};
const asking = async (): Promise<Try<Idea>> => {
  const key = randomUUID();
  await beat(agent);
  return {
    request: () => propose(agent, { confidence: undefined }, '', { 'idempotency-key': key }), again: [[201, undefined]],
    left: { 'decision ai_proposed': 1, 'event decision.recorded': 1, 'event idea.needs_approval': 1, 'idea needs_approval': 1, key: 1, numbers: 1 },
  };
};
const approving = async (): Promise<Try<Idea>> => {
  await beat(agent);
  const { body: { id, digest } } = await propose(agent, { confidence: undefined });
  return {
    request: () => t.http<Idea>('POST', `/trade-ideas/${id}/approve`, { body: { digest } }), again: [[200, undefined], [409, 'IDEA_NOT_PENDING']],
    left: { command: 1, 'decision human_approved': 1, 'event command.created': 1, 'event decision.recorded': 1, 'event idea.approved': 1, 'idea approved': 1, 'idea needs_approval': -1, numbers: 1, reservation: 1 },
  };
};
const halting = async (): Promise<Try<{ id: string }>> => {
  const other = await trader(t);
  await propose(other);
  const key = randomUUID();
  const imposed = { 'event halt.imposed': 1, halt: 1, key: 1 };
  const carried = { ...imposed, cancelled: 1, 'event command.cancelled': 1 };
  return {
    request: () => t.http('POST', '/kill-switch', { body: { scope: { type: 'agent', id: other.id }, mode: 'halt', reason: 'a kill' }, headers: { 'idempotency-key': key } }), again: [[201, undefined], [202, undefined]],
    moments: [imposed, carried].map(sorted), left: sorted({ ...carried, 'decision ai_halted': 1, effective: 1, 'event decision.recorded': 1, 'event halt.effective': 1, numbers: 1 }),
  };
};
function sorted(found: Counts): Counts {
  return Object.fromEntries(Object.entries(found).sort());
}

describe.each(WHENS)('a server that is cut off %s a statement', (when) => {
  it('of an idea that is carried out and leased leaves all of it or nothing, and the same request makes it once', async () => {
    expect(await cutEverywhere(auto, 1, when)).toBeGreaterThan(20);
  });

  it.each<[string, () => Promise<Try<unknown>>]>([
    ['an idea that asks a person', asking], ['an approval', approving], ['a halt', halting],
  ])('of %s does the same', async (_what, prepare) => {
    expect(await cutEverywhere(prepare, EVERY, when)).toBeGreaterThan(10);
  });
});

describe('kill -9 of a server process', () => {
  it('at a statement of an idea leaves all of it or nothing, and the next server makes it once', async () => {
    const own = await openGateway(db.url);
    const env = { DATABASE_URL: own.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', DB_LISTEN: 'off', PORT: String(await freePort()) };
    let server: ServerProcess = await startServerProcess({ env });
    await whenReady(server.base);
    const { request: warm } = await auto({ ...agent, http: clientOf(server.base, agent.apiKey) });
    // After the answer nothing of the request is left to be sent.
    own.cutAt(Infinity, 'before');
    expect((await warm()).status).toBe(201);
    const statements = own.statements();
    for (let n = 0; n < PROCESSES; n++) {
      // From the last backwards: the commit first.
      const [statement, when] = [statements - Math.floor(n / 2), pickWhen(n)];
      const { request, left } = await auto({ ...agent, http: clientOf(server.base, agent.apiKey) });
      const before = await counts();
      const killed = server;
      own.cutAt(statement, when, () => killed.kill('SIGKILL'));
      const first = await request().catch(() => null);
      if (!own.wasCut()) server.kill('SIGKILL');
      expect((await server.exited).signal).toBe('SIGKILL');
      await settled();
      const found = since(before, await counts());
      expect([`${when} ${statement}`, [{}, left]]).toEqual([`${when} ${statement}`, expect.arrayContaining([found])]);
      if (first !== null && first.status < 300) expect(found).toEqual(left);
      server = await startServerProcess({ env });
      await whenReady(server.base);
      expect((await repeated(request)).status).toBe(201);
      expect(since(before, await counts())).toEqual(left);
      await isWhole();
    }
    expect(await verified(t)).toMatchObject({ ok: true });
  });
});

const pickWhen = (n: number): When => WHENS[n % 2] ?? 'before';
