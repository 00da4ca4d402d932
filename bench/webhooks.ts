import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, measure, type Measured } from './contenders.js';
import type { BenchDatabase } from './database-server.js';
import { ask, bearer, signIn } from './fixtures.js';
import { HttpConnection } from './http-client.js';
import { median, percentile, ratiosOf } from './percentiles.js';
import { medianShare, processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden, type TradewardenProcess } from './server-process.js';
import { msText, rateText, ratioText, type Row, shareText } from './table.js';

const CLIENTS = 64;
const BAR = { rate: 0.5, p99Ms: 300, grown: 1.5 };
const SMALL_ROWS = 10_000;
const FILL_BATCH = 250_000;
/** Three of seven alerts are sent once more: of ten requests three are duplicates. */
const REPEATED = { of: 7, times: 3 };
const STUB = join(dirname(fileURLToPath(import.meta.url)), 'webhooks-without-database.js');

/** A server with a source, and what was sent to it. */
interface Side {
  server: TradewardenProcess;
  database: BenchDatabase;
  sourceId: string;
  path: string;
  accepted: number;
  duplicates: number;
}

interface Rounds {
  measured: Measured[];
  /** Milliseconds of each answer, by round. */
  took: number[][];
}

const newRounds = (): Rounds => ({ measured: [], took: [] });

/** Alerts of 64 senders, each stored before it is answered, beside the route that stores nothing; then with duplicates, and on a large table. */
export async function webhooks(bench: Bench): Promise<Report> {
  const rows = bench.rows ?? (bench.quick ? 100_000 : 5_000_000);
  const open: Side[] = [];
  const side = async (name: string, main?: string): Promise<Side> => {
    const made = await openSide(bench, name, main);
    open.push(made);
    return made;
  };
  try {
    const [ours, stub] = [await side('webhooks'), await side('webhooks_stub', STUB)];
    const [small, large] = [await side('webhooks_small'), await side('webhooks_large')];
    await fill(bench, small, SMALL_ROWS);
    await fill(bench, large, rows);
    const results = { ours: newRounds(), stub: newRounds(), repeated: newRounds(), small: newRounds(), large: newRounds() };
    for (let round = -1; round < bench.rounds; round++) {
      bench.say(round < 0 ? 'webhooks: warming up' : `webhooks: round ${round + 1} of ${bench.rounds}`);
      const turns: [Side, Rounds, boolean][] = [[ours, results.ours, false], [stub, results.stub, false], [ours, results.repeated, true], [small, results.small, false], [large, results.large, false]];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await run(bench, round, ...turn);
    }
    const stored = await verify(ours);
    return report(rows, results, stored, ours, bench.rounds);
  } finally {
    for (const { server, database } of open) {
      await server.stop();
      await database.close();
    }
  }
}

async function openSide(bench: Bench, name: string, main?: string): Promise<Side> {
  const database = await bench.databases.newDatabase(name);
  const server = await startTradewarden(bench.databases.folder, database, {}, main);
  const admin = bearer(await signIn(server.base));
  const { id, url } = await ask<{ id: string; url: string }>(server.base, 'POST', '/api/v1/webhook-sources', 201, admin, { name, mapping: 'sigmatrader' });
  return { server, database, sourceId: id, path: new URL(url).pathname, accepted: 0, duplicates: 0 };
}

/** Alerts that were processed, each with its key, past the checks of foreign keys. */
async function fill(bench: Bench, { database, sourceId }: Side, rows: number): Promise<void> {
  for (let from = 0; from < rows; from += FILL_BATCH) {
    const to = Math.min(rows, from + FILL_BATCH);
    if (rows > FILL_BATCH) bench.say(`webhooks: ${to.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} alerts`);
    await database.query(`
      with fast as (select set_config('session_replication_role', 'replica', true)),
      made as (
        insert into alerts (id, source_id, key_kind, body, content_type, symbol, received_at, status, is_exit, signal, next_attempt_at, outcome, finished_at)
        select gen_random_uuid(), $1::uuid, 'explicit', convert_to(repeat('x', 300), 'UTF8'), 'application/json', 'NSE:S' || n % 20, at, 'processed', false,
          '{"intent":"order","side":"long"}', at, '{}', at + interval '1 second'
        from fast, generate_series($2::int, $3::int - 1) n, lateral (select app_clock() - make_interval(secs => $4 - n) as at) times returning id
      ) insert into alert_keys (source_id, key, alert_id) select $1::uuid, encode(sha256(convert_to(id::text, 'UTF8')), 'hex'), id from made`,
    [sourceId, from, to, rows]);
  }
  await database.query('vacuum (analyze) alerts');
  await database.query('vacuum (analyze) alert_keys');
  await database.query('checkpoint');
}

let sent = 0;

const alertOf = (n: number) => ({
  platform: 'TRADINGVIEW', st_user_id: 'bench', strategy_name: 'bench', symbol: `NSE:S${n % 20}`, exchange: 'NSE', interval: '5', alertId: `bench-${20_260_000_000 + n}`,
  trade_details: { order_action: n % 2 ? 'BUY' : 'SELL', quantity: 1, price: 1500.05, product: 'MIS', comment: 'an alert as long as they usually are, with a comment in it' },
});

async function run(bench: Bench, round: number, side: Side, rounds: Rounds, repeats: boolean): Promise<void> {
  const took: number[] = [];
  let clients: HttpConnection[] = [];
  const contender: Contender = {
    name: 'webhooks', loops: CLIENTS,
    ready: async () => void (clients = await Promise.all(Array.from({ length: CLIENTS }, () => HttpConnection.open(side.server.base)))),
    async cycle(loop) {
      const n = ++sent;
      const client = clients[loop] as HttpConnection;
      const first = await post(client, side, n, took);
      if (!repeats || n % REPEATED.of >= REPEATED.times) return;
      const again = await post(client, side, n, took);
      if (again.alertId !== first.alertId || again.status !== 'duplicate') throw new Error(`a duplicate of ${first.alertId} was answered ${JSON.stringify(again)}`);
    },
  };
  const look = () => processorTime(side.server.pid, bench.databases.pid);
  const measured = await measure(contender, bench.quick ? 2 : round < 0 ? 5 : 10, look);
  clients.forEach((client) => client.close());
  if (round < 0) return;
  rounds.measured.push({ ...measured, perSecond: (measured.perSecond * took.length) / measured.cycles });
  rounds.took.push(took);
}

async function post(client: HttpConnection, side: Side, n: number, took: number[]): Promise<{ alertId: string; status: string }> {
  const began = performance.now();
  const answer = await client.request('POST', side.path, '', alertOf(n));
  took.push(performance.now() - began);
  if (answer.status !== 202) throw new Error(`an alert was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
  const body = JSON.parse(answer.body) as { alertId: string; status: string };
  if (body.status === 'duplicate') side.duplicates += 1;
  else side.accepted += 1;
  return body;
}

/** To the last alert, and to the last duplicate. */
async function verify({ database, sourceId, accepted, duplicates }: Side): Promise<string> {
  const count = async () => (await database.query<{ stored: number; repeated: number }>('select count(*)::int as stored, sum(duplicate_count)::int as repeated from alerts where source_id = $1', [sourceId]))[0];
  let found = await count();
  // Of those whose first was just being worked through, the count follows.
  for (let tries = 0; tries < 20 && found?.repeated !== duplicates; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    found = await count();
  }
  if (found?.stored !== accepted || found.repeated !== duplicates) throw new Error(`${accepted} alerts were accepted and ${duplicates} were duplicates; stored are ${found?.stored} and ${found?.repeated}`);
  return `${accepted.toLocaleString('en-US')} alerts were accepted and ${duplicates.toLocaleString('en-US')} were duplicates: as many are stored, and counted.`;
}

function report(rows: number, { ours, stub, repeated, small, large }: Record<'ours' | 'stub' | 'repeated' | 'small' | 'large', Rounds>, stored: string, side: Side, count: number): Report {
  const rates = ({ measured }: Rounds) => measured.map(({ perSecond }) => perSecond);
  const p99 = ({ took }: Rounds) => percentile(took.flat(), 0.99);
  const each99 = ({ took }: Rounds) => took.map((each) => percentile(each, 0.99));
  const share = ({ measured }: Rounds) => shareText(medianShare(measured.map((each) => each.share)));
  const ratio = ratiosOf(rates(ours), rates(stub));
  const grown = { ...ratiosOf(each99(large), each99(small)), median: p99(large) / p99(small) };
  const plain = (what: string, value: number): Row => ({ what, ours: msText(value), peer: '', ratio: '', bar: `< ${BAR.p99Ms} ms`, passed: value < BAR.p99Ms });
  return {
    rows: [
      { what: `distinct alerts, ${CLIENTS} clients`, ours: rateText(median(rates(ours))), peer: `the route without the database ${rateText(median(rates(stub)))}`, ratio: ratioText(ratio), bar: `≥ ${BAR.rate}`, passed: ratio.median >= BAR.rate },
      plain('the same, p99', p99(ours)),
      { what: '30 of a hundred are duplicates', ours: rateText(median(rates(repeated))), peer: '', ratio: '', bar: 'counts exact', passed: true },
      plain('the same, p99', p99(repeated)),
      { what: `p99 with ${rows.toLocaleString('en-US')} processed alerts`, ours: msText(p99(large)), peer: `${SMALL_ROWS.toLocaleString('en-US')} ${msText(p99(small))}`, ratio: ratioText(grown), bar: `≤ ${BAR.grown}`, passed: grown.median <= BAR.grown },
    ],
    notes: [
      `Alerts of ${JSON.stringify(alertOf(1)).length} bytes with an id of their own, to one source that stores them; each is answered when it has committed, and worked through by the same server beside.`,
      'Without the database: the application with two functions replaced, so that a known source is found in memory and nothing is stored ([webhooks-without-database.ts](webhooks-without-database.ts)).',
      `Processor time: ${share(ours)}; without the database: ${share(stub)}.`,
      `${stored} p50 ${msText(percentile(ours.took.flat(), 0.5))}. ${side.database.name}: ${count} rounds, in turn.`,
    ],
  };
}
