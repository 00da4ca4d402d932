import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, type AgentOptions } from '../agent.js';
import { instrumentFor } from '../instrument.js';
import { randomMarket } from '../market.js';
import type { FakeServer } from './fake-server.js';

export const EURUSD = instrumentFor('EURUSD');

/** Waits for something that is bound to happen, on a busy machine late; says what did not. */
export async function until(what: string, check: () => boolean, withinMs = 300_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const timeoutOfNode = AbortSignal.timeout;
const PATIENCE = 30;

/** Agents on temporary folders, against a fake server, over a seeded market; `cleanUp` stops and removes them all. */
export class TestAgents {
  readonly folder = mkdtempSync(join(tmpdir(), 'agent-'));
  readonly said: string[] = [];
  private readonly runs: { agent: Agent; ended: Promise<unknown> }[] = [];

  constructor(private readonly server: FakeServer) {
    // A machine that stands still for seconds must not look like a server that does not answer.
    AbortSignal.timeout = (ms) => timeoutOfNode.call(AbortSignal, ms * PATIENCE);
  }

  make(change: Partial<AgentOptions> = {}): Agent {
    return new Agent({
      baseUrl: this.server.url,
      apiKey: 'tw_test',
      folder: this.folder,
      instrument: EURUSD,
      market: randomMarket(1, EURUSD, 1_100_000, 60),
      candlesPerSecond: Infinity,
      maxCandles: 600,
      initialBalance: '10000.00',
      say: (line) => this.said.push(line),
      ...change,
    });
  }

  run(agent: Agent): Promise<string> {
    const ended = agent.run();
    this.runs.push({ agent, ended: ended.catch(() => undefined) });
    return ended;
  }

  /** An agent whose market stands still as soon as it holds a position that the server knows. */
  async holding(change: Partial<AgentOptions> = {}): Promise<{ agent: Agent; ended: Promise<string>; tradeId: string }> {
    const options = { candlesPerSecond: Infinity, maxCandles: null, ...change };
    const agent: Agent = this.make({
      ...options,
      onStep: () => {
        if (agent.trader.broker.state.positions.length > 0) agent.pace(0.001);
      },
    });
    const ended = this.run(agent);
    const id = () => agent.trader.broker.state.positions.map((position) => agent.trader.tradeIdOf(position))[0];
    await until('a position that the server knows', () => id() !== undefined && agent.spool.size === 0 && agent.trader.gate.owed.length === 0);
    return { agent, ended, tradeId: id()! };
  }

  /** Resolves when all that were stopped have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.runs.map(({ ended }) => ended));
  }

  async cleanUp(): Promise<void> {
    for (const { agent, ended } of this.runs) {
      agent.stop();
      await ended;
    }
    AbortSignal.timeout = timeoutOfNode;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
