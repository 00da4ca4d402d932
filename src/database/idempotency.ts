import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { canonicalJson } from '../common/canonical-json.js';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from './schedules.js';
import { inTransaction, type Tx } from './transaction.js';

/** Who repeats which request: keys of different callers never meet. */
export interface OnceKey {
  caller: string;
  key: string;
  /** Method, path and body: the same key with another request is a mistake of the caller. */
  request: unknown;
}

export interface OnceAnswer<T> {
  status: number;
  body: T;
  replayed: boolean;
}

/** How long a stored answer is replayed; after it the key may be used anew. */
const KEPT_HOURS = 24;

/** Runs an effect once for a key. The key is written in the effect's own transaction: there is no moment between. */
@Injectable()
export class Idempotency {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(ENV) private readonly env: Env,
    schedules: Schedules,
  ) {
    schedules.every(3_600, 'idempotency.prune', async () => {
      while ((await this.prune()) > 0);
    });
  }

  /**
   * @param withoutSecrets what is stored and replayed in place of the answer, for answers that show a secret once
   * @throws {Problem} 422 when the key came with another request, 409 while the first is still running
   */
  run<T extends object>(
    once: OnceKey | null,
    status: (body: T) => number,
    work: (tx: Tx) => Promise<T>,
    withoutSecrets: (body: T) => object = (body) => body,
  ): Promise<OnceAnswer<T>> {
    return inTransaction(this.dataSource, async (tx) => {
      if (!once) {
        const body = await work(tx);
        return { status: status(body), body, replayed: false };
      }
      // Keyed: a body may hold a password, and a plain digest of it could be guessed from the row.
      const hash = createHmac('sha256', this.env.AUDIT_KEY).update(canonicalJson(once.request)).digest('hex');
      const stored = await this.claim(tx, once, hash);
      if (stored) return { status: stored.status, body: stored.body as T, replayed: true };
      const body = await work(tx);
      await tx.sql`
        insert into idempotency_keys (caller, key, request_hash, status, body)
        values (${once.caller}, ${once.key}, ${hash}, ${status(body)}, ${JSON.stringify(withoutSecrets(body))}::jsonb)
        on conflict (caller, key) do update
        set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = app_clock()`;
      return { status: status(body), body, replayed: false };
    });
  }

  private async claim(tx: Tx, { caller, key }: OnceKey, hash: string): Promise<{ status: number; body: unknown } | null> {
    const [lock] = await tx.sql<{ got: boolean }[]>`
      select pg_try_advisory_xact_lock(hashtextextended(${`${caller} ${key}`}, 1)) as got`;
    if (!lock?.got) {
      throw new Problem(409, 'IDEMPOTENCY_KEY_IN_USE', 'The first request with this Idempotency-Key is still running.', {
        retryable: true, retryAfterSeconds: 1,
      });
    }
    const [row] = await tx.sql<{ request_hash: string; status: number; body: unknown }[]>`
      select request_hash, status, body from idempotency_keys
      where caller = ${caller} and key = ${key} and created_at > app_clock() - make_interval(hours => ${KEPT_HOURS})`;
    if (row && row.request_hash !== hash) {
      throw new Problem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another request.');
    }
    return row ?? null;
  }

  /** Deletes keys that are no longer replayed, a bounded batch at a time. Returns how many. */
  async prune(batch = 1_000): Promise<number> {
    const gone: unknown[] = await this.dataSource.sql`
      with old as (
        select ctid from idempotency_keys where created_at < app_clock() - make_interval(hours => ${KEPT_HOURS}) limit ${batch}
      ), gone as (delete from idempotency_keys using old where idempotency_keys.ctid = old.ctid returning 1)
      select * from gone`;
    return gone.length;
  }
}
