import { setTimeout as pause } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { BenchDatabase } from './database-server.js';
import { Enqueuers } from './enqueuers.js';
import { makeAgents, operators } from './fixtures.js';
import { percentile, ratiosOf, spreadOf } from './percentiles.js';
import { PollingAgents } from './polling-agents.js';
import { medianShare, type ProcessorShare, processorTime, shareBetween } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden } from './server-process.js';
import { msText, ratioText, type Row, shareText } from './table.js';

const CONCURRENCY = 16;
const PER_SECOND = 50;
const WARM_UP_PER_SECOND = 100;
/** Agents that wait longer than a round takes would hide that a poll has to be made anew; the server's limit is 25 s. */
const WAIT_SECONDS = 25;
/** A machine that is busy with other things may be far behind; this is no bar. */
const ARRIVE_WITHIN_MS = 60_000;
/** No worse. */
const BAR = 1;

/** Takes a numbered job; `arrived` is told when somebody has it. */
interface Courier {
  name: string;
  send(n: number): Promise<void>;
  stop(): Promise<void>;
}

interface Round {
  /** Milliseconds from before the call that queues to the moment the receiver has it. */
  delivery: number[];
  /** Milliseconds until the call that queues has returned. */
  queued: number[];
  share: ProcessorShare;
}

/** From queueing to a waiting receiver: an agent's long poll beside a worker of graphile-worker. */
export async function delivery(bench: Bench): Promise<Report> {
  const database = await bench.databases.newDatabase('delivery');
  const server = await startTradewarden(bench.databases.folder, database);
  const journal = new Journal();
  const couriers = [await tradewarden(server.base, journal), await graphileWorker(database, journal)];
  try {
    const look = () => processorTime(server.pid, bench.databases.pid);
    const results = new Map<string, Round[]>(couriers.map(({ name }) => [name, []]));
    for (const courier of couriers) await send(courier, journal, WARM_UP_PER_SECOND, bench.quick ? 1 : 5, look);
    for (let round = 0; round < bench.rounds; round++) {
      bench.say(`delivery: round ${round + 1} of ${bench.rounds}`);
      for (const courier of round % 2 === 0 ? couriers : couriers.toReversed()) {
        results.get(courier.name)?.push(await send(courier, journal, PER_SECOND, bench.quick ? 2 : 20, look));
      }
    }
    const [ours, theirs] = couriers.map(({ name }) => results.get(name) ?? []);
    return report(ours ?? [], theirs ?? [], await verify(database, journal));
  } finally {
    for (const courier of couriers) await courier.stop();
    await server.stop();
    await database.close();
  }
}

/** When each number was sent and when it arrived, in milliseconds of this process. */
class Journal {
  readonly sentAt: number[] = [];
  readonly arrivedAt: number[] = [];
  twice = 0;

  arrived(n: number, at: number): void {
    if (this.arrivedAt[n] !== undefined) this.twice += 1;
    this.arrivedAt[n] ??= at;
  }
}

/** One at a time at this rate, with random gaps: a beat could meet a timer of the receiver, always or never. */
async function send(courier: Courier, journal: Journal, perSecond: number, seconds: number, look: () => ReturnType<typeof processorTime>): Promise<Round> {
  const before = look();
  const first = journal.sentAt.length;
  const queued: Promise<number>[] = [];
  let next = performance.now();
  for (let i = 0; i < perSecond * seconds; i++) {
    next += (1000 / perSecond) * (0.5 + Math.random());
    await pause(Math.max(0, next - performance.now()));
    const n = journal.sentAt.push(performance.now()) - 1;
    const sent = courier.send(n).then(() => performance.now() - (journal.sentAt[n] ?? NaN));
    // Told below, when all have been waited for.
    sent.catch(() => undefined);
    queued.push(sent);
  }
  const until = performance.now() + ARRIVE_WITHIN_MS;
  const missing = () => journal.sentAt.findIndex((_, n) => n >= first && journal.arrivedAt[n] === undefined);
  const queuedMs = await Promise.all(queued);
  while (missing() >= 0) {
    if (performance.now() > until) throw new Error(`${courier.name}: number ${missing()} did not arrive`);
    await pause(20);
  }
  return {
    delivery: journal.sentAt.slice(first).map((sent, i) => (journal.arrivedAt[first + i] ?? NaN) - sent), queued: queuedMs, share: shareBetween(before, look()),
  };
}

async function tradewarden(base: string, journal: Journal): Promise<Courier> {
  const agents = await makeAgents(base, CONCURRENCY);
  const senders = new Enqueuers(base, CONCURRENCY);
  senders.tokens = await operators(base, 1);
  const polls = new PollingAgents(base, {
    waitSeconds: WAIT_SECONDS, workMs: 0, onDelivered: ({ payload: { n } }, at) => journal.arrived(n, at), onFailed: (error) => process.stderr.write(`${error.message}\n`),
  });
  await polls.start(agents, 0);
  return {
    name: 'tradewarden',
    send: (n) => senders.enqueue(agents[n % agents.length]?.id ?? '', n),
    async stop() {
      senders.close();
      await polls.stop();
    },
  };
}

/** As its documentation says: `run` with 16 jobs at a time and a pool of two more; jobs come by `addJob`. The rest has its defaults. */
async function graphileWorker({ ownerUrl }: BenchDatabase, journal: Journal): Promise<Courier> {
  const shared = { connectionString: ownerUrl, logger: new Logger(() => () => undefined) };
  const utils = await makeWorkerUtils(shared);
  await utils.migrate();
  const runner = await run({
    ...shared, concurrency: CONCURRENCY, maxPoolSize: CONCURRENCY + 2, noHandleSignals: true,
    taskList: { bench: (payload) => journal.arrived((payload as { n: number }).n, performance.now()) },
  });
  return {
    name: 'graphile-worker',
    send: async (n) => void (await utils.addJob('bench', { n })),
    async stop() {
      await runner.stop();
      await utils.release();
    },
  };
}

async function verify(database: BenchDatabase, journal: Journal): Promise<string> {
  const [left] = await database.query<{ commands: number; jobs: number }>(`
    select (select count(*)::int from agent_commands where status <> 'succeeded' or attempt <> 1) as commands,
      (select count(*)::int from graphile_worker.jobs) as jobs`);
  if (!left || left.commands > 0 || left.jobs > 0 || journal.twice > 0) {
    throw new Error(`left over: ${JSON.stringify(left)}; delivered twice: ${journal.twice}`);
  }
  return `${journal.sentAt.length.toLocaleString('en-US')} jobs were sent to the two; each arrived once, and none was left over.`;
}

function report(ours: Round[], theirs: Round[], checked: string): Report {
  const each = (rounds: Round[], at: number, of: 'delivery' | 'queued' = 'delivery') => rounds.map((round) => percentile(round[of], at));
  const row = (at: number): Row => {
    const ratio = ratiosOf(each(ours, at), each(theirs, at));
    return {
      what: `enqueue to a waiting poll, p${100 * at}`, ours: msText(spreadOf(each(ours, at)).median), peer: `graphile-worker, addJob to task ${msText(spreadOf(each(theirs, at)).median)}`,
      ratio: ratioText(ratio), bar: `≤ ${BAR}`, passed: ratio.median <= BAR,
    };
  };
  const queued = (rounds: Round[]) => msText(spreadOf(each(rounds, 0.5, 'queued')).median);
  return {
    rows: [row(0.5), row(0.99)],
    notes: [
      `${PER_SECOND} a second, one at a time with random gaps, to ${CONCURRENCY} agents that wait in polls of ${WAIT_SECONDS} s; for graphile-worker to ${CONCURRENCY} workers, pool of ${CONCURRENCY + 2}, otherwise at its defaults. From before the call that queues (HTTP with an Idempotency-Key, or \`addJob\` in process) until the receiver has it.`,
      `The call that queues returns after ${queued(ours)} (p50); \`addJob\` after ${queued(theirs)}.`,
      `Processor time: ${shareText(medianShare(ours.map(({ share }) => share)))}; graphile-worker: ${shareText(medianShare(theirs.map(({ share }) => share)))}.`,
      checked,
    ],
  };
}
