import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../config/durable-file.js';
import type { Query } from './figures.js';
import type { Manifest } from './manifest.js';
import { hashFile, type ListedBackup } from './read-backup.js';

export type BackupFile = Manifest['files'][number];

const NAME = /^decisions-[0-9]{4}-[0-9]{2}-[0-9a-f]{12}\.jsonl\.gz$/;
export const isArchive = ({ name }: Pick<BackupFile, 'name'>): boolean => NAME.test(name);

/** Files that hold the only copy of old decisions, as the snapshot that is backed up relies on them. They never change. */
export async function archivesOf(query: Query): Promise<BackupFile[]> {
  const [known] = await query<{ there: boolean }>(`select to_regclass('public.decision_archives') is not null as there`);
  return known?.there ? query<BackupFile>(`select file as name, bytes::float8 as bytes, sha256 from decision_archives where dropped_at is not null order by month, id`) : [];
}

/**
 * Puts them into a backup: what an earlier one of the same disk has is shared with it, so that a hundred backups take no
 * more room than one. Whatever is taken is read to its last byte.
 * @param from ARCHIVE_DIR
 * @returns those that are there now, and names of those that nobody has
 */
export async function takeArchives(wanted: readonly BackupFile[], into: string, { from, earlier, signal }: { from: string | null; earlier: readonly ListedBackup[]; signal?: AbortSignal | undefined }): Promise<{ files: BackupFile[]; missing: string[] }> {
  const files: BackupFile[] = [];
  const missing: string[] = [];
  for (const file of wanted) {
    const target = join(into, file.name);
    const before = earlier.find(({ manifest }) => manifest?.files.some(({ name, sha256 }) => name === file.name && sha256 === file.sha256));
    const isTaken = isArchive(file) && (
      (before !== undefined && (await taken(file, target, () => link(join(before.folder, file.name), target), signal)))
      || (from !== null && (await taken(file, target, () => copied(join(from, file.name), target), signal))));
    if (isTaken) files.push(file);
    else missing.push(file.name);
  }
  return { files, missing };
}

/** Brings back what is not there, or no longer as it was written. Nothing else of the folder is touched. Returns the names. */
export async function putArchivesBack({ manifest, folder }: { manifest: Manifest; folder: string }, archiveDir: string, signal?: AbortSignal): Promise<string[]> {
  const back: string[] = [];
  for (const file of manifest.files.filter(isArchive)) {
    const place = join(archiveDir, file.name);
    if (await isWhole(file, place, signal)) continue;
    await mkdir(archiveDir, { recursive: true });
    const partial = join(archiveDir, `.partial-${file.name}`);
    await rm(partial, { force: true });
    if (!(await taken(file, partial, () => copied(join(folder, file.name), partial), signal))) throw new Error(`${join(folder, file.name)} could not be copied to ${archiveDir}`);
    await rename(partial, place);
    syncFolder(archiveDir);
    back.push(file.name);
  }
  return back;
}

/** False when its source is not there, cannot be read or is another; a disk that is full is no reason to go without it. */
async function taken(file: BackupFile, target: string, take: () => Promise<void>, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await take();
    if (await isWhole(file, target, signal)) return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (['ENOSPC', 'EDQUOT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await rm(target, { force: true });
  return false;
}

async function copied(source: string, target: string): Promise<void> {
  if (!(await stat(source)).isFile()) throw new Error(`${source} is no file`);
  await copyFile(source, target, constants.COPYFILE_EXCL);
  const file = await open(target, 'r+');
  await file.chmod(0o600).then(() => file.sync()).finally(() => file.close());
}

async function isWhole({ bytes, sha256 }: BackupFile, path: string, signal: AbortSignal | undefined): Promise<boolean> {
  const about = await stat(path).catch(() => null);
  return about?.isFile() === true && about.size === bytes && (await hashFile(path, signal)) === sha256;
}
