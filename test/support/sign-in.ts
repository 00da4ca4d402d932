import { afterAll, beforeAll } from '@jest/globals';
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

  async user(role = 'viewer'): Promise<{ id: string; email: string }> {
    const email = `person-${++this.made}@example.com`;
    const { status, body, text } = await this.t.http<{ id: string }>('POST', '/users', { body: { email, role, password: PASSWORD } });
    if (status !== 201) throw new Error(text);
    return { id: body.id, email };
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
