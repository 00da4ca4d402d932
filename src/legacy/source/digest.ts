import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Hex SHA-256 of a file of any size. */
export async function fileDigest(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/** Of several files, by their paths inside the folder: the order in which they are found says nothing. */
export function filesDigest(files: readonly { path: string; sha256: string }[]): string {
  const digest = createHash('sha256');
  for (const { path, sha256 } of [...files].sort((one, other) => (one.path < other.path ? -1 : 1))) digest.update(`${path}\0${sha256}\n`);
  return digest.digest('hex');
}
