import { randomBytes } from 'node:crypto';
import type { Env } from '../config/env.js';
import { withClient } from '../database/client.js';
import { verifyWriter } from '../database/inspect.js';
import { migrateUp } from '../database/migrate.js';
import { makeReader, readerOf, readerScript } from '../database/reader.js';
import { identityOf, makeWriter, roleExists, withIdentity, writerScript } from '../database/roles.js';
import { sqlState } from '../database/sql-state.js';
import { CommandError, type Outcome } from './outcome.js';
import { type Say, withDatabase } from './database.js';

/** Makes a writer for a database that one role owns and writes, and shows its URL once. */
export function makeRoles(env: Env, say: Say, newPassword: boolean): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const owner = identityOf(urls.ownerUrl);
    if (urls.roles === 'separate') {
      const writer = identityOf(urls.url).user;
      return { json: { roles: 'separate', owner: owner.user, writer, made: false }, text: `There are two roles already: ${owner.user} owns, ${writer} writes.` };
    }
    // Named after the database: two of them on one server do not share a password.
    const writer = { user: `${owner.database}_writer`, password: randomBytes(24).toString('base64url') };
    if (!newPassword && (await roleExists(urls.ownerUrl, writer.user))) {
      throw new CommandError('ROLE_EXISTS', `The role ${writer.user} is there, and its URL was shown when it was made. --new-password gives it another one.`);
    }
    await migrateUp(urls.ownerUrl, { log: say });
    const made = await makeWriter(urls.ownerUrl, writer);
    const url = withIdentity(urls.url, writer);
    await verifyWriter(url);
    return {
      json: { roles: 'separate', owner: owner.user, writer: writer.user, made, databaseUrl: url },
      text: [
        `${made ? 'Made' : 'Gave a new password to'} the role ${writer.user}, which writes and cannot change history. Its URL is shown once:`,
        '', `  DATABASE_URL=${url}`, '', 'Set DATABASE_OWNER_URL to what DATABASE_URL is now, then DATABASE_URL to this.',
      ].join('\n'),
    };
  });
}

/** Makes the reader for reports, and shows its URL once; with a password of its own, and grants that every migration renews. */
export function makeReaderRole(env: Env, say: Say, newPassword: boolean): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const { database } = identityOf(urls.ownerUrl);
    const reader = { user: readerOf(database), password: randomBytes(24).toString('base64url') };
    if (!newPassword && (await roleExists(urls.ownerUrl, reader.user))) {
      throw new CommandError('ROLE_EXISTS', `The role ${reader.user} is there, and its URL was shown when it was made. --new-password gives it another one.`);
    }
    await migrateUp(urls.ownerUrl, { log: say });
    const made = await makeReader(withIdentity(urls.adminUrl, { database }), reader, database).catch((error: unknown) => {
      if (sqlState(error) !== '42501') throw error;
      throw new CommandError('ROLE_NOT_ALLOWED', `${(error as Error).message}: "tradewarden roles --reader --print" prints what an administrator of the server can run instead.`);
    });
    const url = withIdentity(urls.unpooledUrl, { ...reader, database });
    await withClient(url, (client) => client.query('select count(*) from trades'));
    return {
      json: { reader: reader.user, made, url },
      text: `${made ? 'Made' : 'Gave a new password to'} the role ${reader.user}, which reads what reports need, no secrets, and writes nothing. Its URL is shown once:\n\n  ${url}`,
    };
  });
}

/** The grants as SQL, with nothing done: for who does not give this program the right to make roles, or wants to read them first. */
export function printRoles(env: Env, say: Say, reader: boolean): Promise<Outcome> {
  return withDatabase(env, say, async (urls) => {
    const { database } = identityOf(urls.ownerUrl);
    const writer = urls.roles === 'separate' ? identityOf(urls.url).user : `${database}_writer`;
    const sql = await withClient(urls.ownerUrl, async (client) => (reader ? readerScript(client, database, readerOf(database)) : writerScript(client, writer, database)));
    return { json: { role: reader ? readerOf(database) : writer, sql }, text: sql };
  });
}
