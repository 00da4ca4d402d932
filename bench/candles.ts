import type { BenchDatabase } from './database-server.js';
import { bearer, type BenchAgent, makeAgents } from './fixtures.js';
import { HttpConnection } from './http-client.js';
import { percentile, ratiosOf } from './percentiles.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden, type TradewardenProcess } from './server-process.js';
import { msText, ratioText, type Row } from './table.js';

const MONTHS = 24;
/** Of one symbol: nearly all its minutes. */
const ROWS_A_MONTH = 40_000;
const LARGE = { full: 50_000_000, quick: 500_000 };
const SMALL_MOST = 1_000_000;
/** Of 300, the 99th hundredth of a round was three answers: its ratio lay between 0.99 and 1.62 from round to round. */
const ASKS = { full: 1_000, quick: 30 };
const WARM_UP = { full: 50, quick: 10 };
const BAR = 1.5;
const DAY_MS = 86_400_000;

interface Side {
  server: TradewardenProcess;
  database: BenchDatabase;
  agent: BenchAgent;
  rows: number;
  symbols: number;
  /** First days of the months, the oldest first. */
  months: number[];
  asked: number;
}

interface Question {
  what: string;
  query: (side: Side) => string;
  /** Candles that it answers; checked, or an empty answer would be fast. */
  candles: number;
}

const symbolOf = (side: Side) => `S${side.asked % side.symbols}`;
const day = (side: Side) => {
  const from = side.months[(side.asked * 7) % MONTHS] ?? 0;
  return `from=${from}&to=${from + DAY_MS}`;
};

const QUESTIONS: Question[] = [
  { what: 'the latest candle of a symbol and timeframe', query: (side) => `symbol=${symbolOf(side)}&timeframe=M1&limit=1`, candles: 1 },
  { what: 'the latest candle of a symbol', query: (side) => `symbol=${symbolOf(side)}&limit=1`, candles: 1 },
  { what: '200 candles of a day', query: (side) => `symbol=${symbolOf(side)}&timeframe=M1&limit=200&${day(side)}`, candles: 200 },
  { what: 'a symbol of which there is none', query: () => 'symbol=NONE&timeframe=M1&limit=1', candles: 0 },
];

/** Candles of two years when there are millions, beside the same months with a million. */
export async function candles(bench: Bench): Promise<Report> {
  const size = bench.quick ? 'quick' : 'full';
  const rows = bench.rows ?? LARGE[size];
  const small = await open(bench, 'candles_small', Math.min(SMALL_MOST, Math.ceil(rows / 10)));
  const large = await open(bench, 'candles_large', rows);
  try {
    await ask(small, large, WARM_UP[size]);
    const rounds: Answers[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      bench.say(`candles: round ${round + 1} of ${bench.rounds}`);
      rounds.push(await ask(small, large, ASKS[size]));
    }
    return report(small, large, rounds, ASKS[size]);
  } finally {
    for (const { server, database } of [small, large]) {
      await server.stop();
      await database.close();
    }
  }
}

async function open(bench: Bench, name: string, rows: number): Promise<Side> {
  const database = await bench.databases.newDatabase(name);
  const server = await startTradewarden(bench.databases.folder, database);
  const [agent] = await makeAgents(server.base, 1);
  if (!agent) throw new Error('no agent was made');
  const symbols = Math.ceil(rows / (MONTHS * ROWS_A_MONTH));
  const months = await makeMonths(database);
  return { server, database, agent, rows: await fill(bench, database, months, symbols, rows), symbols, months, asked: 0 };
}

/** Up to the present month, as a server has them that runs since two years ago. */
async function makeMonths(database: BenchDatabase): Promise<number[]> {
  const months = await database.query<{ at: string; ms: number }>(`
    select to_char(at, 'YYYY-MM-DD') as at, extract(epoch from at at time zone 'UTC')::float8 * 1000 as ms
    from generate_series(0, $1 - 1) n, lateral (select date_trunc('month', app_clock() at time zone 'UTC') - make_interval(months => $1 - 1 - n) as at) month order by n`, [MONTHS]);
  await database.query(`select ensure_snapshot_months('snapshot_market', $1::date[])`, [months.map(({ at }) => at)]);
  return months.map(({ ms }) => ms);
}

/** Minutes from the first of each month on, as many as there are to be; those of the present month that have not come yet are left out. Past triggers, which take longer than the rest. */
async function fill(bench: Bench, database: BenchDatabase, months: number[], symbols: number, rows: number): Promise<number> {
  const each = Math.ceil(rows / symbols / MONTHS);
  let made = 0;
  for (const [n, from] of months.entries()) {
    const [done] = await database.query<{ made: number }>(`
      with fast as (select set_config('session_replication_role', 'replica', true)), made as (
        insert into snapshot_market (id, captured_at, last_captured_at, symbol, timeframe, frame, open_time, close_time, open, high, low, close, volume)
        select gen_random_uuid(), at + interval '1 minute', at + interval '1 minute', 'S' || s, 'M1', 'M1', at, at + interval '1 minute', 1.1, 1.2, 1.0, 1.15, minute
        from fast, generate_series(0, $3 - 1) minute, generate_series(0, $2 - 1) s, lateral (select to_timestamp($1::float8 / 1000) + make_interval(mins => minute) as at) times
        where at < app_clock() - interval '2 minutes' returning 1
      ) select count(*)::int as made from made`, [from, symbols, each]);
    made += done?.made ?? 0;
    if (rows > LARGE.quick) bench.say(`candles: month ${n + 1} of ${MONTHS}, ${made.toLocaleString('en-US')} rows`);
  }
  await database.query('vacuum (analyze) snapshot_market');
  await database.query('checkpoint');
  return made;
}

/** Milliseconds of each answer of the small and of the large table. */
type Answers = Map<string, [small: number[], large: number[]]>;

/** Every question, asked of the two in turn. */
async function ask(small: Side, large: Side, times: number): Promise<Answers> {
  const sides = [small, large] as const;
  const connections = await Promise.all(sides.map(({ server }) => HttpConnection.open(server.base)));
  const took: Answers = new Map(QUESTIONS.map(({ what }) => [what, [[], []]]));
  for (let i = 0; i < times; i++) {
    for (const question of QUESTIONS) {
      for (const at of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) took.get(question.what)?.[at].push(await one(sides[at], connections[at] as HttpConnection, question));
    }
  }
  for (const connection of connections) connection.close();
  return took;
}

async function one(side: Side, connection: HttpConnection, { what, query, candles: expected }: Question): Promise<number> {
  side.asked += 1;
  const path = `/api/v1/snapshots/market?${query(side)}`;
  const asked = performance.now();
  const { status, body } = await connection.request('GET', path, bearer(side.agent.apiKey));
  const ms = performance.now() - asked;
  const count = status === 200 ? (JSON.parse(body) as { items: unknown[] }).items.length : NaN;
  if (count !== expected) throw new Error(`${what} (${path}) was answered ${status} with ${count} candles: ${body.slice(0, 300)}`);
  return ms;
}

const together = (rounds: readonly Answers[], what: string, at: 0 | 1, fraction: number) => percentile(rounds.flatMap((round) => round.get(what)?.[at] ?? []), fraction);

function report(small: Side, large: Side, rounds: Answers[], asks: number): Report {
  const row = ({ what }: Question): Row => {
    const each = rounds.map((round) => round.get(what) ?? [[], []]);
    const all = (at: 0 | 1) => together(rounds, what, at, 0.99);
    // Of all rounds together: a hundredth of one round is three answers. The rounds say how sure it is.
    const ratio = { ...ratiosOf(each.map(([, many]) => percentile(many, 0.99)), each.map(([few]) => percentile(few, 0.99))), median: all(1) / all(0) };
    return { what: `${what}, p99`, ours: msText(all(1)), peer: `${small.rows.toLocaleString('en-US')} rows ${msText(all(0))}`, ratio: ratioText(ratio), bar: `≤ ${BAR}`, passed: ratio.median <= BAR };
  };
  return {
    rows: QUESTIONS.map(row),
    notes: [
      `Here less is better. ${large.rows.toLocaleString('en-US')} candles of ${large.symbols} symbols in ${MONTHS} months, beside ${small.rows.toLocaleString('en-US')} of ${small.symbols} in the same months; two servers, two databases, one question at a time, asked of the two in turn, ${rounds.length} × ${asks} times, of another symbol and month each time.`,
      `p50: ${QUESTIONS.map(({ what }) => `${what} ${msText(together(rounds, what, 1, 0.5))}, with the fewer rows ${msText(together(rounds, what, 0, 0.5))}`).join('; ')}.`,
    ],
  };
}
