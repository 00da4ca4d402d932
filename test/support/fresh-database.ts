import { randomBytes } from 'node:crypto';
import { migrateUp } from '../../src/database/migrate.js';
import { ensureDatabase, ensureRole, withIdentity } from '../../src/database/roles.js';
import { onConnection } from './cluster.js';
import { testServer } from './database.js';

/** An owner that is there, and the URLs of a database and a writer that are not. */
export interface Fresh {
  database: string;
  owner: string;
  writer: string;
  ownerUrl: string;
  url: string;
}

const made: (Fresh & { adminUrl: string })[] = [];

/** Runs one statement as the superuser of the test server, or of another. */
export const asAdmin = (statement: string, adminUrl = testServer().adminUrl) => onConnection(adminUrl, (admin) => admin.query(statement));

/** @param rights of the owner, who is no superuser */
export async function freshNames(rights = 'createdb createrole', adminUrl = testServer().adminUrl): Promise<Fresh> {
  const suffix = randomBytes(4).toString('hex');
  const [database, owner, writer] = [`cli_${suffix}`, `cli_owner_${suffix}`, `cli_writer_${suffix}`];
  await asAdmin(`create role ${owner} login password 'of-the-owner' nosuperuser ${rights}`, adminUrl);
  const fresh = {
    database, owner, writer,
    ownerUrl: withIdentity(adminUrl, { user: owner, password: 'of-the-owner', database }),
    url: withIdentity(adminUrl, { user: writer, password: 'of-the-writer', database }),
  };
  made.push({ ...fresh, adminUrl });
  return fresh;
}

/** A migrated database with both roles, as the migrations make it: the clock is the real one. */
export async function freshDatabase(adminUrl = testServer().adminUrl): Promise<Fresh> {
  const fresh = await freshNames('createdb createrole', adminUrl);
  await ensureDatabase(adminUrl, fresh.database, fresh.owner);
  await ensureRole(fresh.ownerUrl, { user: fresh.writer, password: 'of-the-writer' });
  await migrateUp(fresh.ownerUrl, { writer: fresh.writer });
  return fresh;
}

/** For `afterAll`: removes what was made under the names. */
export async function dropFresh(): Promise<void> {
  for (const { database, owner, writer, adminUrl } of made.splice(0)) {
    await asAdmin(`drop database if exists ${database} with (force)`, adminUrl);
    for (const role of [writer, `${database}_writer`, `${database}_reader`, owner]) await asAdmin(`drop role if exists ${role}`, adminUrl);
  }
}
