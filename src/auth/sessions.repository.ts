import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { PersonSession } from '../common/principal.js';
import { Merged } from '../database/merged.js';
import { type Statement, Statements } from '../database/statements.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { Recent } from './recent.js';
import type { UserRow } from './users.repository.js';

export interface RefreshTokenRow {
  token_hash: string; family_id: string; user_id: string; expired: boolean; revoked_at: string | null;
  /** Seconds since the token was exchanged; null while it is the newest of its family. */
  replaced_seconds_ago: string | null;
}

/** What an access token names: user, session and the user's session version. */
interface Session {
  sub: string;
  sid: string;
  sv: number;
}

const nameOf = ({ sub, sid, sv }: Session) => `${sub} ${sid} ${sv}`;

const PRUNE_BATCH = 1_000;

const USERS: Statement = {
  name: 'session_users',
  text: `
    select q.n, u.* from jsonb_to_recordset($1::jsonb) as q (n int, sub uuid, sid uuid, sv int)
      join users u on u.id = q.sub and u.disabled_at is null and u.session_version = q.sv
    where exists (select 1 from refresh_tokens t where t.family_id = q.sid and t.user_id = u.id and t.revoked_at is null)`,
};

/**
 * Refresh tokens, by families: one for each sign-in. Whoever adds, replaces or ends tokens of a user holds the user's
 * row; otherwise a successor that is just being written would outlive the end of its family.
 */
@Injectable()
export class SessionsRepository {
  private readonly recent = new Recent<UserRow>();
  private readonly users = new Merged((sessions: readonly Session[]) => this.usersOf(sessions), {
    keyOf: nameOf, sharesAnswers: true,
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
  ) {}

  /** The user that an access token names, if its session still stands; what ends it elsewhere holds within half a second. */
  userOf(session: Session): Promise<UserRow | null> {
    return this.recent.get(nameOf(session), () => this.users.do(session));
  }

  /** For everything that ends sessions or changes what a user may do. */
  forgetAfter(tx: Tx): void {
    afterCommit(tx, () => this.recent.forget());
  }

  private async usersOf(sessions: readonly Session[]): Promise<(UserRow | null)[]> {
    const rows = await this.statements.run<UserRow & { n: number }>(USERS, [JSON.stringify(sessions.map((session, n) => ({ n, ...session })))]);
    const found = new Map(rows.map((row) => [row.n, row]));
    return sessions.map((_session, n) => found.get(n) ?? null);
  }

  /** Which of these sessions `userOf` would refuse by now: for what goes on after its request was let in. */
  async ended(sessions: readonly PersonSession[]): Promise<PersonSession[]> {
    if (sessions.length === 0) return [];
    const rows = await this.dataSource.sql<{ place: number }[]>`
      select asked.place from unnest(${sessions.map(({ userId }) => userId)}::uuid[], ${sessions.map(({ id }) => id)}::uuid[], ${sessions.map(({ version }) => version)}::int[])
        with ordinality as asked (user_id, family_id, version, place)
      where not exists (select 1 from users u where u.id = asked.user_id and u.disabled_at is null and u.session_version = asked.version
        and exists (select 1 from refresh_tokens t where t.family_id = asked.family_id and t.user_id = u.id and t.revoked_at is null))`;
    return rows.flatMap(({ place }) => sessions[place - 1] ?? []);
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
    this.forgetAfter(tx);
    await tx.sql`update refresh_tokens set revoked_at = app_clock() where family_id = ${familyId} and revoked_at is null`;
  }

  async revokeAllOf(tx: Tx, userId: string): Promise<void> {
    this.forgetAfter(tx);
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
