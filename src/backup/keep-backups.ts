import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { partialName } from './names.js';
import { type ListedBackup, listBackups, newestVerified, systemOf } from './read-backup.js';

const DAY_MS = 86_400_000;

/** By the database's clock, as the time that it is compared with; of one that cannot be read, by its name. */
const madeAt = ({ manifest, createdAt }: ListedBackup): number => Date.parse(manifest?.snapshotAt ?? createdAt);

/**
 * Which backups go: those older than so many days, unless one is the newest of its system that was proven. While none was
 * proven nothing goes: an unproven one is then the best there is.
 */
export function tooOld(all: readonly ListedBackup[], now: Date, days: number): ListedBackup[] {
  if (Number.isNaN(now.getTime())) return [];
  const newest = [...new Set(all.map(systemOf))].flatMap((system) => newestVerified(all.filter((each) => systemOf(each) === system)) ?? []);
  const before = now.getTime() - days * DAY_MS;
  // What is younger than the newest proven one may be proven yet.
  const hasBetter = (each: ListedBackup) => newest.some((good) => (each.manifest === null || systemOf(each) === systemOf(good)) && madeAt(each) <= madeAt(good));
  return all.filter((each) => !newest.includes(each) && madeAt(each) < before && hasBetter(each));
}

/** Removes them. Returns the names. */
export const keepBackups = (dir: string, now: Date, days: number): string[] => remove(tooOld(listBackups(dir), now, days));

/**
 * Of runs that failed, those that were never proven: one that fails each hour would fill the disk. Returns the names.
 * @param failed names of runs of this database, newest first; the newest stays, to be looked at
 */
export function dropUnproven(dir: string, failed: readonly string[]): string[] {
  const unproven = new Map(listBackups(dir).filter(({ verified }) => verified === null).map((each) => [each.id, each]));
  return remove(failed.flatMap((name) => unproven.get(name) ?? []).slice(1));
}

/** Half removed they no longer have a backup's name. */
function remove(all: readonly ListedBackup[]): string[] {
  return all.map(({ id, folder }) => {
    const going = join(dirname(folder), partialName(id));
    if (existsSync(going)) rmSync(going, { recursive: true, force: true });
    renameSync(folder, going);
    rmSync(going, { recursive: true, force: true });
    return id;
  });
}
