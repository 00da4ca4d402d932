import { statSync } from 'node:fs';
import type { FileTable } from '../profile.js';
import type { Source } from './cell.js';
import { openFolder } from './folder-source.js';
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
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
  if (isFolder) {
    const folder = await openFolder(path, { hot });
    return { as: (files) => folder.grouped(files), close: () => folder.close() };
  }
  const source = await openSqlite(path, { hot });
  return { as: () => source, close: () => source.close() };
}
