import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { canonicalJson } from '../common/canonical-json.js';
import { Metrics } from '../common/metrics.js';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Merged } from './merged.js';
import { Schedules } from './schedules.js';
import { type Statement, Statements } from './statements.js';
import { inTransaction, type Tx } from './transaction.js';

/** How long a stored answer is replayed; after it the key may be used anew. */
const KEPT_HOURS = 24;

/** Who repeats which request: keys of different callers never meet. */
export interface OnceKey {
  caller: string;
  key: string;
  /** Method, path and body: the same key with another request is a mistake of the caller. */
  request: unknown;
}

/** A key as the table has it. */
export interface Claim {
  caller: string;
  key: string;
  /** Of the request, keyed: a body may hold a password, and a plain digest of it could be guessed from the row. */
  hash: string;
}

export interface OnceAnswer<T> {
  status: number;
  body: T;
  replayed: boolean;
}

/** Of a key whose effect has a transaction of its own; `find` takes it. */
const LOCK = `hashtextextended(caller || ' ' || key, 1)`;

/**
 * For merged statements: the keys that this statement claims, of a CTE with caller, key, hash, status and body. A key
 * that is there already is not among them; what it answered is read by a second statement (`storedAnswer`), since this
 * one does not see rows that were committed after it began. Nor is a key that a transaction works with: one that hangs
 * before its commit would hold up all who share the statement. Its lock is tried and given back at once.
 */
export const CLAIMED_KEYS = (rows: string) => `
  insert into idempotency_keys (caller, key, request_hash, status, body)
  select caller, key, hash, status, body from ${rows}
  where key is not null and case when pg_try_advisory_lock_shared(${LOCK}) then pg_advisory_unlock_shared(${LOCK}) else false end
  order by caller, key
  on conflict (caller, key) do nothing returning caller, key`;

interface StoredAnswer {
  request_hash: string;
  status: number;
  body: unknown;
}

const STORED: Statement = {
  name: 'stored_answers',
  text: `
    select q.n, k.request_hash, k.status, k.body from jsonb_to_recordset($1::jsonb) as q (n int, caller text, key text)
      join idempotency_keys k on k.caller = q.caller and k.key = q.key and k.created_at > app_clock() - make_interval(hours => ${KEPT_HOURS})`,
};

/** Runs an effect once for a key. The key is written in the effect's own transaction: there is no moment between. */
@Injectable()
export class Idempotency {
  private readonly answers = new Merged((claims: readonly Claim[]) => this.storedAnswers(claims), { keyOf: ({ caller, key }) => `${caller} ${key}`, sharesAnswers: true });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
    @Inject(ENV) private readonly env: Env,
    private readonly metrics: Metrics,
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
      const claim = this.claimOf(once);
      const stored = await this.find(tx, claim);
      if (stored) {
        this.metrics.replayed();
        return { status: stored.status, body: stored.body as T, replayed: true };
      }
      const body = await work(tx);
      await this.store(tx, claim, status(body), withoutSecrets(body));
      return { status: status(body), body, replayed: false };
    });
  }

  claimOf({ caller, key, request }: OnceKey): Claim {
    return { caller, key, hash: createHmac('sha256', this.env.AUDIT_KEY).update(canonicalJson(request)).digest('hex') };
  }

  /**
   * What a key that was taken has answered; null when it may be used anew.
   * @throws {Problem} 422 when it came with another request
   */
  async storedAnswer(claim: Claim): Promise<{ status: number; body: unknown } | null> {
    const stored = sameRequest(await this.answers.do(claim), claim);
    if (stored) this.metrics.replayed();
    return stored;
  }

  private async storedAnswers(claims: readonly Claim[]): Promise<(StoredAnswer | null)[]> {
    const rows = await this.statements.run<StoredAnswer & { n: number }>(STORED, [JSON.stringify(claims.map(({ caller, key }, n) => ({ n, caller, key })))]);
    const found = new Map(rows.map((row) => [row.n, row]));
    return claims.map((_claim, n) => found.get(n) ?? null);
  }

  /** Only over a key that is no longer replayed: a merged statement may have claimed it since this transaction looked. */
  private async store(tx: Tx, { caller, key, hash }: Claim, status: number, body: object): Promise<void> {
    const stored: unknown[] = await tx.sql`
      with stored as (
        insert into idempotency_keys as k (caller, key, request_hash, status, body)
        values (${caller}, ${key}, ${hash}, ${status}, ${JSON.stringify(body)}::jsonb)
        on conflict (caller, key) do update
        set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = app_clock()
        where k.created_at <= app_clock() - make_interval(hours => ${KEPT_HOURS})
        returning 1
      ) select * from stored`;
    if (stored.length === 0) throw inUse();
  }

  private async find(tx: Tx, claim: Claim): Promise<{ status: number; body: unknown } | null> {
    const { caller, key } = claim;
    const [lock] = await tx.sql<{ got: boolean }[]>`
      select pg_try_advisory_xact_lock(hashtextextended(${`${caller} ${key}`}, 1)) as got`;
    if (!lock?.got) throw inUse();
    const [row = null] = await tx.sql<StoredAnswer[]>`
      select request_hash, status, body from idempotency_keys
      where caller = ${caller} and key = ${key} and created_at > app_clock() - make_interval(hours => ${KEPT_HOURS})`;
    return sameRequest(row, claim);
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

const inUse = () => new Problem(409, 'IDEMPOTENCY_KEY_IN_USE', 'The first request with this Idempotency-Key is still running.', { retryable: true, retryAfterSeconds: 1 });

function sameRequest(stored: StoredAnswer | null, { hash }: Claim): StoredAnswer | null {
  if (stored && stored.request_hash !== hash) throw new Problem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another request.');
  return stored;
}
