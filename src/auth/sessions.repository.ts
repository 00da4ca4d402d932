import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';

export interface RefreshTokenRow {
  token_hash: string; family_id: string; user_id: string; expired: boolean; revoked_at: string | null;
  /** Seconds since the token was exchanged; null while it is the newest of its family. */
  replaced_seconds_ago: string | null;
}

@Injectable()
export class SessionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async lock(tx: Tx, tokenHash: string): Promise<RefreshTokenRow | null> {
    const [row] = await tx.sql<RefreshTokenRow[]>`
      select token_hash, family_id, user_id, revoked_at, expires_at <= app_clock() as expired,
        extract(epoch from app_clock() - replaced_at)::text as replaced_seconds_ago
      from refresh_tokens where token_hash = ${tokenHash} for update`;
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

  async prune(batch = 1_000): Promise<void> {
    await this.dataSource.sql`
      delete from refresh_tokens where ctid in (select ctid from refresh_tokens where expires_at < app_clock() - interval '7 days' limit ${batch})`;
    await this.dataSource.sql`
      delete from sign_in_throttles where ctid in (select ctid from sign_in_throttles where updated_at < app_clock() - interval '1 day' limit ${batch})`;
  }

  /** Seconds that this address must still wait with this account; 0 when it may try. */
  async waitSeconds(address: string, email: string): Promise<number> {
    const [row] = await this.dataSource.sql<{ wait: string }[]>`
      select greatest(0, extract(epoch from blocked_until - app_clock()))::text as wait
      from sign_in_throttles where address = ${address} and email = ${email}`;
    return Number(row?.wait ?? 0);
  }

  /** After `free` failures each further one doubles the wait, up to `most` seconds. A quiet hour forgets. */
  async countFailure(address: string, email: string, free: number, most: number): Promise<void> {
    await this.dataSource.sql`
      insert into sign_in_throttles as t (address, email, failures) values (${address}, ${email}, 1)
      on conflict (address, email) do update set
        failures = case when t.updated_at < app_clock() - interval '1 hour' then 1 else least(t.failures + 1, 60) end,
        blocked_until = case when t.updated_at >= app_clock() - interval '1 hour' and t.failures + 1 > ${free}
          then app_clock() + make_interval(secs => least(${most}, power(2, least(t.failures + 1, 30) - ${free}))) end,
        updated_at = app_clock()`;
  }

  async clearFailures(address: string, email: string): Promise<void> {
    await this.dataSource.sql`delete from sign_in_throttles where address = ${address} and email = ${email}`;
  }
}
