import { randomUUID } from 'node:crypto';
import { bearer } from './fixtures.js';
import { HttpConnection } from './http-client.js';

/** Connections of operators that queue commands: opened when they are needed, so many at most; a command waits for a free one. */
export class Enqueuers {
  /** Access tokens; they run out after 15 minutes. */
  tokens: string[] = [];
  private readonly free: HttpConnection[] = [];
  private readonly waiting: (() => void)[] = [];
  private busy = 0;
  private turn = 0;

  constructor(
    private readonly base: string,
    private readonly most: number,
  ) {}

  /** Opens them all. */
  async open(): Promise<void> {
    while (this.free.length < this.most) this.free.push(await HttpConnection.open(this.base));
  }

  /** Queues a command that carries the number `n`; resolves with its answer. */
  async enqueue(agentId: string, n: number): Promise<void> {
    while (this.busy >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.busy += 1;
    try {
      const connection = await this.take();
      const token = this.tokens[this.turn++ % this.tokens.length] ?? '';
      const headers = `${bearer(token)}idempotency-key: ${randomUUID()}\r\n`;
      const answer = await connection.request('POST', `/api/v1/agents/${agentId}/commands`, headers, { type: 'custom', payload: { n } });
      this.free.push(connection);
      if (answer.status !== 201) throw new Error(`a command was not queued, ${answer.status}: ${answer.body.slice(0, 300)}`);
    } finally {
      this.busy -= 1;
      this.waiting.shift()?.();
    }
  }

  close(): void {
    for (const connection of this.free.splice(0)) connection.close();
  }

  private async take(): Promise<HttpConnection> {
    for (let connection = this.free.pop(); connection; connection = this.free.pop()) if (!connection.isClosed) return connection;
    return HttpConnection.open(this.base);
  }
}
