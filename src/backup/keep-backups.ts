import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { partialName } from './names.js';
import { type ListedBackup, listBackups, newestVerified } from './read-backup.js';

const DAY_MS = 86_400_000;

/**
 * Which backups go: those older than so many days, unless one is the newest that was proven. While none was proven
 * nothing goes: an unproven one is then the best there is.
 */
export function tooOld(all: readonly ListedBackup[], now: Date, days: number): ListedBackup[] {
  const newest = newestVerified(all);
  if (!newest || Number.isNaN(now.getTime())) return [];
  const before = now.getTime() - days * DAY_MS;
  // What is younger than the newest proven one may be proven yet.
  return all.filter((each) => each.id !== newest.id && Date.parse(each.createdAt) < before && Date.parse(each.createdAt) <= Date.parse(newest.createdAt));
}

/** Removes them; half removed they no longer have a backup's name. Returns the names. */
export function keepBackups(dir: string, now: Date, days: number): string[] {
  return tooOld(listBackups(dir), now, days).map(({ id, folder }) => {
    const going = join(dirname(folder), partialName(id));
    if (existsSync(going)) rmSync(going, { recursive: true, force: true });
    renameSync(folder, going);
    rmSync(going, { recursive: true, force: true });
    return id;
  });
}
