import { mkdirSync, openSync, closeSync, fsyncSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { syncFolder } from '../config/durable-file.js';
import { archivesOf, type BackupFile, takeArchives } from './archives.js';
import { copyBase } from './base-copy.js';
import { withSnapshot } from './compare.js';
import { figuresOf, type Query, sequencesOf } from './figures.js';
import { BASE, CHECKSUMS, DUMP, type Figures, FORMAT, type Manifest, MANIFEST } from './manifest.js';
import { backupName, partialName } from './names.js';
import { runPgTool, toolVersion } from './pg-tools.js';
import { hashFile, listBackups, sha256 } from './read-backup.js';

/** What is backed up, and how. */
export type Source =
  | { kind: 'dump'; ownerUrl: string; pgDump: string }
  /** A server of this machine: `adminUrl` is the superuser's, of the database. */
  | { kind: 'base'; adminUrl: string; cluster: string };

export interface WriteOptions {
  /** Is there, and may be written. */
  dir: string;
  source: Source;
  appVersion: string;
  /** ARCHIVE_DIR. */
  archiveDir?: string | null | undefined;
  signal: AbortSignal;
  onStep?: ((line: string) => void) | undefined;
}

/**
 * Writes a backup beside what its folder has. It grows in a folder that is no backup by its name, and gets its own when
 * all of it is on disk: whatever ends this in the middle leaves nothing that could be taken for one.
 * @returns its folder; it was not proven yet
 */
export async function writeBackup(options: WriteOptions): Promise<{ folder: string; manifest: Manifest }> {
  const createdAt = new Date();
  const id = backupName(createdAt);
  const partial = join(options.dir, partialName(id));
  mkdirSync(partial, { mode: 0o700 });
  try {
    const taken = await (options.source.kind === 'dump' ? dump(options.source, partial, options) : base(options.source, partial, id, options));
    // The files of a backup never change, so those of earlier ones may be shared.
    const archives = await takeArchives(taken.archives, partial, { from: options.archiveDir ?? null, earlier: listBackups(options.dir), signal: options.signal });
    const manifest: Manifest = { format: FORMAT, kind: options.source.kind, id, createdAt: createdAt.toISOString(), appVersion: options.appVersion, schemaVersion: taken.figures.migrations.at(-1) ?? '', ...taken.server, snapshotAt: taken.snapshotAt, ...taken.figures, base: taken.base, files: [...taken.files, ...archives.files], missing: archives.missing };
    const text = `${JSON.stringify(manifest, null, 1)}\n`;
    writeDurably(join(partial, MANIFEST), text);
    writeDurably(join(partial, CHECKSUMS), [...manifest.files, { name: MANIFEST, sha256: sha256(text) }].map((file) => `${file.sha256}  ${file.name}\n`).join(''));
    options.signal.throwIfAborted();
    syncFolder(partial);
    const folder = join(options.dir, id);
    renameSync(partial, folder);
    syncFolder(options.dir);
    return { folder, manifest };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    options.signal.throwIfAborted();
    throw error;
  }
}

interface Taken {
  server: Pick<Manifest, 'database' | 'system' | 'serverVersion' | 'serverVersionNum' | 'toolVersion'>;
  snapshotAt: string;
  figures: Figures;
  base: Manifest['base'];
  files: Manifest['files'];
  archives: BackupFile[];
}

/** Each system makes its first account under a number of its own, and keeps it. */
const SYSTEM = `select id::text as id from accounts order by seq limit 1`;
const SERVER = `select current_database() as database, current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNum", app_clock() as at, to_regclass('public.accounts') is not null as accounts`;
type Server = { database: string; system: string | null; version: string; versionNum: number; at: Date };

async function aboutServer(query: Query): Promise<Server> {
  const [server] = await query<Omit<Server, 'system'> & { accounts: boolean }>(SERVER);
  if (!server) throw new Error('the server did not say what it is');
  const [first] = server.accounts ? await query<{ id: string }>(SYSTEM) : [];
  return { ...server, system: first?.id ?? null };
}

/** Beside `public`, a database may hold what is not ours to read. */
const OTHER_SCHEMAS = `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')`;
const LOCKED_MOST_MS = 60_000;

async function dump({ ownerUrl, pgDump }: Extract<Source, { kind: 'dump' }>, partial: string, { signal, onStep }: WriteOptions): Promise<Taken> {
  // Whichever of the two fails ends the other.
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const file = join(partial, DUMP);
  try {
    return await withSnapshot(ownerUrl, async (query) => {
      await query(`set local lock_timeout = ${LOCKED_MOST_MS}`);
      const server = await aboutServer(query);
      const [exported] = await query<{ snapshot: string }>(`select pg_export_snapshot() as snapshot`);
      const others = await query<{ name: string }>(OTHER_SCHEMAS);
      const archives = await archivesOf(query);
      const args = [
        '--format=custom', '--compress=5', `--snapshot=${exported?.snapshot ?? ''}`, `--file=${file}`, '--no-password', '--lock-wait-timeout=60s', '--no-unlogged-table-data',
        '--no-publications', '--no-subscriptions', '--extension=plpgsql', ...others.map(({ name }) => `--exclude-schema="${name.replaceAll('"', '""')}"`),
      ];
      const sequences = await sequencesOf(query);
      onStep?.(`pg_dump of ${server.database}`);
      const failed = (error: unknown) => {
        ended.abort(error);
        throw error;
      };
      const [figures] = await Promise.all([
        figuresOf(query, { signal: both, sequences, onTable: (name) => onStep?.(`counted ${name}`) }).catch(failed),
        runPgTool(pgDump, args, { url: ownerUrl, signal: both }).catch(failed),
      ]);
      sync(file);
      const files = [{ name: DUMP, bytes: statSync(file).size, sha256: await hashFile(file, signal) }];
      return { server: { ...named(server), toolVersion: await toolVersion(pgDump) }, snapshotAt: server.at.toISOString(), figures, base: null, files, archives };
    }, both);
  } catch (error) {
    signal.throwIfAborted();
    throw ended.signal.aborted ? ended.signal.reason : error;
  }
}

async function base({ adminUrl, cluster }: Extract<Source, { kind: 'base' }>, partial: string, id: string, { signal, onStep }: WriteOptions): Promise<Taken> {
  if (isInside(partial, cluster)) throw new Error(`the folder of backups lies in that of the database, ${cluster}: a copy would have to hold itself`);
  onStep?.(`copy of ${cluster}`);
  let freeze = (): void => undefined;
  let go = (_copied: boolean): void => undefined;
  const frozen = new Promise<void>((resolve) => (freeze = resolve));
  const copied = new Promise<boolean>((resolve) => (go = resolve));
  let seen = (): void => undefined;
  let unseen = (_error: unknown): void => undefined;
  const taken = new Promise<void>((resolve, reject) => {
    seen = resolve;
    unseen = reject;
  });
  taken.catch(() => undefined);
  // The connection waits without a snapshot: the first statement after the freeze takes it.
  const figures = (async () => {
    if ((await Promise.race([frozen.then(() => true), copied])) === false) return null;
    return withSnapshot(adminUrl, async (query) => {
      const server = await aboutServer(query);
      const sequences = await sequencesOf(query);
      seen();
      return (await copied) ? { server, archives: await archivesOf(query), figures: await figuresOf(query, { signal, sequences, onTable: (name) => onStep?.(`counted ${name}`) }) } : null;
    }, signal);
  })();
  figures.catch(unseen);
  try {
    const { bytes, sha256: hash, ...about } = await copyBase({
      adminUrl, cluster, file: join(partial, BASE), restorePoint: id, signal,
      frozen: () => {
        freeze();
        return taken;
      },
    });
    go(true);
    const found = await figures;
    if (!found) throw new Error('no snapshot was taken of what was copied');
    return {
      server: { ...named(found.server), toolVersion: 'pg_backup_start and pg_backup_stop' }, snapshotAt: found.server.at.toISOString(), figures: found.figures,
      base: about, files: [{ name: BASE, bytes, sha256: hash }], archives: found.archives,
    };
  } finally {
    go(false);
    await figures.catch(() => undefined);
  }
}

const isInside = (path: string, folder: string): boolean => !relative(realpathSync(folder), realpathSync(path)).startsWith('..');

const named = ({ database, system, version, versionNum }: Server) => ({ database, system, serverVersion: version, serverVersionNum: versionNum });

function writeDurably(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  sync(path);
}

function sync(path: string): void {
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
