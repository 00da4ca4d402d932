import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeBook, type Row } from './fake-book.js';
import { FakeGate } from './fake-gate.js';

export interface Seen {
  method: string;
  path: string;
  body: Record<string, unknown>;
  headers: IncomingMessage['headers'];
  /** Status that was answered, or the fault that was played. */
  outcome: number | 'dropped-before' | 'dropped-after';
}

/** Asked before each request: undefined lets it through. */
export type Fault =
  | { drop: 'before' | 'after' }
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | undefined;

interface FakeCommand {
  id: string;
  type: string;
  payload: Record<string, unknown>;
  attempt: number;
  leaseToken: string | null;
  status: 'queued' | 'leased' | 'succeeded' | 'failed' | 'unknown';
  answers: unknown[];
}

/**
 * The part of the contract that an agent uses, in memory, with real sockets: it stands in for a server on the other end
 * of a network, which can be made to fail on purpose. It keeps what it was told, so that a test can count.
 */
export class FakeServer {
  readonly seen: Seen[] = [];
  readonly predictions: Row[] = [];
  readonly book = new FakeBook();
  readonly quotes: Record<string, unknown>[] = [];
  readonly gate = new FakeGate(this.quotes);
  readonly explanations: Row[] = [];
  readonly commands: FakeCommand[] = [];
  desired = { state: 'active', run: 'running', version: 1 };
  headerDesired: string | null = null;
  heartbeatSeconds = 15;
  tradingLeaseSeconds = 60;
  commandLeaseMs = 30_000;
  fault: (request: { method: string; path: string }) => Fault = () => undefined;
  private readonly keys = new Map<string, { request: string; status: number; body: unknown }>();
  private readonly waiting = new Set<() => void>();
  private server: Server | null = null;
  port = 0;

  async listen(port = 0): Promise<void> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server!.listen(port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  get trades(): Row[] {
    return this.book.trades;
  }

  get fills(): Row[] {
    return this.book.fills;
  }

  /** Deals that ended a trade, or a part of one. */
  get exits(): Row[] {
    return this.book.fills.filter(({ role }) => role === 'exit');
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.wakeAll();
    const closed = new Promise<void>((resolve) => this.server!.close(() => resolve()));
    this.server!.closeAllConnections();
    await closed;
  }

  queue(type: string, payload: Record<string, unknown> = {}): FakeCommand {
    const command = this.make(type, payload);
    this.wakeAll();
    return command;
  }

  private make(type: string, payload: Record<string, unknown>): FakeCommand {
    const command: FakeCommand = { id: randomUUID(), type, payload, attempt: 0, leaseToken: null, status: 'queued', answers: [] };
    this.commands.push(command);
    return command;
  }

  private handOut(command: FakeCommand): Record<string, unknown> {
    command.attempt += 1;
    command.leaseToken = randomUUID();
    command.status = 'leased';
    const { id, type, payload, attempt, leaseToken } = command;
    return { id, type, payload, attempt, leaseToken, leaseExpiresAt: new Date(Date.now() + this.commandLeaseMs).toISOString() };
  }

  /** As a lapsed lease does: the command will be handed out again, with another token. */
  lapse(command: FakeCommand): void {
    command.leaseToken = null;
    command.status = 'queued';
    this.wakeAll();
  }

  setDesired(change: Partial<FakeServer['desired']>): void {
    this.desired = { ...this.desired, ...change, version: this.desired.version + 1 };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const path = request.url!.replace(/^\/api\/v1/, '');
    const seen: Seen = { method: request.method!, path, body, headers: request.headers, outcome: 0 };
    this.seen.push(seen);
    const fault = this.fault({ method: seen.method, path });
    if (fault && 'drop' in fault && fault.drop === 'before') {
      seen.outcome = 'dropped-before';
      request.socket.destroy();
      return;
    }
    if (fault && 'status' in fault) return this.send(response, seen, fault.status, fault.body ?? {}, fault.headers);
    const result = await this.once(seen);
    if (fault) {
      seen.outcome = 'dropped-after';
      request.socket.destroy();
      return;
    }
    this.send(response, seen, result.status, result.body);
  }

  private send(response: ServerResponse, seen: Seen, status: number, body: unknown, headers: Record<string, string> = {}): void {
    seen.outcome = status;
    const desired = this.headerDesired ?? `${this.desired.state};v=${this.desired.version};run=${this.desired.run}`;
    response.writeHead(status, { 'content-type': 'application/json', 'x-desired-state': desired, ...headers });
    response.end(JSON.stringify(body));
  }

  private async once(seen: Seen): Promise<{ status: number; body: unknown }> {
    const key = seen.headers['idempotency-key'] as string | undefined;
    if (key === undefined) return this.route(seen);
    const request = JSON.stringify([seen.path, seen.body]);
    const known = this.keys.get(key);
    if (known) return known.request === request ? known : { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } };
    const result = await this.route(seen);
    if (result.status < 300) this.keys.set(key, { request, ...result });
    return result;
  }

  private async route({ method, path, body }: Seen): Promise<{ status: number; body: unknown }> {
    const parts = path.split('?')[0]!.split('/').slice(1);
    if (path === '/agents/me') return { status: 200, body: { id: 'agent-1', name: 'demo-eurusd' } };
    if (path === '/agents/me/heartbeat') return { status: 200, body: this.heartbeat() };
    if (path === '/agents/me/positions') return { status: 200, body: this.book.report(body) };
    if (path === '/agents/me/reconcile') return { status: 200, body: this.book.reconcile(body) };
    if (path === '/quotes') return this.takeQuotes(body);
    if (method === 'GET' && ['trades', 'positions', 'incidents'].includes(parts[0]!)) return this.book.read(path);
    if (path === '/agents/me/commands/lease') return { status: 200, body: await this.lease(body) };
    if (path === '/predictions') return this.add(this.predictions, body);
    if (path === '/predictions/batch') {
      const items = (body.items as Record<string, unknown>[]).map((item) => this.add(this.predictions, item).body);
      return { status: 201, body: { items } };
    }
    if (path === '/explanations') return this.add(this.explanations, body);
    if (parts[0] === 'trade-ideas') return method === 'POST' ? this.idea(body, path.endsWith('?lease=1')) : { status: 200, body: { items: this.gate.ideas, nextCursor: null } };
    if (path === '/trades') return this.book.told(body);
    if (parts[0] === 'trades' && parts[2] === 'fills') return this.book.fill(parts[1]!, body);
    if (parts[0] === 'trades' && parts[2] === 'explanations') return this.add(this.explanations, { ...body, tradeId: parts[1] });
    if (parts[0] === 'commands') return this.settle(parts[1]!, parts[2]!, body);
    return { status: 404, body: { code: 'NOT_FOUND' } };
  }

  private add(rows: Row[], body: Record<string, unknown>): { status: number; body: Row } {
    const row = { ...body, id: randomUUID() };
    rows.push(row);
    return { status: 201, body: row };
  }

  /** An opening, by a lease, of an idea that waited for a person. */
  approve(idea: Row): FakeCommand {
    idea.status = 'approved';
    return this.queue('open_trade', this.gate.payloadOf(idea));
  }

  get openings(): FakeCommand[] {
    return this.commands.filter(({ type }) => type === 'open_trade');
  }

  private idea(body: Record<string, unknown>, lease: boolean): { status: number; body: unknown } {
    const { idea, payload, later } = this.gate.decide(body);
    const answer = { id: idea.id, status: idea.status, digest: idea.digest, decision: { id: randomUUID(), verdict: idea.status, reasons: idea.reasons, rules: [] } };
    if (!payload) return { status: 201, body: answer };
    if (!lease || later) return { status: 201, body: { ...answer, commandId: this.queue('open_trade', payload).id } };
    const command = this.make('open_trade', payload);
    return { status: 201, body: { ...answer, commandId: command.id, command: this.handOut(command) } };
  }

  private takeQuotes({ items }: Record<string, unknown>): { status: number; body: unknown } {
    this.quotes.push(...(items as Record<string, unknown>[]));
    return { status: 200, body: { items: [] } };
  }

  private heartbeat(): unknown {
    const { heartbeatSeconds, tradingLeaseSeconds, desired } = this;
    return { desiredState: desired, tradingLeaseSeconds, heartbeatSeconds, serverTime: new Date().toISOString() };
  }

  private async lease(body: Record<string, unknown>): Promise<unknown> {
    if (!this.commands.some(({ status }) => status === 'queued')) await this.wait(Number(body.waitSeconds ?? 0) * 1000);
    const commands = this.commands.filter(({ status }) => status === 'queued').slice(0, Number(body.max ?? 10));
    return { commands: commands.map((command) => this.handOut(command)), desiredState: this.desired, nextPollAfterMs: 0 };
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.waiting.add(done);
    });
  }

  private wakeAll(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private settle(id: string, how: string, body: Record<string, unknown>): { status: number; body: unknown } {
    const command = this.commands.find((one) => one.id === id);
    if (!command) return { status: 404, body: { code: 'NOT_FOUND' } };
    if (command.leaseToken === null || command.leaseToken !== body.leaseToken) {
      return { status: 409, body: { code: 'COMMAND_LEASE_LOST', detail: 'the lease was lost' } };
    }
    command.status = how === 'complete' ? 'succeeded' : body.outcome === 'unknown' ? 'unknown' : 'failed';
    command.answers.push(body.result ?? body.error);
    return { status: 200, body: { id, status: command.status } };
  }
}
