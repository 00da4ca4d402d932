import { setTimeout as pause } from 'node:timers/promises';
import { ask, bearer, type BenchAgent, makeAgents, operators, signIn } from './fixtures.js';
import { HttpConnection } from './http-client.js';
import { median, percentile, spreadOf } from './percentiles.js';
import { PollingAgents } from './polling-agents.js';
import { processorTime, shareBetween } from './processor-time.js';
import type { Bench, Report } from './scenario.js';
import { startTradewarden } from './server-process.js';
import { msText, type Row, shareText } from './table.js';

const BAR_MS = 1_000;
const TOLD_WITHIN_MS = 30_000;
/** A person's token is good for 15 minutes. */
const SIGN_IN_EVERY = 50;

/** The 99th percentile of how long the last one waits needs a hundred halts to say anything. */
const SIZES = {
  full: { agents: 1_000, waitSeconds: 25, haltsEachRound: 20, quietMs: 1_000 },
  quick: { agents: 1_000, waitSeconds: 10, haltsEachRound: 3, quietMs: 500 },
};

interface Halted {
  /** Milliseconds from the request until each of the agents was told. */
  told: number[];
  /** Until the request itself was answered. */
  answered: number;
  /** Until nothing that was queued before was left on any account, as far as asking every 50 ms tells. */
  effective: number;
  /** From the request to release until the last one was told that. */
  released: number;
}

/** One click while a thousand agents wait: from the request until the last of them knows. */
export async function killSwitch(bench: Bench): Promise<Report> {
  const sizes = bench.quick ? SIZES.quick : SIZES.full;
  const database = await bench.databases.newDatabase('kill_switch');
  const server = await startTradewarden(bench.databases.folder, database);
  bench.say(`kill-switch: making ${sizes.agents} agents`);
  const agents = await makeAgents(server.base, sizes.agents);
  const crowd = new Crowd(agents);
  const polls = new PollingAgents(server.base, {
    waitSeconds: sizes.waitSeconds, workMs: 0, onDelivered: ({ id }) => crowd.fail(new Error(`command ${id} came from nowhere`)), onFailed: (error) => crowd.fail(error),
    onTold: (agentId, state, at) => crowd.told(agentId, state, at),
  });
  try {
    bench.say(`kill-switch: ${sizes.agents} polls come in over ${sizes.waitSeconds} s`);
    await polls.start(agents, sizes.waitSeconds);
    const count = bench.rounds * sizes.haltsEachRound;
    const before = processorTime(server.pid, bench.databases.pid);
    const halts: Halted[] = [];
    let people = { operator: '', admin: '' };
    // The first one is what compiles the code: not counted.
    for (let n = -1; n < count; n++) {
      if ((n + 1) % SIGN_IN_EVERY === 0) people = { operator: bearer((await operators(server.base, 1))[0] ?? ''), admin: bearer(await signIn(server.base)) };
      if (n % sizes.haltsEachRound === 0) bench.say(`kill-switch: ${n} of ${count} halts`);
      await pause(sizes.quietMs);
      const halted = await haltOnce(server.base, crowd, people);
      if (n >= 0) halts.push(halted);
    }
    const share = shareText(shareBetween(before, processorTime(server.pid, bench.databases.pid)));
    return report(sizes, halts, share);
  } finally {
    await polls.stop();
    await server.stop();
    await database.close();
  }
}

/** Who has been told what. */
class Crowd {
  private state = '';
  private readonly at = new Map<string, number>();
  private failure: Error | null = null;

  constructor(private readonly agents: readonly BenchAgent[]) {}

  expect(state: string): void {
    this.state = state;
    this.at.clear();
  }

  told(agentId: string, state: string, at: number): void {
    if (state === this.state && !this.at.has(agentId)) this.at.set(agentId, at);
  }

  fail(error: Error): void {
    this.failure ??= error;
  }

  /** When each of them was told what is expected. */
  async all(): Promise<number[]> {
    for (const until = performance.now() + TOLD_WITHIN_MS; this.at.size < this.agents.length; await pause(20)) {
      if (this.failure) throw this.failure;
      if (performance.now() > until) throw new Error(`${this.agents.length - this.at.size} agents were not told "${this.state}" within ${TOLD_WITHIN_MS / 1000} s`);
    }
    return [...this.at.values()];
  }
}

/** 202 where it has not taken effect on every account within a second; in force it is by then. */
async function impose(base: string, operator: string): Promise<{ id: string }> {
  const connection = await HttpConnection.open(base);
  try {
    const answer = await connection.request('POST', '/api/v1/kill-switch', operator, { scope: { type: 'global' }, mode: 'halt', reason: 'bench' });
    if (answer.status !== 201 && answer.status !== 202) throw new Error(`POST /kill-switch answered ${answer.status}: ${answer.body.slice(0, 500)}`);
    return JSON.parse(answer.body) as { id: string };
  } finally {
    connection.close();
  }
}

async function whenEffective(base: string, operator: string, id: string): Promise<number> {
  for (const until = performance.now() + TOLD_WITHIN_MS; performance.now() < until; await pause(50)) {
    const { effectiveAt } = await ask<{ effectiveAt: string | null }>(base, 'GET', `/api/v1/kill-switch/${id}`, 200, operator);
    if (effectiveAt !== null) return performance.now();
  }
  throw new Error(`halt ${id} did not take effect`);
}

async function haltOnce(base: string, crowd: Crowd, { operator, admin }: { operator: string; admin: string }): Promise<Halted> {
  crowd.expect('halted');
  const began = performance.now();
  const { id } = await impose(base, operator);
  const answered = performance.now() - began;
  const told = (await crowd.all()).map((at) => at - began);
  const effective = await whenEffective(base, operator, id);
  crowd.expect('active');
  const ends = performance.now();
  await ask(base, 'POST', `/api/v1/kill-switch/${id}/release`, 200, admin, { reason: 'bench', confirm: 'RELEASE' });
  return { told, answered, effective: effective - began, released: Math.max(...(await crowd.all())) - ends };
}

function report(sizes: (typeof SIZES)['full'], halts: Halted[], share: string): Report {
  const last = halts.map(({ told }) => Math.max(...told));
  const each = halts.flatMap(({ told }) => told);
  const p99 = percentile(last, 0.99);
  const agents = sizes.agents.toLocaleString('en-US');
  const spread = (values: readonly number[]) => {
    const { median: middle, least, most } = spreadOf(values);
    return `${msText(middle)} (${msText(least)} to ${msText(most)})`;
  };
  const row = (what: string, ours: string, bar = '', passed: boolean | null = null): Row => ({ what, ours, peer: '', ratio: '', bar, passed });
  return {
    rows: [
      row(`kill switch, until the last of ${agents} is told, p50`, msText(median(last))),
      row('the same, p99', msText(p99), `< ${BAR_MS / 1000} s`, p99 < BAR_MS),
      row('the same, most', msText(Math.max(...last))),
    ],
    notes: [
      `${halts.length} times a halt of everything by POST /kill-switch while ${agents} agents wait in polls of ${sizes.waitSeconds} s, released when all know; from before the request until an agent has read its poll's answer with desiredState \`halted\`. Each agent on an account of its own.`,
      `Of all agents: p50 ${msText(percentile(each, 0.5))}, p99 ${msText(percentile(each, 0.99))}. The request itself was answered after ${spread(halts.map(({ answered }) => answered))}, and had taken effect on every account after ${spread(halts.map(({ effective }) => effective))}; after a release the last one knew in ${spread(halts.map(({ released }) => released))}.`,
      `Processor time, with releases and pauses: ${share}.`,
    ],
  };
}
