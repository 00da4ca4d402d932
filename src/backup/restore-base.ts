import { createReadStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { giveTo, type ProcessUser } from '../database/embedded/database-user.js';
import { BASE, type Manifest } from './manifest.js';
import type { Backup } from './read-backup.js';
import { unpackTar } from './tar.js';

/** What brings a restored folder up at exactly the manifest's figures; give it to `startScratchServer`. */
export function recoverySettings(manifest: Manifest): Record<string, string> {
  if (manifest.base === null) throw new Error(`${manifest.id} is no copy of a whole server`);
  return { restore_command: 'false', recovery_target_name: manifest.base.restorePoint, recovery_target_action: 'promote', recovery_target_timeline: 'current' };
}

/**
 * Unpacks a backup of kind `base` into `folder`, which is made or empty: a cluster that recovers, at its first start
 * with `recoverySettings`, to the moment of the manifest's figures, and is an ordinary one from then on. The server of
 * the same major version starts it (`startScratchServer`), with the passwords that its roles had.
 * @param owner whom the folder is given to, where this process is root
 */
export async function restoreBase(backup: Backup, folder: string, owner: ProcessUser | null = null): Promise<void> {
  const { manifest } = backup;
  if (manifest.kind !== 'base') throw new Error(`${manifest.id} is a dump of one database, not a copy of a server: it is restored into a database (restoreInto)`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty: a copy of a server is unpacked into an empty folder`);
  const file = createReadStream(join(backup.folder, BASE));
  const plain = createGunzip();
  file.once('error', (error) => plain.destroy(error));
  await unpackTar(file.pipe(plain), folder);
  const major = readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim();
  if (major !== String(Math.floor(manifest.serverVersionNum / 10_000))) throw new Error(`${manifest.id} says PostgreSQL ${manifest.serverVersion} and holds files of ${major}`);
  writeFileSync(join(folder, 'recovery.signal'), '', { mode: 0o600 });
  if (owner) giveTo(owner, folder);
}
