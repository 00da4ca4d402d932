import { randomUUID } from 'node:crypto';
import type { Contender } from './contenders.js';
import { bearer, type BenchAgent } from './fixtures.js';
import { HttpConnection } from './http-client.js';

const PAYLOAD = { note: 'bench', n: 1 };
const RESULT = { done: true };

/** Clients of a Tradewarden server, each with an agent and a connection of its own: queue a command, lease it, complete it. */
export class TradewardenClients {
  /** Access tokens of operators; they run out after 15 minutes. */
  tokens: string[] = [];
  private readonly keys: string[];
  private connections: HttpConnection[] = [];

  constructor(
    private readonly base: string,
    private readonly agents: readonly BenchAgent[],
  ) {
    this.keys = agents.map(({ apiKey }) => bearer(apiKey));
  }

  contender(name: string, loops: number): Contender {
    return { name, loops, ready: () => this.connect(), cycle: (loop) => this.cycle(loop) };
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  /** Anew each time: while others are measured the server closes connections on which nothing is asked for a minute. */
  private async connect(): Promise<void> {
    this.close();
    this.connections = await Promise.all(this.agents.map(() => HttpConnection.open(this.base)));
  }

  private async cycle(loop: number): Promise<void> {
    const connection = this.connections[loop] as HttpConnection;
    const key = this.keys[loop] ?? '';
    const token = this.tokens[loop % this.tokens.length] ?? '';
    const command = { type: 'custom', payload: PAYLOAD };
    await must(201, connection.request('POST', `/api/v1/agents/${this.agents[loop]?.id}/commands`, `${bearer(token)}idempotency-key: ${randomUUID()}\r\n`, command));
    const leased = await must(200, connection.request('POST', '/api/v1/agents/me/commands/lease', key, { max: 1 }));
    const [lease] = (JSON.parse(leased) as { commands: { id: string; leaseToken: string }[] }).commands;
    if (!lease) throw new Error(`nothing was leased: ${leased}`);
    const done = await must(200, connection.request('POST', `/api/v1/commands/${lease.id}/complete`, key, { leaseToken: lease.leaseToken, result: RESULT }));
    if (!done.includes('"status":"succeeded"')) throw new Error(`the command was not completed: ${done}`);
  }
}

async function must(status: number, request: ReturnType<HttpConnection['request']>): Promise<string> {
  const answer = await request;
  if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  return answer.body;
}
