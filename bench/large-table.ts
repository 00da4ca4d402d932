import type { BenchDatabase } from './database-server.js';
import { Enqueuers } from './enqueuers.js';
import { bearer, type BenchAgent, makeAgents, operators } from './fixtures.js';
import { HttpConnection } from './http-client.js';
import { percentile, ratiosOf } from './percentiles.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden, type TradewardenProcess } from './server-process.js';
import { msText, ratioText, type Row } from './table.js';

const AGENTS = 50;
const FILL_BATCH = 250_000;
const BAR = 1.5;
const SIZES = {
  full: { small: 10_000, large: 5_000_000, asks: 300, warmUp: 50 },
  quick: { small: 10_000, large: 200_000, asks: 30, warmUp: 10 },
};

interface Filter {
  what: string;
  query: (agent: BenchAgent) => string;
  /** Finds nothing, which may mean that everything is read: asked a tenth as often, or it would be all that is measured. */
  nothing?: true;
}

/** What people and the page ask for: what there is plenty of, what is rare, and what there is none of. */
const FILTERS: Filter[] = [
  { what: 'no filter', query: () => '' },
  { what: 'agentId', query: ({ id }) => `agentId=${id}` },
  { what: 'status=succeeded', query: () => 'status=succeeded' },
  { what: 'status=failed', query: () => 'status=failed' },
  { what: 'status=queued', query: () => 'status=queued' },
  { what: 'agentId and status=failed', query: ({ id }) => `agentId=${id}&status=failed` },
  { what: 'agentId and status=queued', query: ({ id }) => `agentId=${id}&status=queued` },
  { what: 'type=custom', query: () => 'type=custom' },
  { what: 'agentId and type=custom', query: ({ id }) => `agentId=${id}&type=custom` },
  { what: 'type=kill, of which there is none', query: () => 'type=kill', nothing: true },
  { what: 'agentId and type=kill, of which there is none', query: ({ id }) => `agentId=${id}&type=kill`, nothing: true },
  { what: 'agentId and status=dead, of which there is none', query: ({ id }) => `agentId=${id}&status=dead`, nothing: true },
];
const SELDOM = 10;
const LEASE = 'lease';

/** One table size: a server on a database of its own. */
interface Side {
  server: TradewardenProcess;
  database: BenchDatabase;
  agents: BenchAgent[];
  asked: number;
  close(): Promise<void>;
}

/** A side with connections to it. The server closes those on which nothing is asked for a minute, and filling takes longer. */
interface Asker {
  side: Side;
  token: string;
  senders: Enqueuers;
  connection: HttpConnection;
}

/** Listing and leasing when millions of commands have been done, beside ten thousand. */
export async function largeTable(bench: Bench): Promise<Report> {
  const sizes = bench.quick ? SIZES.quick : SIZES.full;
  const small = await open(bench, 'table_small', sizes.small);
  const large = await open(bench, 'table_large', sizes.large);
  try {
    await ask(small, large, sizes.warmUp);
    const rounds: Answers[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      bench.say(`large: round ${round + 1} of ${bench.rounds}`);
      rounds.push(await ask(small, large, sizes.asks));
    }
    return report(sizes, rounds, bench.rounds);
  } finally {
    await small.close();
    await large.close();
  }
}

async function open(bench: Bench, name: string, rows: number): Promise<Side> {
  const database = await bench.databases.newDatabase(name);
  const server = await startTradewarden(bench.databases.folder, database);
  const agents = await makeAgents(server.base, AGENTS);
  await fill(bench, database, agents, rows);
  return {
    server, database, agents, asked: 0,
    async close() {
      await server.stop();
      await database.close();
    },
  };
}

/**
 * Finished commands of all agents, mixed: of a hundred 92 succeeded, 5 failed, 2 expired, 1 was cancelled. Past the checks of foreign keys, which take longer than the rest; and
 * older than the 7 days to which a breaker may look back, or the failures would halt their agents.
 */
async function fill(bench: Bench, database: BenchDatabase, agents: BenchAgent[], rows: number): Promise<void> {
  const ids = agents.map(({ id }) => id);
  for (let from = 0; from < rows; from += FILL_BATCH) {
    const to = Math.min(rows, from + FILL_BATCH);
    if (rows > FILL_BATCH) bench.say(`large: ${to.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows`);
    await database.query(`
      with fast as (select set_config('session_replication_role', 'replica', true))
      insert into agent_commands (id, agent_id, type, class, payload, priority, status, not_before, attempt, max_attempts, result, actor, created_at, finished_at)
      select gen_random_uuid(), ($1::uuid[])[1 + n % $2], 'custom', 'opens', jsonb_build_object('n', -n), 2,
        case when n / $2 % 100 < 92 then 'succeeded' when n / $2 % 100 < 97 then 'failed' when n / $2 % 100 < 99 then 'expired' else 'cancelled' end,
        at, 1, 5, '{"done": true}', 'system', at, at + interval '1 second'
      from fast, generate_series($3::int, $4::int - 1) n, lateral (select app_clock() - interval '8 days' - make_interval(secs => $5 - n) as at) times`,
    [ids, ids.length, from, to, rows]);
  }
  await database.query('vacuum (analyze) agent_commands');
  await database.query('checkpoint');
}

/** Milliseconds of each answer of the small and of the large table. */
type Answers = Map<string, [small: number[], large: number[]]>;

/** Every question, asked of the two in turn. */
async function ask(small: Side, large: Side, times: number): Promise<Answers> {
  const askers = [await connect(small), await connect(large)] as const;
  const took: Answers = new Map([...FILTERS.map(({ what }) => what), LEASE].map((what) => [what, [[], []]]));
  for (let i = 0; i < times; i++) {
    const inTurn = i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const { what, query, nothing } of FILTERS) {
      if (nothing && i % SELDOM !== 0) continue;
      for (const at of inTurn) took.get(what)?.[at].push(await list(askers[at], query));
    }
    for (const at of inTurn) took.get(LEASE)?.[at].push(await lease(askers[at]));
  }
  for (const { senders, connection } of askers) {
    senders.close();
    connection.close();
  }
  return took;
}

async function connect(side: Side): Promise<Asker> {
  const { base } = side.server;
  const [token = ''] = await operators(base, 1);
  const senders = new Enqueuers(base, 1);
  senders.tokens = [token];
  return { side, token, senders, connection: await HttpConnection.open(base) };
}

async function list({ side, token, connection }: Asker, query: (agent: BenchAgent) => string): Promise<number> {
  const agent = side.agents[side.asked++ % AGENTS] as BenchAgent;
  const asked = performance.now();
  const { status, body } = await connection.request('GET', `/api/v1/commands?${query(agent)}`, bearer(token));
  const ms = performance.now() - asked;
  if (status !== 200) throw new Error(`a list was answered ${status}: ${body.slice(0, 300)}`);
  return ms;
}

/** A command is queued, leased (which is measured) and completed. */
async function lease({ side, senders, connection }: Asker): Promise<number> {
  const { id, apiKey } = side.agents[side.asked++ % AGENTS] as BenchAgent;
  await senders.enqueue(id, side.asked);
  const asked = performance.now();
  const leased = await connection.request('POST', '/api/v1/agents/me/commands/lease', bearer(apiKey), { max: 1 });
  const ms = performance.now() - asked;
  const [command] = (JSON.parse(leased.body) as { commands?: { id: string; leaseToken: string }[] }).commands ?? [];
  if (!command) throw new Error(`nothing was leased: ${leased.status} ${leased.body.slice(0, 300)}`);
  const done = await connection.request('POST', `/api/v1/commands/${command.id}/complete`, bearer(apiKey), { leaseToken: command.leaseToken });
  if (done.status !== 200) throw new Error(`a command was not completed: ${done.body.slice(0, 300)}`);
  return ms;
}

function report(sizes: { small: number; large: number; asks: number }, rounds: Answers[], count: number): Report {
  const row = (what: string): Row => {
    const each = rounds.map((round) => round.get(what) ?? [[], []]);
    const all = (at: 0 | 1) => percentile(each.flatMap((answers) => answers[at]), 0.99);
    // Of all rounds together: a hundredth of one round is three answers. The rounds say how sure it is.
    const ratio = { ...ratiosOf(each.map(([, large]) => percentile(large, 0.99)), each.map(([small]) => percentile(small, 0.99))), median: all(1) / all(0) };
    return {
      what: `${what === LEASE ? '' : 'list, '}${what}, p99`, ours: msText(all(1)), peer: `${sizes.small.toLocaleString('en-US')} rows ${msText(all(0))}`,
      ratio: ratioText(ratio), bar: `≤ ${BAR}`, passed: ratio.median <= BAR,
    };
  };
  return {
    rows: [...FILTERS.map(({ what }) => what), LEASE].map(row),
    notes: [
      `Here less is better. ${sizes.large.toLocaleString('en-US')} finished commands of ${AGENTS} agents in the table, beside ${sizes.small.toLocaleString('en-US')}; two servers, two databases, one question at a time, asked of the two in turn, ${count} × ${sizes.asks} times (a tenth as often for what there is none of); lists of 50.`,
      'A lease takes the one queued command of its agent.',
    ],
  };
}
