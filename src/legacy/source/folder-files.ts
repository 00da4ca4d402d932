import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { SourceError } from './source-error.js';

export interface FolderFile {
  /** Relative, `/` between. */
  path: string;
  full: string;
  size: number;
}

export interface FolderFiles {
  files: FolderFile[];
  notRead: { name: string; why: string }[];
}

const FILES_MOST = 200_000;
const DEPTH_MOST = 40;
const LOCK = /\.(?:lock|lck|pid)$|^~\$/i;
/** SQLite's own, beside a database that is asked whether it is in use. */
const BESIDE = /-(?:wal|shm|journal)$/;

/** All files of a folder in the order of their paths. What is not read is listed with its reason. */
export function filesOf(folder: string): FolderFiles {
  const found: FolderFiles = { files: [], notRead: [] };
  walk(realpathSync(folder), '', 0, found);
  found.files.sort((one, other) => (one.path < other.path ? -1 : 1));
  const paths = new Set(found.files.map(({ path }) => path));
  for (const { path } of found.files.filter((file) => isBeside(file, paths))) found.notRead.push({ name: path, why: 'belongs to the SQLite file beside it' });
  found.files = found.files.filter((file) => !isBeside(file, paths));
  return found;
}

const isBeside = ({ path }: FolderFile, paths: ReadonlySet<string>): boolean => BESIDE.test(path) && paths.has(path.replace(BESIDE, ''));

function walk(root: string, within: string, depth: number, found: FolderFiles): void {
  if (depth > DEPTH_MOST) throw new SourceError('SOURCE_TOO_DEEP', `${within} lies more than ${DEPTH_MOST} folders deep`);
  for (const name of readdirSync(join(root, within)).sort()) {
    const path = within === '' ? name : `${within}/${name}`;
    const full = join(root, path);
    const why = whyNotRead(root, name, full);
    if (why !== null) {
      found.notRead.push({ name: path, why });
      continue;
    }
    const entry = lstatSync(full);
    if (entry.isDirectory()) walk(root, path, depth + 1, found);
    else found.files.push({ path, full, size: entry.size });
    if (found.files.length > FILES_MOST) throw new SourceError('SOURCE_TOO_MANY_FILES', `more than ${FILES_MOST} files; is it the right folder?`);
  }
}

function whyNotRead(root: string, name: string, full: string): string | null {
  const entry = lstatSync(full, { throwIfNoEntry: false });
  if (entry === undefined) return 'it is gone, or its name is no text';
  if (entry.isSymbolicLink()) return whyNoLink(root, full);
  if (name.startsWith('.')) return entry.isDirectory() ? 'a hidden folder' : 'a hidden file';
  if (entry.isDirectory()) return null;
  if (!entry.isFile()) return 'no file: a device, a pipe or a socket';
  if (LOCK.test(name)) return 'a lock: it says that a program runs, and holds no data';
  return entry.size === 0 ? 'it is empty' : null;
}

function whyNoLink(root: string, full: string): string {
  let target: string;
  try {
    target = realpathSync(full);
  } catch {
    return 'a link that leads nowhere';
  }
  return target.startsWith(root + sep) ? 'a link: what it leads to is read where it lies' : 'a link that leads out of the folder';
}
