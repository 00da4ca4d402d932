import { setTimeout as pause } from 'node:timers/promises';
import { bearer, type BenchAgent } from './fixtures.js';
import { HttpConnection } from './http-client.js';

export interface Delivered {
  id: string;
  agentId: string;
  payload: { n: number };
  leaseToken: string;
}

export interface PollingOptions {
  /** Seconds that a poll waits at the server. */
  waitSeconds: number;
  /** How long an agent works on a command before it says that it is done. */
  workMs: number;
  /** Called the moment an answer with a command has been read. */
  onDelivered: (command: Delivered, at: number) => void;
  onFailed: (error: Error) => void;
  /** Called as soon with what an answer tells the agent to be (`active`, `halted`, …), repeated or not. */
  onTold?: (agentId: string, state: string, at: number) => void;
}

/** Agents that wait in long polls, each on a connection of its own, and complete what they get. */
export class PollingAgents {
  /** Polls that were answered without a command. */
  empty = 0;
  private readonly connections: HttpConnection[] = [];
  private readonly running: Promise<void>[] = [];
  private stopping = false;

  constructor(
    private readonly base: string,
    private readonly options: PollingOptions,
  ) {}

  /** Starts them one after the other, evenly over `seconds`, so that their polls end as evenly. */
  async start(agents: readonly BenchAgent[], seconds: number): Promise<void> {
    const began = performance.now();
    for (const [i, agent] of agents.entries()) {
      const early = began + (1000 * seconds * i) / agents.length - performance.now();
      if (early > 1) await pause(early);
      const connection = await HttpConnection.open(this.base);
      this.connections.push(connection);
      this.running.push(this.poll(connection, agent).catch((error: Error) => {
        if (!this.stopping) this.options.onFailed(error);
      }));
    }
  }

  /** Cuts the polls. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const connection of this.connections) connection.close();
    await Promise.all(this.running);
  }

  private async poll(connection: HttpConnection, { id, apiKey }: BenchAgent): Promise<void> {
    const key = bearer(apiKey);
    while (!this.stopping) {
      const answer = await connection.request('POST', '/api/v1/agents/me/commands/lease', key, { max: 1, waitSeconds: this.options.waitSeconds });
      const at = performance.now();
      if (answer.status !== 200) throw new Error(`a poll was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
      const { commands, desiredState } = JSON.parse(answer.body) as { commands: Delivered[]; desiredState: { state: string } };
      this.options.onTold?.(id, desiredState.state, at);
      if (commands.length === 0) this.empty += 1;
      for (const command of commands) {
        this.options.onDelivered({ ...command, agentId: id }, at);
        if (this.options.workMs > 0) await pause(this.options.workMs);
        const done = await connection.request('POST', `/api/v1/commands/${command.id}/complete`, key, { leaseToken: command.leaseToken, result: { done: true } });
        if (done.status !== 200) throw new Error(`a command was not completed, ${done.status}: ${done.body.slice(0, 300)}`);
      }
    }
  }
}
