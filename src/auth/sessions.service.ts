import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { AuthAudit, type Origin } from './audit.js';
import { ACCESS_TOKEN_SECONDS, type AccessClaims, TOKEN_AUDIENCE, TOKEN_ISSUER } from './jwt.strategy.js';
import { networkOf } from './origin.js';
import { isPassword } from './passwords.js';
import { hmac, sha256 } from './secrets.js';
import { SessionsRepository } from './sessions.repository.js';
import { type UserRow, UsersRepository } from './users.repository.js';

export const REFRESH_TOKEN_SECONDS = 30 * 86_400;
/** Two tabs that refresh at the same moment both hold the old token: for this long it gives both the same successor. */
const PREVIOUS_TOKEN_SECONDS = 30;
const FREE_ATTEMPTS = 5;
const WAIT_SECONDS_MOST = 300;

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
   * @throws {Problem} 401 SIGN_IN_FAILED, whatever was wrong; 429 SIGN_IN_SLOWED after five failures from this network
   *   with this account: nobody else is slowed, so an operator cannot be locked out from elsewhere
   */
  async signIn(email: string, password: string, origin: Origin): Promise<Session> {
    const name = email.toLowerCase();
    const network = networkOf(origin.address);
    const wait = await this.sessions.countAttempt(network, name, FREE_ATTEMPTS, WAIT_SECONDS_MOST);
    if (wait > 0) {
      await this.audit.record({ kind: 'sign_in_slowed', email: name, origin });
      throw new Problem(429, 'SIGN_IN_SLOWED', 'Too many failed sign-ins from here with this account.', { retryAfterSeconds: wait });
    }
    const user = await this.users.byEmail(name);
    const right = await isPassword(password, user?.password_hash);
    const session = user && right ? await this.open(user, network, origin) : null;
    if (!session) {
      await this.audit.record({ kind: 'sign_in_failed', email: name, userId: user?.id ?? null, origin });
      throw refused('SIGN_IN_FAILED', 'E-mail address or password is wrong.');
    }
    return session;
  }

  /** Null when the account was disabled, or changed while its password was being checked. */
  private open(user: UserRow, network: string, origin: Origin): Promise<Session | null> {
    const refreshToken = randomBytes(32).toString('base64url');
    const familyId = uuidv7();
    return inTransaction(this.dataSource, async (tx) => {
      const now = await this.users.lock(tx, user.id);
      if (!now || now.disabled_at !== null || now.session_version !== user.session_version) return null;
      await this.sessions.insert(tx, { hash: sha256(refreshToken), familyId, userId: user.id, lifeSeconds: REFRESH_TOKEN_SECONDS });
      await this.sessions.forgetAttempts(tx, network, user.email);
      await this.audit.record({ kind: 'signed_in', actor: `user:${user.id}`, email: user.email, userId: user.id, origin }, tx);
      return { user: now, refreshToken, accessToken: this.accessToken(now, familyId) };
    });
  }

  /**
   * Exchanges a refresh token for its successor. The successor is derived, not stored, so that the previous token can
   * give the same one again. A token used after that, or after its successor was used, was stolen or replayed: its whole family ends.
   */
  async refresh(token: string | undefined, origin: Origin): Promise<Session> {
    if (!token) throw refused('REFRESH_TOKEN_MISSING', 'There is no session to refresh.');
    const successor = hmac(this.env.JWT_SECRET, `refresh:${token}`);
    const session = await inTransaction(this.dataSource, async (tx) => {
      const owner = await this.sessions.ownerOf(tx, sha256(token));
      const user = owner === null ? null : await this.users.lock(tx, owner);
      const row = user && (await this.sessions.find(tx, sha256(token)));
      if (!user || !row || row.revoked_at !== null || row.expired || user.disabled_at !== null) {
        await this.audit.record({ kind: 'credential_refused', userId: owner, presented: token, origin }, tx);
        return null;
      }
      if (row.replaced_seconds_ago === null) {
        await this.sessions.markReplaced(tx, row.token_hash);
        await this.sessions.insert(tx, {
          hash: sha256(successor), familyId: row.family_id, userId: row.user_id, lifeSeconds: REFRESH_TOKEN_SECONDS,
        });
      } else if (Number(row.replaced_seconds_ago) > PREVIOUS_TOKEN_SECONDS || (await this.isReplaced(tx, successor))) {
        await this.sessions.revokeFamily(tx, row.family_id);
        await this.audit.record({ kind: 'refresh_reused', userId: row.user_id, presented: token, origin }, tx);
        return null;
      }
      return { user, refreshToken: successor, accessToken: this.accessToken(user, row.family_id) };
    });
    if (!session) throw refused('REFRESH_TOKEN_REFUSED', 'The session has ended: sign in again.');
    return session;
  }

  /** The one before the last token is good for a while, for two tabs. What is older than that has no tab left that could mean it. */
  private async isReplaced(tx: Tx, token: string): Promise<boolean> {
    const row = await this.sessions.find(tx, sha256(token));
    return row === null || row.replaced_seconds_ago !== null;
  }

  /** Ends the session with its access tokens. A token that is unknown has nothing to end. */
  async signOut(token: string | undefined, origin: Origin): Promise<void> {
    if (!token) return;
    await inTransaction(this.dataSource, async (tx) => {
      const owner = await this.sessions.ownerOf(tx, sha256(token));
      if (owner === null) return;
      await this.users.lock(tx, owner);
      const row = await this.sessions.find(tx, sha256(token));
      if (!row || row.revoked_at !== null) return;
      await this.sessions.revokeFamily(tx, row.family_id);
      await this.audit.record({ kind: 'signed_out', actor: `user:${owner}`, userId: owner, origin }, tx);
    });
  }

  private accessToken(user: UserRow, familyId: string): string {
    const claims: AccessClaims = { sub: user.id, sid: familyId, sv: user.session_version };
    return this.jwt.sign(claims, { expiresIn: ACCESS_TOKEN_SECONDS, issuer: TOKEN_ISSUER, audience: TOKEN_AUDIENCE });
  }
}
