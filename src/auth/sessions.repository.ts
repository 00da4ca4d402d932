import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { UserRow } from './users.repository.js';

export interface RefreshTokenRow {
  token_hash: string; family_id: string; user_id: string; expired: boolean; revoked_at: string | null;
  /** Seconds since the token was exchanged; null while it is the newest of its family. */
  replaced_seconds_ago: string | null;
}

const PRUNE_BATCH = 1_000;

/**
 * Refresh tokens, by families: one for each sign-in. Whoever adds, replaces or ends tokens of a user holds the user's
 * row; otherwise a successor that is just being written would outlive the end of its family.
 */
@Injectable()
export class SessionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The user that an access token names, if its session still stands. */
  async userOf({ sub, sid, sv }: { sub: string; sid: string; sv: number }): Promise<UserRow | null> {
    const [row] = await this.dataSource.sql<UserRow[]>`
      select u.* from users u where u.id = ${sub} and u.disabled_at is null and u.session_version = ${sv}
        and exists (select 1 from refresh_tokens t where t.family_id = ${sid} and t.user_id = u.id and t.revoked_at is null)`;
    return row ?? null;
  }

  async ownerOf(tx: Tx, tokenHash: string): Promise<string | null> {
    const [row] = await tx.sql<{ user_id: string }[]>`select user_id from refresh_tokens where token_hash = ${tokenHash}`;
    return row?.user_id ?? null;
  }

  /** Read after the user's row was locked. */
  async find(tx: Tx, tokenHash: string): Promise<RefreshTokenRow | null> {
    const [row] = await tx.sql<RefreshTokenRow[]>`
      select token_hash, family_id, user_id, revoked_at, expires_at <= app_clock() as expired,
        extract(epoch from app_clock() - replaced_at)::text as replaced_seconds_ago
      from refresh_tokens where token_hash = ${tokenHash}`;
    return row ?? null;
  }

  async insert(tx: Tx, token: { hash: string; familyId: string; userId: string; lifeSeconds: number }): Promise<void> {
    await tx.sql`
      insert into refresh_tokens (token_hash, family_id, user_id, expires_at)
      values (${token.hash}, ${token.familyId}, ${token.userId}, app_clock() + make_interval(secs => ${token.lifeSeconds}))`;
  }

  async markReplaced(tx: Tx, tokenHash: string): Promise<void> {
    await tx.sql`update refresh_tokens set replaced_at = app_clock() where token_hash = ${tokenHash}`;
  }

  async revokeFamily(tx: Tx, familyId: string): Promise<void> {
    await tx.sql`update refresh_tokens set revoked_at = app_clock() where family_id = ${familyId} and revoked_at is null`;
  }

  async revokeAllOf(tx: Tx, userId: string): Promise<void> {
    await tx.sql`update refresh_tokens set revoked_at = app_clock() where user_id = ${userId} and revoked_at is null`;
  }

  /** Deletes what nobody asks for any more, a bounded batch at a time. */
  async prune(): Promise<void> {
    const tokens = () => this.dataSource.sql<unknown[]>`
      with old as (select ctid from refresh_tokens where expires_at < app_clock() - interval '7 days' limit ${PRUNE_BATCH}),
        gone as (delete from refresh_tokens t using old where t.ctid = old.ctid returning 1)
      select * from gone`;
    const throttles = () => this.dataSource.sql<unknown[]>`
      with old as (select ctid from sign_in_throttles where updated_at < app_clock() - interval '2 hours' limit ${PRUNE_BATCH}),
        gone as (delete from sign_in_throttles t using old where t.ctid = old.ctid returning 1)
      select * from gone`;
    for (const batch of [tokens, throttles]) while ((await batch()).length === PRUNE_BATCH);
  }

  /**
   * Counts an attempt before its password is looked at, so that a hundred at once are not a hundred free guesses; a
   * success forgets them. The attempt that uses up the `free` ones begins a wait of 2 s, each further one doubles it,
   * up to `most`; a quiet hour forgets.
   * @returns seconds to wait, 0 when this attempt may be made
   */
  async countAttempt(network: string, email: string, free: number, most: number): Promise<number> {
    const counted: unknown[] = await this.dataSource.sql`
      with counted as (
        insert into sign_in_throttles as t (address, email, failures) values (${network}, ${email}, 1)
        on conflict (address, email) do update set
          failures = case when t.updated_at < app_clock() - interval '1 hour' then 1 else least(t.failures + 1, 60) end,
          blocked_until = case when t.updated_at >= app_clock() - interval '1 hour' and t.failures + 1 >= ${free}
            then app_clock() + make_interval(secs => least(${most}, power(2, least(t.failures + 1, 30) - ${free} + 1))) end,
          updated_at = app_clock()
        where t.blocked_until is null or t.blocked_until <= app_clock() returning 1
      ) select * from counted`;
    if (counted.length > 0) return 0;
    const [row] = await this.dataSource.sql<{ wait: string }[]>`
      select greatest(1, extract(epoch from blocked_until - app_clock()))::text as wait
      from sign_in_throttles where address = ${network} and email = ${email}`;
    return Number(row?.wait ?? 1);
  }

  async forgetAttempts(tx: Tx, network: string, email: string): Promise<void> {
    await tx.sql`delete from sign_in_throttles where address = ${network} and email = ${email}`;
  }
}
