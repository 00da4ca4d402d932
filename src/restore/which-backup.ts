import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { type Backup, BadBackup, listBackups, newestVerified, readBackup, systemOf } from '../backup/read-backup.js';
import { MIGRATIONS } from '../database/migrations.js';
import { RestoreFailed } from './failed.js';

/**
 * The backup that is meant, read to its last byte.
 * @param given its name in the folder of backups, a path, or `latest`: the newest that was verified
 * @param options.system whose latest is meant, where that is known
 * @throws {RestoreFailed} NO_BACKUP, SEVERAL_SYSTEMS, BACKUP_DAMAGED, NOT_VERIFIED, BACKUP_NEWER
 */
export async function chosenBackup(given: string, folder: string, options: { unverified: boolean; system?: string | null; signal?: AbortSignal | undefined }): Promise<Backup> {
  const backup = await read(placeOf(given, folder, options.system ?? null), options.signal);
  const { manifest, verified } = backup;
  if (verified === null && !options.unverified) {
    throw new RestoreFailed('NOT_VERIFIED', `${manifest.id} was never restored and compared, so nobody knows whether it is whole: take another one, or say --unverified (it is compared before anything is swapped).`);
  }
  const known = new Set<string>(MIGRATIONS.map(({ name }) => name));
  const ahead = manifest.migrations.filter((name) => !known.has(name));
  if (ahead.length > 0) throw new RestoreFailed('BACKUP_NEWER', `${manifest.id} was made by a newer version (${manifest.appVersion}), with ${ahead.join(', ')}: restore it with that one.`);
  return backup;
}

function placeOf(given: string, folder: string, system: string | null): string {
  if (given === 'latest') {
    if (!existsSync(folder)) throw new RestoreFailed('NO_BACKUP', `There is no folder ${folder} for backups: its disk is not mounted, or BACKUP_DIR names another one.`);
    const all = listBackups(folder).filter((each) => system === null || systemOf(each) === null || systemOf(each) === system);
    const systems = new Set(all.filter(({ verified }) => verified !== null).flatMap((each) => systemOf(each) ?? []));
    if (systems.size > 1) throw new RestoreFailed('SEVERAL_SYSTEMS', `${folder} holds backups of ${systems.size} systems: name the one that is meant ("tradewarden backup --list"), and give each system a folder of its own.`);
    const newest = newestVerified(all);
    if (!newest) throw new RestoreFailed('NO_BACKUP', `There is no verified backup in ${folder}.`);
    return newest.folder;
  }
  const place = isAbsolute(given) || given.includes('/') ? resolve(given) : join(folder, given);
  if (!existsSync(place)) throw new RestoreFailed('NO_BACKUP', `There is no backup ${place}.`);
  return place;
}

async function read(place: string, signal: AbortSignal | undefined): Promise<Backup> {
  try {
    return await readBackup(place, signal);
  } catch (error) {
    if (error instanceof BadBackup) throw new RestoreFailed('BACKUP_DAMAGED', `${error.message}. Nothing was changed.`, { cause: error });
    throw error;
  }
}
