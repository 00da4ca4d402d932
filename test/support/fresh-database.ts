import { randomBytes } from 'node:crypto';
import { withIdentity } from '../../src/database/roles.js';
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

const made: { databases: string[]; roles: string[] } = { databases: [], roles: [] };

/** Runs one statement as the superuser of the test server. */
export const asAdmin = (statement: string) => onConnection(testServer().adminUrl, (admin) => admin.query(statement));

/** @param rights of the owner, who is no superuser */
export async function freshNames(rights = 'createdb createrole'): Promise<Fresh> {
  const suffix = randomBytes(4).toString('hex');
  const [database, owner, writer] = [`cli_${suffix}`, `cli_owner_${suffix}`, `cli_writer_${suffix}`];
  made.databases.push(database);
  made.roles.push(writer, `${database}_writer`, owner);
  await asAdmin(`create role ${owner} login password 'of-the-owner' nosuperuser ${rights}`);
  const { adminUrl } = testServer();
  return {
    database, owner, writer,
    ownerUrl: withIdentity(adminUrl, { user: owner, password: 'of-the-owner', database }),
    url: withIdentity(adminUrl, { user: writer, password: 'of-the-writer', database }),
  };
}

/** For `afterAll`: removes what was made under the names. */
export async function dropFresh(): Promise<void> {
  for (const name of made.databases.splice(0)) await asAdmin(`drop database if exists ${name} with (force)`);
  for (const name of made.roles.splice(0)) await asAdmin(`drop role if exists ${name}`);
}
