import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { replaceFile } from '../config/durable-file.js';
import { WatchedClient, withClient } from '../database/client.js';
import { whoIs } from '../database/embedded/postgres-processes.js';
import { withIdentity } from '../database/roles.js';
import { compareWithManifest, type Difference } from './compare.js';
import { MANIFEST, type Verified, VERIFIED } from './manifest.js';
import { scratchName, scratchTime } from './names.js';
import { type Backup, proofText, readBackup, sha256 } from './read-backup.js';
import { recoverySettings, restoreBase } from './restore-base.js';
import { restoreInto } from './restore-into.js';
import { startScratchServer } from './scratch-server.js';

/** It was restored, and is not what was backed up. */
export class NotTheSame extends Error {
  constructor(readonly differences: readonly Difference[]) {
    super(`restored, it is not what was backed up: ${differences.slice(0, 3).map(({ detail }) => detail).join('; ')}${differences.length > 3 ? `, and ${differences.length - 3} more` : ''}`);
  }
}

/** Where a backup is restored for the proof. */
export type Scratch =
  /** A role that may create databases, on a server of the same version or a newer one. */
  | { kind: 'dump'; adminUrl: string }
  /** Beside this cluster, whose owner the scratch server runs as. */
  | { kind: 'base'; cluster: string; dataDir: string };

export interface ProofOptions {
  signal: AbortSignal;
  onStep?: ((line: string) => void) | undefined;
  /** For tests: what happens to the copy before it is compared. */
  beforeCompare?: (url: string) => Promise<void>;
}

/**
 * Reads a backup from disk, restores it and compares all of it with what its manifest says; writes `verified.json`.
 * Nothing of the scratch place stays, also when it fails.
 * @throws {BadBackup} {NotTheSame} {PgToolFailed}
 */
export async function proveBackup(folder: string, scratch: Scratch, options: ProofOptions): Promise<Verified> {
  const started = performance.now();
  const backup = await readBackup(folder, options.signal);
  const serverVersion = await (scratch.kind === 'dump' ? onDatabase(backup, scratch.adminUrl, options) : onServer(backup, scratch, options));
  const text = proofText({
    ok: true, at: new Date().toISOString(), serverVersion, seconds: Math.round(performance.now() - started) / 1_000, tables: backup.manifest.tables.length,
    manifestSha256: sha256(readFileSync(join(folder, MANIFEST))),
  });
  options.signal.throwIfAborted();
  replaceFile(join(folder, VERIFIED), text, 0o600);
  return JSON.parse(text) as Verified;
}

async function compare(url: string, backup: Backup, { signal, onStep, beforeCompare }: ProofOptions): Promise<string> {
  await beforeCompare?.(url);
  const found = await compareWithManifest(url, backup.manifest, { signal, onTable: (name) => onStep?.(`compared ${name}`) });
  if (found.length > 0) throw new NotTheSame(found);
  return withClient(url, async (client) => (await client.query<{ server_version: string }>('show server_version')).rows[0]?.server_version ?? '');
}

async function onDatabase(backup: Backup, adminUrl: string, options: ProofOptions): Promise<string> {
  const name = scratchName(new Date());
  const url = withIdentity(adminUrl, { database: name });
  await withClient(adminUrl, (client) => client.query(`create database ${client.escapeIdentifier(name)} template template0 encoding 'UTF8'`));
  // While it is connected nobody takes the database for a leftover: one that is in use is not dropped.
  const holder = new WatchedClient({ connectionString: url, application_name: 'tradewarden-backup' });
  try {
    await holder.connect();
    await holder.query('set idle_session_timeout = 0');
    options.onStep?.(`restoring into ${name}`);
    await restoreInto(backup, url, { signal: options.signal });
    return await compare(url, backup, options);
  } finally {
    await holder.end().catch(() => undefined);
    await withClient(adminUrl, (client) => client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)).catch(() => undefined);
  }
}

/** A proof of hours is younger than this, and in use anyway. */
const LEFT_AFTER_MS = 3_600_000;

/**
 * Drops scratch databases of runs that were killed: with our name and an hour old, and nobody connected. Returns them.
 * @param now in milliseconds
 */
export async function dropLeftovers(adminUrl: string, now = Date.now()): Promise<string[]> {
  return withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(`select datname as name from pg_database where datname like 'tradewarden\\_scratch\\_%' and pg_has_role(datdba, 'usage')`);
    const dropped: string[] = [];
    for (const { name } of rows) {
      const made = scratchTime(name);
      if (!made || now - made.getTime() < LEFT_AFTER_MS) continue;
      // Without force: PostgreSQL refuses while somebody is connected.
      const gone = await client.query(`drop database if exists ${client.escapeIdentifier(name)}`).then(() => true, () => false);
      if (gone) dropped.push(name);
    }
    return dropped;
  });
}

const SCRATCH_PREFIX = 'postgres.scratch-';

async function onServer(backup: Backup, { cluster, dataDir }: Extract<Scratch, { kind: 'base' }>, options: ProofOptions): Promise<string> {
  // Where the cluster lies its owner can work, and there is a disk for it.
  const parent = dirname(cluster);
  const folder = mkdtempSync(join(parent, SCRATCH_PREFIX));
  const { uid, gid } = statSync(cluster);
  const owner = process.getuid?.() === 0 ? { uid, gid } : null;
  try {
    if (owner) chownSync(folder, uid, gid);
    options.onStep?.(`restoring into ${folder}`);
    const copy = join(folder, 'cluster');
    await restoreBase(backup, copy, owner);
    const settings = { fsync: 'off', autovacuum: 'off', shared_buffers: '32MB', ...recoverySettings(backup.manifest) };
    const server = await startScratchServer({ cluster: copy, dataDir, settings, signal: options.signal });
    try {
      return await compare(withIdentity(server.adminUrl, { database: backup.manifest.database }), backup, options);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Folders of scratch servers whose makers were killed. Only for the holder of the lock: nobody else's lie here. */
export function removeScratchFolders(cluster: string): void {
  const parent = dirname(cluster);
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(SCRATCH_PREFIX)) continue;
    endServerOf(join(parent, name, 'cluster'));
    rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

function endServerOf(cluster: string): void {
  try {
    const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
    if (pid > 1 && whoIs(pid, cluster) === 'server') process.kill(pid, 'SIGQUIT');
  } catch {
    // It has none, or has ended.
  }
}
