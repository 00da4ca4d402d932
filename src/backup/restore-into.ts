import { join } from 'node:path';
import { withClient } from '../database/client.js';
import { DUMP } from './manifest.js';
import { pgTool, runPgTool } from './pg-tools.js';
import type { Backup } from './read-backup.js';

export interface RestoreOptions {
  signal?: AbortSignal | undefined;
  /** A line of what pg_restore does. */
  onProgress?: ((line: string) => void) | undefined;
}

/** What an older server does not know of a newer tool's preamble; everything else it says is a failure. */
const UNKNOWN_SETTING = /unrecognized configuration parameter "(transaction_timeout)"/;

/**
 * Fills an empty database with a backup of kind `dump`. All objects belong to the role of the URL and nobody else has
 * rights on them: `applyGrants` gives them. Nothing in it was compared yet.
 * @throws when the database is not empty, before anything is written; {PgToolFailed} at the first error
 */
export async function restoreInto(backup: Backup, targetUrl: string, { signal, onProgress }: RestoreOptions = {}): Promise<void> {
  const { manifest, folder } = backup;
  if (manifest.kind !== 'dump') throw new Error(`${manifest.id} is a copy of a whole server, not a dump: it becomes a server of its own (restoreBase)`);
  const versionNum = await versionOfEmpty(targetUrl);
  const written = majorOf(manifest.toolVersion) ?? 0;
  const tool = await pgTool('pg_restore', Math.max(versionNum, written * 10_000));
  const args = ['--no-owner', '--no-privileges', '--no-tablespaces', '--no-publications', '--no-subscriptions', '--no-security-labels', '--verbose', `--dbname=${databaseOf(targetUrl)}`, join(folder, DUMP)];
  await withRoomLeft(targetUrl, () => runPgTool(tool, args, { url: targetUrl, signal, onLine: onProgress, allowed: UNKNOWN_SETTING }));
}

/** In pages of 8 KiB: sixteen megabytes, as a segment of the log. */
const ROOM_PAGES = 2_048;

/**
 * PostgreSQL drops a database behind a checkpoint, and a checkpoint that finds no room ends the whole server, with what is live
 * on it. So a restore that has filled the disk has something to give back first: a table that was taken before it, whose file is
 * cut to nothing when its drop commits. Unlogged, so that it costs no log.
 */
async function withRoomLeft(targetUrl: string, work: () => Promise<void>): Promise<void> {
  const ask = (statement: string) => withClient(targetUrl, (client) => client.query(statement));
  const giveBack = () => ask(`drop schema tradewarden_room cascade`);
  await ask(`create schema tradewarden_room; create unlogged table tradewarden_room.pages (filler text);
    alter table tradewarden_room.pages alter column filler set storage plain; insert into tradewarden_room.pages select repeat(' ', 8000) from generate_series(1, ${ROOM_PAGES})`);
  try {
    await work();
  } catch (error) {
    await giveBack().catch(() => undefined);
    throw error;
  }
  await giveBack();
}

const majorOf = (toolVersion: string): number | null => {
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(toolVersion) ?? [];
  return major === undefined ? null : Number(major);
};

const databaseOf = (url: string) => decodeURIComponent(new URL(url).pathname.slice(1));

function versionOfEmpty(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ version: number; tables: number }>(
      `select current_setting('server_version_num')::int as version, (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p') and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e'))::int as tables`);
    const [found] = rows;
    if (!found || found.tables > 0) throw new Error(`the database ${databaseOf(url)} is not empty (${found?.tables ?? '?'} tables): a backup is restored into an empty one`);
    return found.version;
  });
}
