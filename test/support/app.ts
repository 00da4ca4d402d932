import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Origin } from '../../src/auth/audit.js';
import { type Session, SessionsService } from '../../src/auth/sessions.service.js';
import { type UserRow, UsersRepository } from '../../src/auth/users.repository.js';
import { BreakerLooks } from '../../src/circuit-breaker/looks.service.js';
import { readEnv } from '../../src/config/env.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { Schedules } from '../../src/database/schedules.js';
import { PoolHistory } from '../../src/overview/pool-history.js';
import { SystemMonitor } from '../../src/system-monitor/system-monitor.service.js';
import { createServer } from '../../src/server.js';
import { TelegramChat } from '../../src/notifications/chat/telegram-chat.service.js';
import { Notifier } from '../../src/notifications/delivery/notifier.service.js';
import { Inbox } from '../../src/webhooks/inbox/inbox.service.js';
import { createTestDatabase, type TestDatabase, testServer } from './database.js';
import { type Client, clientOf } from './http.js';

export const ADMIN = testServer().administrator;

export const TEST_SECRETS = {
  JWT_SECRET: 'q8Zt1xW5vK2mN7rB4cY9uH3jL6pD0sFa', AUDIT_KEY: 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy',
};

/** The real application on a real socket, on a database of its own. */
export interface TestApp {
  app: NestFastifyApplication;
  db: TestDatabase;
  base: string;
  /** As the administrator. */
  http: Client;
  adminToken: string;
  signIn(email: string, password: string): Promise<string>;
  /** A person of this role; answers the access token. */
  person(role: 'viewer' | 'operator' | 'admin'): Promise<string>;
  agent(body?: Record<string, unknown>): Promise<TestAgent>;
  /** A second instance on the same database. */
  second(settings?: Record<string, string>): Promise<TestApp>;
  close(): Promise<void>;
}

export interface TestAgent {
  id: string;
  accountId: string;
  apiKey: string;
  name: string;
  http: Client;
}

let counter = 0;

/** What recurs is run at the start, and nobody waits for it but tests that count connections and statements. */
async function firstRound(app: NestFastifyApplication): Promise<void> {
  const { running, runningQuick } = app.get(Schedules) as unknown as Record<'running' | 'runningQuick', Promise<void>>;
  await Promise.allSettled([running, runningQuick]);
}

/** For tests of what a schedule of this instance would change between two lines: it runs when it is told to. */
export function restSchedules({ app }: Pick<TestApp, 'app'>): void {
  const { timer, quickTimer } = app.get(Schedules) as unknown as Record<'timer' | 'quickTimer', NodeJS.Timeout>;
  for (const each of [timer, quickTimer]) clearInterval(each);
}

/** Of a session as a sign-in opens it once it has checked the password, which takes a quarter of a second of every core. */
async function accessToken(app: NestFastifyApplication, email: string): Promise<string> {
  const user = await app.get(UsersRepository).byEmail(email);
  const sessions = app.get(SessionsService) as unknown as { open(user: UserRow | null, network: string, origin: Origin): Promise<Session | null> };
  const session = await sessions.open(user, '127.0.0.1', { address: '127.0.0.1', userAgent: null, correlationId: null });
  if (!session) throw new Error(`${email} cannot sign in`);
  return session.accessToken;
}

export async function startTestApp(settings: Record<string, string> = {}, shared?: TestDatabase): Promise<TestApp> {
  const db = shared ?? (await createTestDatabase());
  const env = readEnv({
    NODE_ENV: 'test', PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent', DATABASE_URL: db.url, WATCH_EVERY_SECONDS: '60',
    DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off', ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password,
    // As patient as the role: see createTestDatabase.
    DB_QUERY_TIMEOUT: '100', ...TEST_SECRETS, ...settings,
  });
  const app = await createServer(env);
  await app.listen(0, '127.0.0.1');
  await app.get(DatabaseService).whenReady();
  // Looks by the clock would be under way when a test counts connections or rows.
  app.get(BreakerLooks).rest();
  app.get(Inbox).rest();
  app.get(PoolHistory).rest();
  app.get(SystemMonitor).rest();
  app.get(Notifier).rest();
  app.get(TelegramChat).rest();
  await firstRound(app);
  const base = await app.getUrl();
  const signIn = async (email: string, password: string) => {
    const { body } = await clientOf(base)<{ accessToken: string }>('POST', '/auth/login', { body: { email, password } });
    return body.accessToken;
  };
  const adminToken = await accessToken(app, ADMIN.email);
  const http = clientOf(base, adminToken);
  return {
    app, db, base, http, adminToken, signIn,
    async person(role) {
      const email = `${role}-${++counter}@example.com`;
      await http('POST', '/users', { body: { email, role, password: ADMIN.password } });
      return accessToken(app, email);
    },
    async agent(body = {}) {
      const name = `agent-${process.pid}-${++counter}`;
      const made = await http<Omit<TestAgent, 'http'>>('POST', '/agents', { body: { name, mode: 'paper', ...body } });
      if (made.status !== 201) throw new Error(`agent not made: ${made.text}`);
      return { ...made.body, http: clientOf(base, made.body.apiKey) };
    },
    second: (more = {}) => startTestApp({ ...settings, ...more }, db),
    async close() {
      await app.close();
      await app.get(DatabaseService).stop();
      if (!shared) await db.drop();
    },
  };
}
