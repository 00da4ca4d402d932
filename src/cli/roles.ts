import { randomBytes } from 'node:crypto';
import type { Env } from '../config/env.js';
import { verifyWriter } from '../database/inspect.js';
import { migrateUp } from '../database/migrate.js';
import { identityOf, makeWriter, roleExists, withIdentity } from '../database/roles.js';
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
