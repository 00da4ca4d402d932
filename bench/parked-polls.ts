import { setTimeout as pause } from 'node:timers/promises';
import type { BenchDatabase } from './database-server.js';
import { Enqueuers } from './enqueuers.js';
import { type BenchAgent, makeAgents, operators, poolOf, type PoolNumbers } from './fixtures.js';
import { median, percentile, spreadOf } from './percentiles.js';
import { type Delivered, PollingAgents } from './polling-agents.js';
import { openFilesMost, processorTime, residentBytes, shareBetween } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden, type TradewardenProcess } from './server-process.js';
import { shareText, type Row } from './table.js';
import { measure } from './contenders.js';
import { TradewardenClients } from './tradewarden-cycle.js';

const SENDERS = 64;
/** What an agent takes to do a command: the completions of a woken crowd come after it was woken. */
const WORK_MS = 3_000;
const WOKEN_WITHIN_MS = 30_000;
const BARS = { connections: 2, corePercent: 12, kB: 60, wakeMs: 1_000 };

/** 25 s is the longest that a poll may wait. The quick one waits less, so that its polls too end and begin all the time. */
const SIZES = {
  full: { polls: 5_000, woken: 1_000, waitSeconds: 25, quietSeconds: 60, settleSeconds: 15 },
  quick: { polls: 500, woken: 100, waitSeconds: 5, quietSeconds: 5, settleSeconds: 2 },
};
type Sizes = (typeof SIZES)['full'];

interface Quiet {
  corePercent: number;
  /** Connections of the application that were not idle, in each sample. */
  inUse: number[];
  open: number[];
  residentBytes: number[];
  /** `active` and `waiting` of /health, at the end. */
  pool: PoolNumbers;
  share: string;
  polls: number;
}

interface Wake {
  /** Milliseconds to the last delivery, from the first command sent, from the first and from the last one answered. */
  fromFirstSent: number;
  fromFirstQueued: number;
  fromLastQueued: number;
}

/** Thousands of agents that wait: what they hold, what they cost, and how fast a crowd of them is woken. */
export async function parkedPolls(bench: Bench): Promise<Report> {
  const sizes = bench.quick ? SIZES.quick : SIZES.full;
  const database = await bench.databases.newDatabase('parked');
  bench.say(`parked: making ${sizes.polls} agents`);
  const agents = await agentsOfBefore(bench, database, sizes.polls);
  const server = await startTradewarden(bench.databases.folder, database);
  mustOpen(server.pid, sizes.polls);
  await warmUp(bench, server, agents);
  const idle = await residentSamples(server.pid, sizes.settleSeconds);
  const crowd = new Crowd();
  const polls = new PollingAgents(server.base, {
    waitSeconds: sizes.waitSeconds, workMs: WORK_MS, onDelivered: (command, at) => crowd.delivered(command, at), onFailed: (error) => crowd.fail(error),
  });
  try {
    bench.say(`parked: ${sizes.polls} polls come in over ${sizes.waitSeconds} s`);
    await polls.start(agents, sizes.waitSeconds);
    await pause(1000 * sizes.settleSeconds);
    crowd.check();
    bench.say(`parked: quiet for ${sizes.quietSeconds} s`);
    const quiet = await watch(bench, server, database, polls, sizes.quietSeconds);
    crowd.check();
    const wakes = await wakeAgainAndAgain(bench, server, crowd, agents, sizes);
    const checked = await verify(database, bench.rounds * sizes.woken, crowd);
    return report(sizes, median(idle), quiet, wakes, checked);
  } finally {
    await polls.stop();
    await server.stop();
    await database.close();
  }
}

/** A limit that is met in the middle would look like a fault of the server. */
function mustOpen(pid: number, polls: number): void {
  for (const most of [openFilesMost(pid), openFilesMost(process.pid)]) {
    if (most !== null && most < polls + 200) throw new Error(`${polls} polls need as many open files, and the limit is ${most}: raise it with "ulimit -n ${polls + 1_000}"`);
  }
}

/** By a server that has ended then: thousands of agents are not made while others wait, and the memory for it would hide what polls take. */
async function agentsOfBefore(bench: Bench, database: BenchDatabase, count: number): Promise<BenchAgent[]> {
  const server = await startTradewarden(bench.databases.folder, database);
  const agents = await makeAgents(server.base, count);
  await server.stop();
  return agents;
}

/** What any server has done before: all code compiled, the pool opened. No poll has waited yet. */
async function warmUp(bench: Bench, server: TradewardenProcess, agents: BenchAgent[]): Promise<void> {
  const few = agents.slice(0, SENDERS);
  const clients = new TradewardenClients(server.base, few);
  clients.tokens = await operators(server.base, 4);
  await measure(clients.contender('warm', few.length), bench.quick ? 1 : 10, () => processorTime(server.pid, bench.databases.pid));
  clients.close();
}

async function residentSamples(pid: number, seconds: number): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < seconds * 2; i++) {
    await pause(500);
    samples.push(residentBytes(pid));
  }
  // The first half is still the warm-up's.
  return samples.slice(samples.length >> 1);
}

async function watch(bench: Bench, server: TradewardenProcess, database: BenchDatabase, polls: PollingAgents, seconds: number): Promise<Quiet> {
  const look = () => processorTime(server.pid, bench.databases.pid);
  const [before, emptyBefore] = [look(), polls.empty];
  const seen: Pick<Quiet, 'inUse' | 'open' | 'residentBytes'> = { inUse: [], open: [], residentBytes: [] };
  while (performance.now() < before.at + 1000 * seconds) {
    const [row] = await database.query<{ used: number; open: number }>(`
      select count(*) filter (where state <> 'idle')::int as used, count(*)::int as open
      from pg_stat_activity where datname = current_database() and application_name like 'tradewarden%'`);
    seen.inUse.push(row?.used ?? NaN);
    seen.open.push(row?.open ?? NaN);
    seen.residentBytes.push(residentBytes(server.pid));
    await pause(100);
  }
  const share = shareBetween(before, look());
  return { ...seen, corePercent: share.server, pool: await poolOf(server.base), share: shareText(share), polls: polls.empty - emptyBefore };
}

/** Who has been woken. */
class Crowd {
  private readonly at = new Map<number, number>();
  private twice = 0;
  private failure: Error | null = null;

  delivered({ payload: { n } }: Delivered, at: number): void {
    if (this.at.has(n)) this.twice += 1;
    else this.at.set(n, at);
  }

  fail(error: Error): void {
    this.failure ??= error;
  }

  /** @throws what has gone wrong in the background */
  check(): void {
    if (this.failure) throw this.failure;
    if (this.twice > 0) throw new Error(`${this.twice} commands were delivered twice`);
  }

  get count(): number {
    return this.at.size;
  }

  /** When the last of these numbers was delivered. */
  async last(numbers: number[]): Promise<number> {
    const until = performance.now() + WOKEN_WITHIN_MS;
    for (;;) {
      this.check();
      const times = numbers.map((n) => this.at.get(n));
      if (!times.includes(undefined)) return Math.max(...(times as number[]));
      if (performance.now() > until) throw new Error(`${times.filter((at) => at === undefined).length} commands were not delivered within ${WOKEN_WITHIN_MS / 1000} s`);
      await pause(20);
    }
  }
}

async function wakeAgainAndAgain(bench: Bench, server: TradewardenProcess, crowd: Crowd, agents: BenchAgent[], sizes: Sizes): Promise<Wake[]> {
  const wakes: Wake[] = [];
  const tokens = await operators(server.base, 4);
  for (let round = 0; round < bench.rounds; round++) {
    bench.say(`parked: waking ${sizes.woken}, round ${round + 1} of ${bench.rounds}`);
    const senders = new Enqueuers(server.base, SENDERS);
    senders.tokens = tokens;
    await senders.open();
    wakes.push(await wake(crowd, senders, agents, round * sizes.woken, sizes.woken));
    senders.close();
    await pause(WORK_MS + 1000 * sizes.settleSeconds);
  }
  return wakes;
}

/** One command for each of these agents, queued over HTTP as fast as the senders can. */
async function wake(crowd: Crowd, senders: Enqueuers, agents: BenchAgent[], from: number, count: number): Promise<Wake> {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const firstSent = performance.now();
  const answered = await Promise.all(numbers.map(async (n) => {
    await senders.enqueue(agents[n % agents.length]?.id ?? '', n);
    return performance.now();
  }));
  const last = await crowd.last(numbers);
  return { fromFirstSent: last - firstSent, fromFirstQueued: last - Math.min(...answered), fromLastQueued: last - Math.max(...answered) };
}

async function verify(database: BenchDatabase, commands: number, crowd: Crowd): Promise<string> {
  crowd.check();
  const [row] = await database.query<{ done: number }>(`
    select count(*)::int as done from agent_commands where payload ? 'n' and payload ->> 'note' is null and status = 'succeeded' and attempt = 1`);
  if (crowd.count !== commands || row?.done !== commands) throw new Error(`${commands} were woken, ${crowd.count} delivered, ${row?.done} completed`);
  return `${commands} commands were queued, delivered once and completed at their first attempt.`;
}

function report(sizes: Sizes, idleBytes: number, quiet: Quiet, wakes: Wake[], checked: string): Report {
  const kB = (bytes: number) => (bytes - idleBytes) / sizes.polls / 1000;
  const resident = kB(median(quiet.residentBytes));
  const used = Math.max(...quiet.inUse);
  const seconds = (of: keyof Wake) => {
    const { median: middle, least, most } = spreadOf(wakes.map((each) => each[of] / 1000));
    return `${middle.toFixed(2)} s (${least.toFixed(2)} to ${most.toFixed(2)})`;
  };
  const row = (what: string, ours: string, bar: string, passed: boolean): Row => ({ what, ours, peer: '', ratio: '', bar, passed });
  const polls = `${sizes.polls.toLocaleString('en-US')} polls`;
  return {
    rows: [
      row(`${polls}, connections in use`, `${used} at most`, `≤ ${BARS.connections}`, used <= BARS.connections),
      row(`${polls}, processor`, `${quiet.corePercent.toFixed(1)} % of a core`, `≤ ${BARS.corePercent} %`, quiet.corePercent <= BARS.corePercent),
      row(`${polls}, resident memory for each`, `${resident.toFixed(1)} kB`, `≤ ${BARS.kB} kB`, resident <= BARS.kB),
      row(`waking ${sizes.woken.toLocaleString('en-US')} at once, until all have it`, seconds('fromFirstQueued'), `≤ ${BARS.wakeMs / 1000} s`, median(wakes.map((each) => each.fromFirstQueued)) <= BARS.wakeMs),
    ],
    notes: [
      `Agents poll for ${sizes.waitSeconds} s again and again, evenly spread: ${(quiet.polls / sizes.quietSeconds).toFixed(0)} polls a second end and begin. Watched for ${sizes.quietSeconds} s.`,
      `Connections not idle, of ${Math.max(...quiet.open)} open (one of them listens), in ${quiet.inUse.length} looks at pg_stat_activity: p50 ${percentile(quiet.inUse, 0.5)}, p99 ${percentile(quiet.inUse, 0.99)}, most ${used}; /health at the end: ${quiet.pool.active} active, ${quiet.pool.waiting} waiting.`,
      `Resident: the median of that time less the median before any poll (${(idleBytes / 1e6).toFixed(0)} MB after ten seconds of the command cycle); the peak would make it ${kB(Math.max(...quiet.residentBytes)).toFixed(1)} kB.`,
      `Waking: one command each, queued over HTTP by ${SENDERS} connections, from the first one answered to the last one delivered; from the first one sent ${seconds('fromFirstSent')}, from the last one answered ${seconds('fromLastQueued')}. The agents complete them ${WORK_MS / 1000} s later.`,
      `Processor time while quiet: ${quiet.share}.`,
      checked,
    ],
  };
}
