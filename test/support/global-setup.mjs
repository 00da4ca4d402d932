import { chmodSync, mkdtempSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { buildIfStale, root } from '../../tools/build.mjs';

const TEMPLATE = 'tradewarden_template';
const owner = { user: 'tradewarden_test_owner', password: 'owner-of-the-tests' };
const administrator = { email: 'admin@example.com', password: 'correct horse battery' };
const writer = { user: 'tradewarden_test_writer', password: 'writer-of-the-tests' };

/**
 * One real PostgreSQL for the run (TEST_DATABASE_URL, a superuser's, names another), and one database migrated once:
 * each spec file works on its own copy.
 */
export default async function globalSetup() {
  // Jest loads this file outside its transforms: it works on the build, which the process tests need anyway.
  // The compiler emits in spite of type errors; `npm test` has checked the types before it comes here.
  await buildIfStale().catch((error) => process.stderr.write(`${error.message}\n`));
  // Servers and command lines are started by the hundred: each finds compiled what is loaded here.
  process.env['NODE_COMPILE_CACHE'] = join(root, 'dist', '.compiled');
  enableCompileCache(process.env['NODE_COMPILE_CACHE']);
  const { useEmbedded } = await import('../../dist/src/database/embedded/embedded.js');
  const { migrateUp } = await import('../../dist/src/database/migrate.js');
  const { applyGrants, ensureDatabase, ensureRole, setRoleSettings, withIdentity } = await import('../../dist/src/database/roles.js');
  let adminUrl = process.env['TEST_DATABASE_URL'];
  if (!adminUrl) {
    const dataDir = mkdtempSync(join(tmpdir(), 'tradewarden-tests-'));
    // As root the database runs as another user, who must be able to come in.
    chmodSync(dataDir, 0o755);
    // Nothing here outlives the run, and the crash tests start clusters of their own.
    const settings = { max_connections: '300', fsync: 'off', synchronous_commit: 'off' };
    const embedded = await useEmbedded({ dataDir, log: () => undefined, settings });
    globalThis.testDatabase = { embedded, dataDir };
    adminUrl = embedded.adminUrl;
  }
  await ensureRole(adminUrl, owner);
  await ensureRole(adminUrl, writer);
  await run(adminUrl, `drop database if exists ${TEMPLATE} with (force)`);
  await ensureDatabase(adminUrl, TEMPLATE, owner.user);
  const ownerUrl = withIdentity(adminUrl, { ...owner, database: TEMPLATE });
  await migrateUp(ownerUrl);
  await setRoleSettings(adminUrl, writer.user, TEMPLATE);
  await applyGrants(ownerUrl, writer.user);
  await makeAdministrator(withIdentity(adminUrl, { ...writer, database: TEMPLATE }), ownerUrl);
  // A machine that is slow today must not halt the tests: those of this breaker set what they need.
  await run(ownerUrl, MOVABLE_CLOCK, `update circuit_breakers set parameters = parameters || '{"millisecondsMost": 60000}' where name = 'database_latency'`);
  flushCompileCache();
  process.env['TRADEWARDEN_TEST_SERVER'] = JSON.stringify({ adminUrl, owner, writer, administrator, template: TEMPLATE });
}

/** Once for all copies, as a first start does it: to hash a password takes long on purpose. */
async function makeAdministrator(url, ownerUrl) {
  const { readEnv } = await import('../../dist/src/config/env.js');
  const { withServices } = await import('../../dist/src/cli/services.js');
  const { UsersService } = await import('../../dist/src/auth/users.service.js');
  const env = readEnv({ NODE_ENV: 'test', DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, ADMIN_EMAIL: administrator.email, ADMIN_PASSWORD: administrator.password });
  await withServices(env, { url, ownerUrl, unpooledUrl: url, roles: 'separate' }, (app) => app.get(UsersService).ensureFirstAdmin());
}

/** The application's one clock, with an offset that a test may set: time is moved, not waited for. */
const MOVABLE_CLOCK = `
  create table test_clock (shift interval not null);
  insert into test_clock values ('0');
  create or replace function app_clock() returns timestamptz language sql volatile security definer set search_path = public
    as 'select clock_timestamp() + (select shift from test_clock)'`;

async function run(url, ...statements) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
