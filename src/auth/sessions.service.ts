import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import * as argon2 from 'argon2';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { AuthAudit, type Origin } from './audit.js';
import { hmac, sha256 } from './secrets.js';
import { SessionsRepository } from './sessions.repository.js';
import { type UserRow, UsersRepository } from './users.repository.js';

export const ACCESS_TOKEN_SECONDS = 900;
export const REFRESH_TOKEN_SECONDS = 30 * 86_400;
/** Two tabs that refresh at the same moment both hold the old token: for this long it gives both the same successor. */
const PREVIOUS_TOKEN_SECONDS = 30;
const FREE_FAILURES = 5;
const WAIT_SECONDS_MOST = 300;

/** What is verified when there is no such user, so that both cases take the same time. */
const NOBODY = '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$h1X8mjmDR1Jp9nn6ZqZq3LhJ0kYyuzM5o6ZrPTc8Ynw';

export interface Session {
  user: UserRow;
  accessToken: string;
  refreshToken: string;
}

const refused = (code: string, detail: string) => new Problem(401, code, detail);

@Injectable()
export class SessionsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly jwt: JwtService,
    private readonly users: UsersRepository,
    private readonly sessions: SessionsRepository,
    private readonly audit: AuthAudit,
    @Inject(ENV) private readonly env: Env,
    schedules: Schedules,
  ) {
    schedules.every(3_600, 'auth.prune', () => this.sessions.prune());
  }

  /**
   * @throws {Problem} 401 SIGN_IN_FAILED, whatever was wrong; 429 SIGN_IN_SLOWED after five failures of this address
   *   with this account: nobody else is slowed, so an operator cannot be locked out from elsewhere
   */
  async signIn(email: string, password: string, origin: Origin): Promise<Session> {
    const name = email.toLowerCase();
    const address = origin.address ?? '';
    const wait = await this.sessions.waitSeconds(address, name);
    if (wait > 0) {
      await this.audit.record({ kind: 'sign_in_slowed', email: name, origin });
      throw new Problem(429, 'SIGN_IN_SLOWED', 'Too many failed sign-ins from here with this account.', { retryAfterSeconds: wait });
    }
    const user = await this.users.byEmail(name);
    const right = await argon2.verify(user?.password_hash ?? NOBODY, password).catch(() => false);
    if (!user || !right || user.disabled_at !== null) {
      await this.sessions.countFailure(address, name, FREE_FAILURES, WAIT_SECONDS_MOST);
      await this.audit.record({ kind: 'sign_in_failed', email: name, userId: user?.id ?? null, origin });
      throw refused('SIGN_IN_FAILED', 'E-mail address or password is wrong.');
    }
    await this.sessions.clearFailures(address, name);
    await this.audit.record({ kind: 'signed_in', email: name, userId: user.id, origin });
    const refreshToken = randomBytes(32).toString('base64url');
    await inTransaction(this.dataSource, (tx) =>
      this.sessions.insert(tx, { hash: sha256(refreshToken), familyId: uuidv7(), userId: user.id, lifeSeconds: REFRESH_TOKEN_SECONDS }));
    return { user, refreshToken, accessToken: this.accessToken(user) };
  }

  /**
   * Exchanges a refresh token for its successor. The successor is derived, not stored, so that the previous token can
   * give the same one again. A token used after that was stolen or replayed: its whole family ends.
   */
  async refresh(token: string | undefined, origin: Origin): Promise<Session> {
    if (!token) throw refused('REFRESH_TOKEN_MISSING', 'There is no session to refresh.');
    const successor = hmac(this.env.JWT_SECRET, `refresh:${token}`);
    const outcome = await inTransaction(this.dataSource, async (tx) => {
      const row = await this.sessions.lock(tx, sha256(token));
      if (!row || row.revoked_at !== null || row.expired) return null;
      if (row.replaced_seconds_ago === null) {
        await this.sessions.markReplaced(tx, row.token_hash);
        await this.sessions.insert(tx, {
          hash: sha256(successor), familyId: row.family_id, userId: row.user_id, lifeSeconds: REFRESH_TOKEN_SECONDS,
        });
      } else if (Number(row.replaced_seconds_ago) > PREVIOUS_TOKEN_SECONDS) {
        await this.sessions.revokeFamily(tx, row.family_id);
        await this.audit.record({ kind: 'refresh_reused', userId: row.user_id, origin }, tx);
        return null;
      }
      return row.user_id;
    });
    const user = outcome === null ? null : await this.users.byId(outcome);
    if (!user || user.disabled_at !== null) throw refused('REFRESH_TOKEN_REFUSED', 'The session has ended: sign in again.');
    return { user, refreshToken: successor, accessToken: this.accessToken(user) };
  }

  async signOut(token: string | undefined, origin: Origin): Promise<void> {
    if (!token) return;
    await inTransaction(this.dataSource, async (tx) => {
      const row = await this.sessions.lock(tx, sha256(token));
      if (!row) return;
      await this.sessions.revokeFamily(tx, row.family_id);
      await this.audit.record({ kind: 'signed_out', userId: row.user_id, origin }, tx);
    });
  }

  private accessToken(user: UserRow): string {
    return this.jwt.sign({ sub: user.id, sv: user.session_version }, { expiresIn: ACCESS_TOKEN_SECONDS });
  }
}
