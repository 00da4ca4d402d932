import { createHash, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { ApiKeysService } from '../src/auth/api-keys.service.js';
import type { AuthAudit } from '../src/auth/audit.js';
import { NOWHERE } from '../src/auth/audit.js';
import { SessionsRepository } from '../src/auth/sessions.repository.js';
import { CompletionRepository } from '../src/commands/completion.repository.js';
import { EnqueueRepository } from '../src/commands/enqueue.repository.js';
import { HandOutRepository } from '../src/commands/hand-out.repository.js';
import type { Parking } from '../src/commands/parking.js';
import type { Run, Statements } from '../src/database/statements.js';
import type { Events } from '../src/events/events.service.js';
import type { Contender } from './contenders.js';
import type { BenchAgent } from './fixtures.js';
import { operatorOf } from './tokens.js';

/**
 * The server's own statements, by the server's own repositories, through raw pg: each client has repositories of its
 * own and asks one thing at a time, so nothing is ever merged, and each statement is a request for one row. What is
 * left out is what a server adds: HTTP, validation, the guard, the log.
 */
class OwnSql {
  private readonly sessions: SessionsRepository;
  private readonly keys: ApiKeysService;
  private readonly queue: EnqueueRepository;
  private readonly handOuts: HandOutRepository;
  private readonly completions: CompletionRepository;

  constructor(
    pool: Pool,
    private readonly agent: BenchAgent,
    private readonly operator: ReturnType<typeof operatorOf>,
  ) {
    const run: Run = async <Row extends object>({ name, text }: { name: string; text: string }, values: unknown[]) => (await pool.query<Row>({ name, text, values })).rows;
    const statements = { run } as unknown as Statements;
    const unused = null as unknown;
    // The use of a key is written down once an hour.
    const audit = { recordUse: () => Promise.resolve() } as unknown as AuthAudit;
    this.sessions = new SessionsRepository(unused as DataSource, statements);
    this.keys = new ApiKeysService(unused as DataSource, statements, unused as Events, audit);
    this.queue = new EnqueueRepository(statements, { take: () => null } as unknown as Parking);
    this.handOuts = new HandOutRepository(statements);
    this.completions = new CompletionRepository(statements);
  }

  async cycle(): Promise<void> {
    const { id: agentId, apiKey } = this.agent;
    await this.enqueue();
    const leaser = await this.holder(apiKey);
    const actor = `agent:${agentId}`;
    const handedOut = await this.handOuts.lease({
      agentId, max: 1, bytesMost: null, only: null, leaseSeconds: 30, instanceId: null, keyId: leaser, actor, correlationId: randomUUID(),
    });
    const [command] = handedOut?.rows ?? [];
    if (!command?.lease_token) throw new Error('nothing was leased');
    await this.holder(apiKey);
    const done = await this.completions.complete({ id: command.id, agentId, token: command.lease_token, result: { done: true }, actor, correlationId: randomUUID() });
    if (done?.status !== 'succeeded') throw new Error('the command was not completed');
  }

  private async enqueue(): Promise<void> {
    const { id: agentId } = this.agent;
    if (!(await this.sessions.userOf(this.operator))) throw new Error('the session is not known');
    const [id, actor, correlationId] = [uuidv7(), `user:${this.operator.sub}`, randomUUID()];
    const about = { type: 'custom', class: 'opens', priority: 'normal' } as const;
    const made = await this.queue.enqueue({
      command: {
        id, agentId, type: 'custom', class: 'opens', once: false, payload: { note: 'bench', n: 1 }, priority: 2, notBefore: null, expiresAt: null, maxAttempts: 5,
        tradeId: null, actor, correlationId,
      },
      claim: { caller: actor, key: randomUUID(), hash: createHash('sha256').update(id).digest('hex') },
      answer: {
        id, agentId, ...about, status: 'queued', notBefore: '', expiresAt: null, attempt: 0, failures: 0, maxAttempts: 5, leaseExpiresAt: null,
        cancelRequested: false, tradeId: null, result: null, error: null, reason: null, createdBy: actor, correlationId, finishedAt: null,
      },
      data: about,
    });
    if (made.outcome !== 'made') throw new Error(`the command was not queued: ${made.outcome}`);
  }

  private async holder(apiKey: string): Promise<string> {
    const holder = await this.keys.holderOf(apiKey, NOWHERE);
    if (!holder) throw new Error('the key is not known');
    return holder.key_id;
  }
}

/** @param tokens access tokens of operators, whose sessions are looked up */
export function ownSql(name: string, pool: Pool, agents: readonly BenchAgent[], tokens: readonly string[]): Contender {
  const each = agents.map((agent, i) => new OwnSql(pool, agent, operatorOf(tokens[i % tokens.length] ?? '')));
  return { name, loops: agents.length, cycle: (loop) => (each[loop] as OwnSql).cycle() };
}
