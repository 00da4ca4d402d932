import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { hashPassword } from '../../src/auth/passwords.js';
import { sha256 } from '../../src/auth/secrets.js';
import { startTestApp, type TestApp } from './app.js';
import { type Answer, type Client, clientOf } from './http.js';

export interface Session {
  accessToken: string;
  tokenType: string;
  expiresIn: number;
  user: { id: string; email: string; role: string };
}

export interface AuditEntry {
  kind: string;
  actor: string | null;
  userId: string | null;
  keyId: string | null;
  agentId: string | null;
  email: string | null;
  address: string | null;
  presentedDigest: string | null;
  correlationId: string | null;
}

export const PASSWORD = 'a password to be found';

/** Two instances: nobody is behind a proxy on the first; on the second everybody is, behind the one on this machine. */
export class SignInTest {
  t!: TestApp;
  proxied!: TestApp;
  guest!: Client;
  behindProxy!: Client;
  private made = 0;
  private hash?: Promise<string>;

  constructor() {
    beforeAll(async () => {
      this.t = await startTestApp();
      this.proxied = await this.t.second({ TRUST_PROXY: 'loopback' });
      this.guest = clientOf(this.t.base);
      this.behindProxy = clientOf(this.proxied.base);
    });
    afterAll(async () => {
      await this.proxied.close();
      await this.t.close();
    });
  }

  /** Put into the table, since hashing takes its time on purpose. */
  async user(role = 'viewer'): Promise<{ id: string; email: string }> {
    const [id, email] = [randomUUID(), `person-${++this.made}@example.com`];
    this.hash ??= hashPassword(PASSWORD);
    await this.t.db.query('insert into users (id, email, name, role, password_hash) values ($1, $2, $2, $3, $4)', [id, email, role, await this.hash]);
    return { id, email };
  }

  /** A session of this user as a sign-in would leave it. Answers its cookie. */
  async session(userId: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    await this.t.db.query(`insert into refresh_tokens (token_hash, family_id, user_id, expires_at) values ($1, $2, $3, app_clock() + interval '1 day')`,
      [sha256(token), randomUUID(), userId]);
    return `tw_refresh=${token}`;
  }

  signIn(email: string, password = PASSWORD, client = this.guest, headers: Record<string, string> = {}): Promise<Answer<Session & { code: string }>> {
    return client('POST', '/auth/login', { body: { email, password }, headers });
  }

  refresh(cookie: string, client = this.guest): Promise<Answer<Session & { code: string }>> {
    return client('POST', '/auth/refresh', { headers: { cookie } });
  }

  me(token: string): Promise<Answer> {
    return this.guest('GET', '/auth/me', { token });
  }

  async audit(kind: string, email?: string): Promise<AuditEntry[]> {
    const { body } = await this.t.http<{ items: AuditEntry[] }>('GET', '/auth/audit?limit=500');
    return body.items.filter((entry) => entry.kind === kind && (email === undefined || entry.email === email));
  }
}

/** `tw_refresh=…` as a browser would send it back. */
export function cookieOf(answer: Pick<Answer, 'headers'>): string {
  const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0] ?? '').find((line) => /^tw_refresh=./.test(line));
  if (!cookie) throw new Error('the answer sets no refresh cookie');
  return cookie;
}
