import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Claim, Idempotency, OnceAnswer } from '../../database/idempotency.js';
import type { Tx } from '../../database/transaction.js';
import { badRequest } from '../problem.js';
import { actorOf } from '../principal.js';
import { callerOf } from './caller.js';

export interface OnceOptions<T> {
  /** Status of the answer; 201 unless said. A repeat of something that exists may answer 200. */
  status?: (body: T) => number;
  /** What a replay answers in place of a body that shows a secret. */
  withoutSecrets?: (body: T) => object;
  /** What a replay may still say of the stored answer, where that hands something out. */
  stillGiven?: (body: T) => Promise<T>;
}

/** What a merged statement made of a creation. */
export type Attempted<T> = { outcome: 'made'; answer: T } | { outcome: 'taken' | 'alone' };

/**
 * A POST that creates: its effect runs in one transaction, once for an `Idempotency-Key`, and a replay says so in
 * a header. `@Once() once: Creation` in a handler, then `once.run(this.idempotency, (tx) => …)`.
 */
export class Creation {
  constructor(
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
  ) {}

  async run<T extends object>(idempotency: Idempotency, work: (tx: Tx) => Promise<T>, options: OnceOptions<T> = {}): Promise<T> {
    const answer = await idempotency.run(this.key(), options.status ?? (() => 201), work, options.withoutSecrets);
    return this.answer(answer.replayed && options.stillGiven ? { ...answer, body: await options.stillGiven(answer.body) } : answer);
  }

  /**
   * The same by a merged statement, which claims the key beside the effect.
   * @param attempt answers the body, `taken` when the key was there before, or `alone` when the effect needs a transaction of its own
   * @param alone the effect in such a transaction
   */
  async runMerged<T extends object>(
    idempotency: Idempotency,
    attempt: (claim: Claim | null) => Promise<Attempted<T>>,
    alone: (tx: Tx) => Promise<T>,
    options: OnceOptions<T> = {},
  ): Promise<T> {
    const once = this.key();
    const claim = once && idempotency.claimOf(once);
    const made = await attempt(claim);
    if (made.outcome === 'made') return this.answer({ status: options.status?.(made.answer) ?? 201, body: made.answer, replayed: false });
    const stored = made.outcome === 'taken' && claim ? await idempotency.storedAnswer(claim) : null;
    if (stored) return this.answer({ status: stored.status, body: stored.body as T, replayed: true });
    return this.run(idempotency, alone, options);
  }

  private answer<T>({ status, body, replayed }: OnceAnswer<T>): T {
    void this.reply.status(status);
    if (replayed) void this.reply.header('Idempotency-Replayed', 'true');
    return body;
  }

  private key() {
    const header = this.request.headers['idempotency-key'];
    if (header === undefined) return null;
    // RFC drafts quote it, most clients do not.
    const key = String(header).trim().replace(/^"(.*)"$/, '$1');
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw badRequest('IDEMPOTENCY_KEY_INVALID', 'must be 1 to 255 visible ASCII characters', 'Idempotency-Key');
    }
    const { method, body } = this.request;
    return { caller: actorOf(callerOf(this.request).principal), key, request: [method, this.request.url, body ?? null] };
  }
}

/** By name, so that the OpenAPI document knows which handlers take the header. */
export function creationOf(_data: unknown, context: ExecutionContext): Creation {
  const http = context.switchToHttp();
  return new Creation(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
}

export const Once = createParamDecorator(creationOf);
