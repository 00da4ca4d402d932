import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type Contender, measure, type Measured } from './contenders.js';
import { copyIn } from './copy-in.js';
import type { BenchDatabase } from './database-server.js';
import { bearer, type BenchAgent, makeAgents } from './fixtures.js';
import { HttpConnection } from './http-client.js';
import { holdTrades, marks, marksByCopy } from './intake-marks.js';
import { median, ratiosOf } from './percentiles.js';
import { medianShare, type ProcessorTime, processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden } from './server-process.js';
import { rateText, ratioText, type Row, shareText } from './table.js';

const BATCH = 500;
const BATCH_CLIENTS = 4;
const QUOTE_CLIENTS = 64;
const BAR = 0.5;
/** Months that candles are of, with both ends: one is full before the next symbol begins. */
const FIRST = Date.UTC(2024, 0, 1);
const MONTHS = 24;
const MINUTES = (Date.UTC(2026, 0, 1) - FIRST) / 60_000;
const QUOTES_ONLY = join(dirname(fileURLToPath(import.meta.url)), 'quotes-without-database.js');

/** Two who do the same, of so many rows a cycle. Another kind of rows is a line in `intake`, with contenders of its own. */
interface Pair {
  what: string;
  peer: string;
  rows: number;
  ours: Contender;
  theirs: Contender;
  pids: [ours: number | null, theirs: number | null];
  measured: [ours: Measured[], theirs: Measured[]];
}

/** What agents send most, beside the least that it could cost: rows without their HTTP, and HTTP without its rows. */
export async function intake(bench: Bench): Promise<Report> {
  const database = await bench.databases.newDatabase('intake');
  const beside = await bench.databases.newDatabase('intake_copy');
  const server = await startTradewarden(bench.databases.folder, database);
  const stub = await startTradewarden(bench.databases.folder, beside, {}, QUOTES_ONLY);
  const closers: (() => void | Promise<void>)[] = [];
  try {
    for (const each of [database, beside]) await makeMonths(each);
    const agents = await makeAgents(server.base, QUOTE_CLIENTS);
    const known = await makeAgents(stub.base, QUOTE_CLIENTS);
    const batches = overHttp(server.base, agents.slice(0, BATCH_CLIENTS), closers);
    const held = await holdTrades(server.base, agents.slice(0, BATCH_CLIENTS), BATCH);
    const pairs: Pair[] = [
      { what: `candles in batches of ${BATCH}, ${BATCH_CLIENTS} clients`, peer: 'COPY of such rows', rows: BATCH, ours: batches, theirs: await byCopy(beside, closers), pids: [server.pid, null], measured: [[], []] },
      { what: `marks in batches of ${BATCH}, ${BATCH_CLIENTS} clients`, peer: 'COPY of such rows', rows: BATCH, ours: marks(server.base, held, closers), theirs: await marksByCopy(beside, held, closers), pids: [server.pid, null], measured: [[], []] },
      { what: `single quotes, ${QUOTE_CLIENTS} clients`, peer: 'the route without the database', rows: 1, ours: quotes(server.base, agents, closers), theirs: quotes(stub.base, known, closers), pids: [server.pid, stub.pid], measured: [[], []] },
    ];
    for (let round = -1; round < bench.rounds; round++) {
      bench.say(round < 0 ? 'intake: warming up' : `intake: round ${round + 1} of ${bench.rounds}`);
      for (const pair of pairs) await inTurn(bench, pair, round);
    }
    return report(pairs, bench.rounds, await verify(database, beside));
  } finally {
    for (const close of closers) await close();
    for (const each of [server, stub]) await each.stop();
    for (const each of [database, beside]) await each.close();
  }
}

async function inTurn(bench: Bench, { ours, theirs, pids, measured }: Pair, round: number): Promise<void> {
  const seconds = bench.quick ? 2 : round < 0 ? 5 : 10;
  const look = (at: 0 | 1) => (): ProcessorTime => processorTime(pids[at], bench.databases.pid);
  for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
    const result = await measure(at === 0 ? ours : theirs, seconds, look(at));
    if (round >= 0) measured[at].push(result);
  }
}

/** They come with their first row; that is not what is measured. */
async function makeMonths(database: BenchDatabase): Promise<void> {
  await database.query(`select ensure_snapshot_months('snapshot_market', array(select (date '2024-01-01' + make_interval(months => n))::date from generate_series(0, $1 - 1) n))`, [MONTHS]);
}

interface Candle {
  symbol: string;
  openTime: string;
  closeTime: string;
}

/** Minute after minute of a symbol of this client, then of its next one: no two are one. */
function candlesOf(client: number, turn: number): Candle[] {
  const first = turn * BATCH;
  return Array.from({ length: BATCH }, (_, n) => {
    const open = FIRST + ((first + n) % MINUTES) * 60_000;
    return { symbol: `C${client}-${Math.floor((first + n) / MINUTES)}`, openTime: new Date(open).toISOString(), closeTime: new Date(open + 60_000).toISOString() };
  });
}

const PRICES = { open: '1.10421', high: '1.10467', low: '1.10398', close: '1.1044', volume: '1843' };

function connections(base: string, count: number, closers: (() => void | Promise<void>)[]): { open(): Promise<void>; at(n: number): HttpConnection } {
  let all: HttpConnection[] = [];
  const close = () => all.forEach((each) => each.close());
  closers.push(close);
  return {
    // Anew each time: the server closes those on which nothing is asked for a minute.
    async open() {
      close();
      all = await Promise.all(Array.from({ length: count }, () => HttpConnection.open(base)));
    },
    at: (n) => all[n] as HttpConnection,
  };
}

function overHttp(base: string, agents: BenchAgent[], closers: (() => void | Promise<void>)[]): Contender {
  const clients = connections(base, agents.length, closers);
  const turns = agents.map(() => 0);
  return {
    name: 'http', loops: agents.length, ready: () => clients.open(),
    async cycle(loop) {
      const turn = turns[loop] ?? 0;
      turns[loop] = turn + 1;
      const items = candlesOf(loop, turn).map(({ symbol, openTime }) => ({ symbol, timeframe: 'M1', openTime, ...PRICES }));
      const answer = await clients.at(loop).request('POST', '/api/v1/snapshots/market', bearer(agents[loop]?.apiKey ?? ''), { items });
      if (answer.status !== 201) throw new Error(`candles were answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    },
  };
}

const COPIED = 'id, agent_id, captured_at, last_captured_at, symbol, timeframe, frame, open_time, close_time, open, high, low, close, volume';

/** Into the same table with its indexes and checks, by the superuser, a batch in a statement that commits. */
async function byCopy(database: BenchDatabase, closers: (() => void | Promise<void>)[]): Promise<Contender> {
  const clients = await Promise.all(Array.from({ length: BATCH_CLIENTS }, async () => {
    const client = new pg.Client({ connectionString: database.adminUrl, application_name: 'bench-copy' });
    await client.connect();
    return client;
  }));
  closers.push(async () => void (await Promise.all(clients.map((client) => client.end()))));
  const turns = clients.map(() => 0);
  const agent = randomUUID();
  return {
    name: 'copy', loops: clients.length,
    async cycle(loop) {
      const turn = turns[loop] ?? 0;
      turns[loop] = turn + 1;
      const now = new Date().toISOString();
      const { open, high, low, close, volume } = PRICES;
      const lines = candlesOf(loop, turn).map(({ symbol, openTime, closeTime }) =>
        [randomUUID(), agent, now, now, symbol, 'M1', 'M1', openTime, closeTime, open, high, low, close, volume].join('\t'));
      await copyIn(clients[loop] as pg.Client, `copy snapshot_market (${COPIED}) from stdin`, `${lines.join('\n')}\n`);
    },
  };
}

function quotes(base: string, agents: BenchAgent[], closers: (() => void | Promise<void>)[]): Contender {
  const clients = connections(base, agents.length, closers);
  const started = Date.now() - 86_400_000;
  const turns = agents.map(() => 0);
  return {
    name: 'quotes', loops: agents.length, ready: () => clients.open(),
    async cycle(loop) {
      const turn = turns[loop] ?? 0;
      turns[loop] = turn + 1;
      const item = { symbol: `Q${turn % 10}`, bid: '1.10421', ask: '1.10433', quotedAt: new Date(started + turn).toISOString() };
      const answer = await clients.at(loop).request('POST', '/api/v1/quotes', bearer(agents[loop]?.apiKey ?? ''), { items: [item] });
      if (answer.status !== 200 || !answer.body.includes('"stored":true')) throw new Error(`a quote was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
    },
  };
}

async function verify(...databases: BenchDatabase[]): Promise<string> {
  const counts = await Promise.all(databases.map(async (database) => (await database.query<{ rows: number }>('select count(*)::int as rows from snapshot_market'))[0]?.rows ?? NaN));
  if (counts.some((rows) => rows % BATCH !== 0)) throw new Error(`half a batch was stored: ${counts.join(', ')}`);
  return `${counts.map((rows) => rows.toLocaleString('en-US')).join(' candles came over HTTP and ')} by COPY; each batch is there whole.`;
}

function report(pairs: Pair[], rounds: number, verified: string): Report {
  const rates = (measured: Measured[], rows: number) => measured.map(({ perSecond }) => perSecond * rows);
  const share = (measured: Measured[]) => shareText(medianShare(measured.map((each) => each.share)));
  return {
    rows: pairs.map(({ what, peer, rows, measured: [ours, theirs] }): Row => {
      const ratio = ratiosOf(rates(ours, rows), rates(theirs, rows));
      return { what, ours: rateText(median(rates(ours, rows))), peer: `${peer} ${rateText(median(rates(theirs, rows)))}`, ratio: ratioText(ratio), bar: `≥ ${BAR}`, passed: ratio.median >= BAR };
    }),
    notes: [
      `Rows a second. Candles are new ones, a minute after the other, into ${MONTHS} months; COPY goes into the same table of another database, ${BATCH} rows a statement, by as many connections, as the superuser and without an answer for each row.`,
      `A batch of marks is one of each of ${BATCH} open trades of its agent; the trades follow with their highs and lows, which COPY leaves out.`,
      'Without the database: the application with two functions replaced, so that a known key and a quote are answered from memory ([quotes-without-database.ts](quotes-without-database.ts)).',
      ...pairs.map(({ what, measured: [ours, theirs] }) => `Processor time, ${what}: ${share(ours)}; compared: ${share(theirs)}.`),
      `${verified} ${rounds} rounds, in turn.`,
    ],
  };
}
