import { basename } from 'node:path';
import { stat } from 'node:fs/promises';
import { fileDigest } from './digest.js';
import { SourceError } from './source-error.js';

/** What a file was when its reading began. */
export interface FileState {
  path: string;
  size: bigint;
  inode: bigint;
  sha256: string;
}

/** Of SQLite, beside its file: what is not yet in it, or was not ended. */
const BESIDE = [
  { suffix: '-wal', holds: 'changes that are not yet in it' },
  { suffix: '-journal', holds: 'a change that has not ended' },
];

/**
 * A database that is in use, or was left in the middle of a change: its file alone is not all of it.
 * @throws {SourceError} SOURCE_IN_USE
 */
export async function refuseInUse(path: string): Promise<void> {
  for (const { suffix, holds } of BESIDE) {
    const size = await sizeOf(path + suffix);
    if (size > 0) throw new SourceError('SOURCE_IN_USE', `${basename(path)} is in use: ${basename(path)}${suffix} (${size} bytes) holds ${holds}. Stop its application, which writes them into it, or read it with --hot.`);
  }
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0;

/** Before the first byte is read; its digest is the source's. */
export async function fileState(path: string): Promise<FileState> {
  const { size, ino } = await stat(path, { bigint: true });
  return { path, size, inode: ino, sha256: await fileDigest(path) };
}

/**
 * After the last: size and times can be set back, so the bytes are read again.
 * @throws {SourceError} SOURCE_CHANGED
 */
export async function refuseChanged(before: FileState): Promise<void> {
  const said = (what: string) => new SourceError('SOURCE_CHANGED', `${basename(before.path)} was changed while it was read (${what}). Stop its application, or read it with --hot.`);
  const now = await stat(before.path, { bigint: true }).catch(() => null);
  if (now === null) throw said('it is gone');
  if (now.ino !== before.inode) throw said('another file has taken its place');
  if (now.size !== before.size) throw said(`${before.size} bytes, now ${now.size}`);
  if ((await fileDigest(before.path)) !== before.sha256) throw said('its bytes are others');
}
