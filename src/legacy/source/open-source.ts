import { type Stats, statSync } from 'node:fs';
import type { FileTable } from '../profile.js';
import type { Source } from './cell.js';
import { openFolder } from './folder-source.js';
import { SourceError } from './source-error.js';
import { openSqlite, unreadable } from './sqlite-source.js';

/** A file or a folder that is open. Its tables depend on the profile: files of a folder may be one table. */
export interface OpenedSource {
  as(files: readonly FileTable[]): Source;
  close(): void;
}

/**
 * A SQLite file, or a folder of files.
 * @throws {SourceError} where it cannot be read, or is in use and not read hot
 */
export async function openSource(path: string, { hot = false }: { hot?: boolean } = {}): Promise<OpenedSource> {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
  // To open a pipe waits for whoever writes into it.
  if (!found.isDirectory() && !found.isFile()) throw new SourceError('SOURCE_UNREADABLE', `${path} is neither a file nor a folder: a device, a pipe or a socket`);
  if (found.isDirectory()) {
    const folder = await openFolder(path, { hot });
    return { as: (files) => folder.grouped(files), close: () => folder.close() };
  }
  const source = await openSqlite(path, { hot });
  return { as: () => source, close: () => source.close() };
}
