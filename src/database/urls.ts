import { relative, resolve } from 'node:path';
import type { Env } from '../config/env.js';
import { keptSecret } from '../config/kept-secrets.js';
import { type EmbeddedDatabase, useEmbedded } from './embedded/embedded.js';
import { ensureDatabase, ensureRole, letSeeSessions, setRoleSettings, withIdentity } from './roles.js';

/** Where the database is, and as whom each part of the application goes there. */
export interface DatabaseUrls {
  /** The writer: everything at run time. */
  url: string;
  /** Migrations, grants, partitions. */
  ownerUrl: string;
  /** Makes and renames databases: the superuser of the embedded server, else the owner in the database that every server has. */
  adminUrl: string;
  /** LISTEN needs a session of its own, past any transaction pooler. */
  unpooledUrl: string;
  /** Where the files of the embedded database lie. */
  folder?: string;
  /** By the URLs; what the catalogue says replaces it once the tables are there. */
  roles: 'separate' | 'single';
  /** Gives the embedded database back; does nothing for a database of one's own. */
  release: () => Promise<void>;
}

export async function databaseUrls(env: Env, log: (line: string) => void): Promise<DatabaseUrls> {
  if (!env.DATABASE_URL) return embeddedUrls(env, log);
  const ownerUrl = env.DATABASE_OWNER_URL ?? env.DATABASE_URL;
  return {
    url: env.DATABASE_URL,
    ownerUrl,
    adminUrl: withIdentity(ownerUrl, { database: 'postgres' }),
    unpooledUrl: env.DATABASE_UNPOOLED_URL ?? env.DATABASE_URL,
    roles: new URL(ownerUrl).username === new URL(env.DATABASE_URL).username ? 'single' : 'separate',
    release: async () => undefined,
  };
}

async function embeddedUrls(env: Env, log: (line: string) => void): Promise<DatabaseUrls> {
  const embedded: EmbeddedDatabase = await useEmbedded({ dataDir: env.DATA_DIR, log });
  try {
    // As root the cluster moves to where its user can reach it: on Railway that may be off the volume.
    const volume = env.RAILWAY_PROJECT_ID ? resolve(env.RAILWAY_VOLUME_MOUNT_PATH ?? '/') : '/';
    if (relative(volume, embedded.cluster).startsWith('..')) {
      throw new Error(`the embedded data lies in ${embedded.cluster}, outside RAILWAY_VOLUME_MOUNT_PATH: it would be gone with the next deployment`);
    }
    const owner = { user: 'tradewarden_owner', password: keptSecret(env.DATA_DIR, 'ownerPassword') };
    const writer = { user: 'tradewarden', password: keptSecret(env.DATA_DIR, 'writerPassword') };
    await ensureRole(embedded.adminUrl, owner);
    await ensureRole(embedded.adminUrl, writer);
    const database = 'tradewarden';
    await ensureDatabase(embedded.adminUrl, database, owner.user);
    await setRoleSettings(embedded.adminUrl, writer.user, database);
    await letSeeSessions(embedded.adminUrl, writer.user);
    const url = withIdentity(embedded.adminUrl, { ...writer, database });
    const ownerUrl = withIdentity(embedded.adminUrl, { ...owner, database });
    return { url, ownerUrl, adminUrl: embedded.adminUrl, unpooledUrl: url, folder: embedded.cluster, roles: 'separate', release: () => embedded.release() };
  } catch (error) {
    await embedded.release();
    throw error;
  }
}
