import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sumOf } from './archive-file.js';
import type { ArchiveRow } from './archives.repository.js';

/** What is wrong with an archive on the disk; null: nothing. @param whole reads all of it, else its length alone is compared */
export async function faultOf(folder: string | null, { file, bytes, sha256 }: ArchiveRow, whole: boolean): Promise<string | null> {
  if (folder === null) return 'ARCHIVE_DIR is not set';
  try {
    const { size } = await stat(join(folder, file));
    if (size !== bytes) return `it has ${size} bytes of ${bytes}`;
    return !whole || (await sumOf(join(folder, file))) === sha256 ? null : 'its checksum is another one';
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT' ? 'it is not there' : `it cannot be read (${(error as { code?: string }).code ?? (error as Error).message})`;
  }
}
