import pg from 'pg';
import { type Measured, processorMsOf, rounds } from './contenders.js';
import type { BenchDatabase } from './database-server.js';
import { makeAgents, operators, poolOf } from './fixtures.js';
import { ownSql } from './own-sql.js';
import { median, ratiosOf, type Spread } from './percentiles.js';
import { PgBossPeer } from './pg-boss-peer.js';
import { medianShare, processorTime } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden } from './server-process.js';
import { sqlBeforeMerging } from './sql-before-merging.js';
import { msText, rateText, ratioText, type Row, shareText } from './table.js';
import { TradewardenClients } from './tradewarden-cycle.js';

const FEW = 16;
const MANY = 64;
const OPERATORS = 4;
const BARS = { boss: 2, unmerged: 1.5 };

const NAMES = { few: `${FEW} clients`, many: `${MANY} clients`, oneQueue: 'one queue', queues: 'a queue for each', ownSql: 'own SQL', plain: 'before merging', named: 'before merging, named' };

/** Enqueue, lease, complete: against pg-boss in process, and against the server's own statements sent one by one. */
export async function commandCycle(bench: Bench): Promise<Report> {
  const database = await bench.databases.newDatabase('cycle');
  const server = await startTradewarden(bench.databases.folder, database);
  const { max: poolSize } = await poolOf(server.base);
  const agents = await makeAgents(server.base, MANY);
  const clients = new TradewardenClients(server.base, agents);
  const boss = await PgBossPeer.start(database.ownerUrl, poolSize);
  const pool = new pg.Pool({ connectionString: database.url, max: poolSize, application_name: 'bench-unmerged' });
  try {
    clients.tokens = await operators(server.base, OPERATORS);
    const contenders = [
      clients.contender(NAMES.few, FEW),
      await boss.contender(NAMES.oneQueue, FEW, () => 'bench'),
      await boss.contender(NAMES.queues, FEW, (loop) => `bench-${loop}`),
      clients.contender(NAMES.many, MANY),
      ownSql(NAMES.ownSql, pool, agents, clients.tokens),
      sqlBeforeMerging(NAMES.plain, pool, false, agents, clients.tokens),
      sqlBeforeMerging(NAMES.named, pool, true, agents, clients.tokens),
    ];
    const look = () => processorTime(server.pid, bench.databases.pid);
    const renew = async () => void (clients.tokens = await operators(server.base, OPERATORS));
    bench.say('cycle: warming up');
    const warm = await rounds(contenders, 1, bench.quick ? 0.5 : 5, look, renew);
    const measured = await rounds(contenders, bench.rounds, bench.quick ? 1 : 10, look, async (round) => {
      bench.say(`cycle: round ${round + 1} of ${bench.rounds}`);
      await renew();
    });
    const done = [warm, measured].flatMap((each) => [NAMES.few, NAMES.many, NAMES.ownSql, NAMES.plain, NAMES.named].flatMap((name) => each.get(name) ?? []));
    const checked = await verify(database, done.reduce((sum, { cycles }) => sum + cycles, 0));
    return report(measured, poolSize, checked);
  } finally {
    clients.close();
    await boss.stop();
    await pool.end();
    await server.stop();
    await database.close();
  }
}

/** Every command that was queued succeeded, at its first attempt, and the event log says so once. */
async function verify(database: BenchDatabase, cycles: number): Promise<string> {
  const [counts] = await database.query<Record<string, number>>(`
    select (select count(*)::int from agent_commands) as commands,
      (select count(*)::int from agent_commands where status = 'succeeded' and attempt = 1) as succeeded,
      (select count(*)::int from command_attempts where outcome = 'succeeded') as attempts,
      (select count(distinct subject_id)::int from events where type = 'command.succeeded') as told,
      (select count(*)::int from events where type = 'command.succeeded') as events,
      (select count(*)::int from idempotency_keys where status = 201 and body ? 'payload') as keys`);
  const wrong = Object.entries(counts ?? {}).filter(([, count]) => count !== cycles);
  if (!counts || wrong.length > 0) throw new Error(`${cycles} cycles were made, but ${wrong.map(([name, count]) => `${name}: ${count}`).join(', ')}`);
  return `${cycles.toLocaleString('en-US')} commands were queued over HTTP and by own SQL; each succeeded exactly once, at its first attempt, with its events and its key stored.`;
}

function report(measured: Map<string, Measured[]>, poolSize: number, checked: string): Report {
  const rates = (name: string) => (measured.get(name) ?? []).map(({ perSecond }) => perSecond);
  const better = (one: string, other: string) => (median(rates(one)) >= median(rates(other)) ? one : other);
  const shares = (name: string) => {
    const each = measured.get(name) ?? [];
    return `${shareText(medianShare(each.map(({ share }) => share)))}, ${msText(median(each.map(processorMsOf)))} for a cycle`;
  };
  const [boss, before] = [better(NAMES.oneQueue, NAMES.queues), better(NAMES.plain, NAMES.named)];
  const rateOf = (name: string) => rateText(median(rates(name)));
  const row = (what: string, ours: string, peer: string, peerText: string, bar: number | null): Row => {
    const ratio: Spread = ratiosOf(rates(ours), rates(peer));
    return {
      what, ours: rateOf(ours), peer: `${peerText} ${rateOf(peer)}`, ratio: ratioText(ratio),
      bar: bar === null ? '' : `≥ ${bar}`, passed: bar === null ? null : ratio.median >= bar,
    };
  };
  return {
    rows: [
      row(`command cycle, ${FEW} clients`, NAMES.few, boss, `pg-boss, ${FEW} loops, ${boss}`, BARS.boss),
      row(`command cycle, ${MANY} clients`, NAMES.many, NAMES.ownSql, `own SQL unmerged, ${MANY} loops`, BARS.unmerged),
      row('the same', NAMES.many, before, 'own SQL as it was before merging', BARS.unmerged),
    ],
    notes: [
      'A cycle is enqueue, lease, complete: three HTTP requests with an Idempotency-Key, key or session look-up, attempts and events; for pg-boss `send`, `fetch`, `complete` in process, without any of these.',
      `pg-boss at its defaults with a pool of ${poolSize} connections, as large as ours: one queue for all ${rateOf(NAMES.oneQueue)}, a queue for each loop ${rateOf(NAMES.queues)}; the better one counts.`,
      `Own SQL unmerged: the very statements of the server, of its own repositories, each for one row, by raw pg with ${poolSize} connections, prepared as the server prepares them ([own-sql.ts](own-sql.ts)): three requests a cycle, and the look-ups of session and key as often as the server makes them.`,
      `As it was before merging: the statements that one request sent then, with their transactions, 19 requests a cycle ([sql-before-merging.ts](sql-before-merging.ts)); ${rateOf(NAMES.plain)}, and ${rateOf(NAMES.named)} with prepared statements; the better one counts.`,
      `Processor time: ${FEW} clients: ${shares(NAMES.few)}; pg-boss: ${shares(boss)}; ${MANY} clients: ${shares(NAMES.many)}; own SQL unmerged: ${shares(NAMES.ownSql)}; before merging: ${shares(before)}.`,
      checked,
    ],
  };
}
