import { UsersService } from '../auth/users.service.js';
import type { Env } from '../config/env.js';
import { withClient } from '../database/client.js';
import { verifyWriter } from '../database/inspect.js';
import { migrateUp } from '../database/migrate.js';
import { ensureDatabase, ensureRole, identityOf, roleExists, withIdentity } from '../database/roles.js';
import { plainReason, sqlState } from '../database/sql-state.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome } from './outcome.js';
import { withServices } from './services.js';

/** There in every server, for whoever has to make another one. */
const MAINTENANCE_DATABASE = 'postgres';

interface Done {
  databaseCreated: boolean;
  writerCreated: boolean;
  migrations: string[];
  administrator: { email: string; password: string | null } | null;
  notes: string[];
}

/**
 * From an address to a database that the server can start on: makes the database and the writer role where the owner
 * may, migrates, makes the first administrator, and proves that the writer can write. Every step finds out whether it
 * is needed, so the whole may be repeated.
 */
export function setup(env: Env, say: Say): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const owner = identityOf(urls.ownerUrl);
    const writer = identityOf(urls.url);
    mustBeOneDatabase(urls.ownerUrl, urls.url);
    const databaseCreated = await reachDatabase(urls.ownerUrl);
    const writerCreated = urls.roles === 'separate' && (await reachAsWriter(urls.ownerUrl, urls.url));
    const { applied, notes } = await migrateUp(urls.ownerUrl, { writer: writer.user, log: say });
    const administrator = await withServices(env, urls, (app) => app.get(UsersService).ensureFirstAdmin());
    await verifyWriter(urls.url);
    if (urls.roles === 'single') notes.push('one role owns and writes: "roles" makes a writer that cannot change history');
    const done: Done = { databaseCreated, writerCreated, migrations: applied, administrator, notes };
    return {
      json: { database: owner.database, owner: owner.user, writer: writer.user, roles: urls.roles, embedded: env.embedded, verified: true, ...done },
      text: report(env.embedded ? `${owner.database}, embedded in ${env.DATA_DIR}` : owner.database, urls.roles === 'single' ? `${owner.user} owns and writes` : `${owner.user} owns, ${writer.user} writes`, done),
    };
  });
}

/** Before anything is made: on one server two names are a slip. A pooler, at an address of its own, may call the database as it likes. */
function mustBeOneDatabase(ownerUrl: string, url: string): void {
  const [owners, writers] = [identityOf(ownerUrl).database, identityOf(url).database];
  if (owners === writers || new URL(ownerUrl).host !== new URL(url).host) return;
  throw new CommandError('DATABASES_DIFFER', `DATABASE_URL names the database ${writers}, DATABASE_OWNER_URL ${owners}: they must name the same one.`);
}

/** Makes sure that the owner gets into the database; returns whether it had to be made. */
async function reachDatabase(ownerUrl: string): Promise<boolean> {
  try {
    await withClient(ownerUrl, (client) => client.query('select 1'));
    return false;
  } catch (error) {
    if (sqlState(error) !== '3D000') throw error;
  }
  const { user, database } = identityOf(ownerUrl);
  try {
    return await ensureDatabase(withIdentity(ownerUrl, { database: MAINTENANCE_DATABASE }), database);
  } catch (error) {
    const why = sqlState(error) === '42501' ? `${user} may not create one` : plainReason(error);
    throw new CommandError('DATABASE_MISSING', `There is no database ${database}, and ${why}: create it, or name an owner with CREATEDB in DATABASE_OWNER_URL.`);
  }
}

/** Makes sure that the writer gets in with the password of DATABASE_URL; returns whether the role had to be made. */
async function reachAsWriter(ownerUrl: string, url: string): Promise<boolean> {
  const writer = identityOf(url);
  try {
    await withClient(url, (client) => client.query('select 1'));
    return false;
  } catch (error) {
    if (!sqlState(error)?.startsWith('28')) throw error;
  }
  if (await roleExists(ownerUrl, writer.user)) {
    throw new CommandError('WRITER_REFUSED', `The role ${writer.user} is there, and the database refuses the password in DATABASE_URL.`);
  }
  try {
    return await ensureRole(ownerUrl, writer);
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
    const owner = identityOf(ownerUrl).user;
    throw new CommandError('WRITER_MISSING', `There is no role ${writer.user}, and ${owner} may not create one: create it with LOGIN and the password in DATABASE_URL.`);
  }
}

function report(database: string, roles: string, { databaseCreated, writerCreated, migrations, administrator, notes }: Done): string {
  const people = administrator ? `made ${administrator.email}` : 'nobody made';
  return [
    `database       ${database}${databaseCreated ? ' (created)' : ''}`,
    `roles          ${roles}${writerCreated ? ' (the writer was created)' : ''}`,
    `schema         ${migrations.length > 0 ? `applied ${migrations.join(', ')}` : 'was up to date'}`,
    `administrator  ${people}`,
    ...(administrator?.password ? [`               password (shown once): ${administrator.password}`] : []),
    'verified       wrote an event, could not delete it, took it back',
    ...notes.map((note) => `note           ${note}`),
  ].join('\n');
}
