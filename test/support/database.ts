import pg from 'pg';
import { setRoleSettings, withIdentity } from '../../src/database/roles.js';

/** What a test process is told about the server that the whole run shares. */
interface TestServer {
  adminUrl: string;
  owner: { user: string; password: string };
  writer: { user: string; password: string };
  /** Stands in the template. */
  administrator: { email: string; password: string };
  template: string;
}

/** A migrated database of one's own. */
export interface TestDatabase {
  /** As the application: no DDL, no change of history. */
  url: string;
  ownerUrl: string;
  adminUrl: string;
  name: string;
  /** Rows of a statement, run as the superuser: to look, and to move rows in time. */
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>;
  /** Moves the application's clock. */
  advance(seconds: number): Promise<void>;
  drop(): Promise<void>;
}

let made = 0;

export const testServer = (): TestServer => JSON.parse(process.env['TRADEWARDEN_TEST_SERVER'] ?? '{}') as TestServer;

export async function createTestDatabase(): Promise<TestDatabase> {
  const server = testServer();
  const name = `tradewarden_${process.pid}_${process.env['JEST_WORKER_ID'] ?? '0'}_${Date.now().toString(36)}_${++made}`;
  await asAdmin(server.adminUrl, `create database ${name} template ${server.template} owner ${server.owner.user}`);
  await setRoleSettings(server.adminUrl, server.writer.user, name);
  await bePatient(server.adminUrl, server.writer.user, name);
  const adminUrl = withIdentity(server.adminUrl, { database: name });
  const pool = new pg.Pool({ connectionString: adminUrl, max: 3 });
  pool.on('error', () => undefined);
  return {
    name, adminUrl,
    url: withIdentity(server.adminUrl, { ...server.writer, database: name }),
    ownerUrl: withIdentity(server.adminUrl, { ...server.owner, database: name }),
    async query<R extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return (await pool.query<R>(text, values)).rows;
    },
    async advance(seconds: number) {
      await pool.query(`update test_clock set shift = shift + make_interval(secs => $1)`, [seconds]);
    },
    async drop() {
      await pool.end();
      await asAdmin(server.adminUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

/** While a process stands still for some seconds what waits for it is not cut; who is cut in a test sets when. */
async function bePatient(adminUrl: string, role: string, name: string): Promise<void> {
  for (const setting of [`lock_timeout = '60s'`, `statement_timeout = '90s'`, `idle_in_transaction_session_timeout = '180s'`]) await asAdmin(adminUrl, `alter role ${role} in database ${name} set ${setting}`);
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
