import { createHash } from 'node:crypto';
import { createWriteStream, readdirSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { WatchedClient } from '../database/client.js';
import { TABLES_OF_SNAPSHOT } from './figures.js';
import { TarWriter } from './tar.js';

export interface BaseCopy {
  restorePoint: string;
  startWal: string;
  endWal: string;
  bytes: number;
  sha256: string;
}

/** Folders whose contents a server makes again; they themselves must be there. */
const EMPTY = new Set(['pg_wal', 'pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans']);
/** Of the running server, or of an earlier recovery. */
const LEFT_OUT = /^(postmaster\.pid|postmaster\.opts|backup_label(\.old)?|tablespace_map(\.old)?|backup_manifest|recovery\.(signal|done)|standby\.signal|pg_internal\.init.*|pgsql_tmp.*|current_logfiles(\.tmp)?)$/;
const CONTROL = 'global/pg_control';
const CHECKPOINT_MS = 10 * 60_000;
const FREEZE_MS = 400;
const FREEZE_ATTEMPTS = 100;
const FREEZE_PAUSE_MS = 200;
/** A few times as quick as the best, and not much larger. */
const GZIP = { level: 3 };

/**
 * Copies the data folder of a running server of this machine, with the write-ahead log that makes it whole.
 *
 * What it is compared with must be exact, and a copy has the state of no moment before its end. So the end is made one:
 * behind the copy all tables are locked against writing for some milliseconds, in which nothing is on its way, a
 * snapshot is taken for the figures, and a restore point is written. Recovery to that point ends at just that snapshot:
 * whoever held no lock had been committed and was visible, and whoever came later comes behind the point. Without the
 * locks a transaction could be in the log before the point, and not yet be visible to the snapshot.
 * @param adminUrl of the database that is backed up, as the superuser
 * @param frozen is called in that moment, and takes its snapshot with its first statement
 */
export async function copyBase(options: {
  adminUrl: string; cluster: string; file: string; restorePoint: string; signal?: AbortSignal | undefined; frozen: () => Promise<void>;
}): Promise<BaseCopy> {
  const { adminUrl, cluster, file, restorePoint, signal, frozen } = options;
  if (readdirSync(join(cluster, 'pg_tblspc')).length > 0) throw new Error('the database has tablespaces, which a copy of its folder would lack');
  const client = new WatchedClient({ connectionString: adminUrl, application_name: 'tradewarden-backup', query_timeout: CHECKPOINT_MS });
  const cut = () => client.cut();
  signal?.addEventListener('abort', cut, { once: true });
  const archive = openArchive(file, signal);
  try {
    await client.connect();
    await client.query('set statement_timeout = 0; set idle_session_timeout = 0');
    // Without it the server could recycle the log that was written meanwhile. It goes with this connection, however that ends.
    await client.query(`select pg_create_physical_replication_slot($1, true, true)`, [`tradewarden_${restorePoint.replaceAll(/[^a-z0-9_]/g, '_').slice(-40)}`]);
    const { rows: [start] } = await client.query<{ name: string }>(`select pg_walfile_name(pg_backup_start($1, true)) as name`, [restorePoint]);
    await copyFolder(archive.tar, cluster, '', signal);
    await archive.tar.text(CONTROL, await steadyContents(join(cluster, CONTROL)));
    const { rows: [stop] } = await client.query<{ labelfile: string }>(`select labelfile from pg_backup_stop(false)`);
    await archive.tar.text('backup_label', stop?.labelfile ?? '');
    const { rows: [end] } = await freeze(adminUrl, frozen, signal, () => client.query<{ name: string }>(`select pg_walfile_name(pg_create_restore_point($1)) as name`, [restorePoint]));
    // Closes the file of the log and has it on disk.
    await client.query('select pg_switch_wal()');
    if (!start || !end) throw new Error('the server did not say where its log stands');
    await copyLog(archive.tar, cluster, start.name, end.name);
    await archive.tar.end();
    return { restorePoint, startWal: start.name, endWal: end.name, ...(await archive.close()) };
  } catch (error) {
    archive.abandon(error as Error);
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', cut);
    await client.end().catch(() => undefined);
  }
}

function openArchive(path: string, signal: AbortSignal | undefined) {
  const hash = createHash('sha256');
  let bytes = 0;
  const gzip = createGzip(GZIP);
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const out = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  const done = pipeline(gzip, measured, out, signal ? { signal } : {});
  done.catch(() => undefined);
  return {
    tar: new TarWriter(gzip),
    async close() {
      gzip.end();
      await done;
      return { bytes, sha256: hash.digest('hex') };
    },
    abandon: (error: Error) => void gzip.destroy(error),
  };
}

async function copyFolder(tar: TarWriter, root: string, under: string, signal: AbortSignal | undefined): Promise<void> {
  const entries = await readdir(join(root, under), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const entry of entries) {
    signal?.throwIfAborted();
    const name = under === '' ? entry.name : `${under}/${entry.name}`;
    if (LEFT_OUT.test(entry.name) || name === CONTROL) continue;
    if (entry.isDirectory()) {
      await tar.folder(name);
      if (under === '' && EMPTY.has(name)) {
        if (name === 'pg_wal') await tar.folder('pg_wal/archive_status');
      } else await copyFolder(tar, root, name, signal);
    } else if (entry.isFile()) await tar.file(name, join(root, name));
    else throw new Error(`${join(root, name)} is neither a file nor a folder: a copy would lack what is behind it`);
  }
}

/** It is written whole and may be read half: two readings that agree are a whole one. */
async function steadyContents(path: string): Promise<Buffer> {
  for (let before = await readFile(path); ; ) {
    const now = await readFile(path);
    if (now.equals(before)) return now;
    before = now;
  }
}

/**
 * Runs `point` in a moment in which nobody writes to any table. Whoever has locks that we wait for may come to wait for
 * ours: we are the one who gives up, after 20 ms of a deadlock and after 400 ms of anything else, and try again.
 */
async function freeze<T>(adminUrl: string, frozen: () => Promise<void>, signal: AbortSignal | undefined, point: () => Promise<T>): Promise<T> {
  const client = new WatchedClient({ connectionString: adminUrl, application_name: 'tradewarden-backup', query_timeout: 60_000 });
  try {
    await client.connect();
    await client.query(`set deadlock_timeout = '20ms'; set statement_timeout = ${FREEZE_MS}; set idle_in_transaction_session_timeout = '10s'; set search_path = public`);
    const { rows } = await client.query<{ name: string }>(TABLES_OF_SNAPSHOT);
    const lock = `lock table ${rows.map(({ name }) => `public.${client.escapeIdentifier(name)}`).join(', ')} in share mode`;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      await client.query('begin');
      try {
        const isLocked = await client.query(lock).then(() => true, (error: { code?: string }) => {
          if (attempt >= FREEZE_ATTEMPTS || !['57014', '40P01', '55P03'].includes(error.code ?? '')) throw error;
          return false;
        });
        if (isLocked) {
          await frozen();
          return await point();
        }
      } finally {
        await client.query('rollback');
      }
      await pause(FREEZE_PAUSE_MS);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function copyLog(tar: TarWriter, cluster: string, from: string, to: string): Promise<void> {
  const folder = join(cluster, 'pg_wal');
  const files = (await readdir(folder)).filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= from && name <= to).sort();
  if (files[0] !== from || files.at(-1) !== to) throw new Error(`the server's log lacks ${files[0] === from ? to : from}, which the copy needs`);
  for (const name of files) {
    if ((await stat(join(folder, name))).size === 0 || !(await tar.file(`pg_wal/${name}`, join(folder, name)))) throw new Error(`the server's log ${name} went during the copy`);
  }
}
