import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BACKUP_NAME, CHECKSUMS, FORMAT, MANIFEST, type Manifest, manifestSchema, type Verified, VERIFIED, verifiedSchema } from './manifest.js';

/** A folder that is no backup, or no longer the one that was written. The message names folder and file. */
export class BadBackup extends Error {}

export interface Backup {
  /** Absolute. */
  folder: string;
  manifest: Manifest;
  /** Null: it was never restored and compared, or the proof is of another manifest. */
  verified: Verified | null;
}

/** One of a folder of backups, as far as it tells without reading all of it. */
export interface ListedBackup {
  id: string;
  folder: string;
  /** Of its name: there also when nothing in it can be read. */
  createdAt: string;
  bytes: number;
  manifest: Manifest | null;
  verified: Verified | null;
  /** Why it cannot be used; null when nothing is known against it. */
  fault: string | null;
}

/** @throws {BadBackup} naming the first file that is missing, shorter, longer or changed */
export async function readBackup(folder: string, signal?: AbortSignal): Promise<Backup> {
  const at = resolve(folder);
  const { manifest, bytes } = readManifest(at);
  const sums = readChecksums(at);
  const expected = new Map(manifest.files.map((file) => [file.name, file.sha256]));
  compareSums(at, sums, expected);
  if (sums.get(MANIFEST) !== sha256(bytes)) throw new BadBackup(`${join(at, MANIFEST)} is not as it was written (${CHECKSUMS})`);
  for (const file of manifest.files) {
    sizeAsWritten(at, file);
    if ((await hashFile(join(at, file.name), signal)) !== file.sha256) throw new BadBackup(`${join(at, file.name)} is not as it was written: its checksum differs`);
  }
  return { folder: at, manifest, verified: readVerified(at, bytes) };
}

/** The backups of a folder, newest first; nothing else in it is looked at. An absent folder has none. */
export function listBackups(dir: string): ListedBackup[] {
  return names(dir).filter((name) => BACKUP_NAME.test(name)).map((id) => listed(resolve(dir, id))).sort((one, other) => (one.createdAt === other.createdAt ? (one.id < other.id ? 1 : -1) : one.createdAt < other.createdAt ? 1 : -1));
}

/** Numbers of events only rise, a restore moves them on, and every backup draws one: of two of one system the one with the higher number came later, whatever the clocks said. */
const reach = ({ manifest }: ListedBackup): number => manifest?.sequences.find(({ name }) => name === 'events_seq')?.value ?? -1;

/** The newest one that was proven, of those of one system. */
export const newestVerified = (all: readonly ListedBackup[]): ListedBackup | null =>
  all.filter(({ verified, fault }) => verified !== null && fault === null).reduce<ListedBackup | null>((best, each) => (best === null || reach(each) > reach(best) ? each : best), null);

/** Which system a backup is of; null: one that had nobody's account yet, or is damaged. */
export const systemOf = ({ manifest }: Pick<ListedBackup, 'manifest'>): string | null => manifest?.system ?? null;

function names(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new Error(`the folder of backups ${dir} cannot be read (${code})`, { cause: error });
  }
}

function listed(folder: string): ListedBackup {
  const id = basename(folder);
  const [, year, month, day, hour, minute, second] = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  const createdAt = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const unknown = { id, folder, createdAt, bytes: 0, manifest: null, verified: null };
  try {
    const { manifest, bytes } = readManifest(folder);
    const known = { ...unknown, createdAt: manifest.createdAt, bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0), manifest };
    try {
      for (const file of manifest.files) sizeAsWritten(folder, file);
      return { ...known, verified: readVerified(folder, bytes), fault: null };
    } catch (error) {
      return { ...known, fault: (error as Error).message };
    }
  } catch (error) {
    return { ...unknown, fault: (error as Error).message };
  }
}

function readManifest(folder: string): { manifest: Manifest; bytes: Buffer } {
  if (!BACKUP_NAME.test(basename(folder))) throw new BadBackup(`${folder} is no backup: the name of one is tradewarden-<time>-<number>`);
  const path = join(folder, MANIFEST);
  const bytes = contents(path);
  const given = jsonOf(bytes, path);
  const format = (given as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > FORMAT) throw new BadBackup(`${path} is of format ${format}, which a newer version of Tradewarden reads; this one reads ${FORMAT}`);
  const parsed = manifestSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new BadBackup(`${path} is damaged: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
  }
  if (parsed.data.id !== basename(folder)) throw new BadBackup(`${path} is of another backup, ${parsed.data.id}`);
  return { manifest: parsed.data, bytes };
}

/** Lines as `sha256sum -c` reads them. */
function readChecksums(folder: string): Map<string, string> {
  const path = join(folder, CHECKSUMS);
  const found = new Map<string, string>();
  const text = contents(path).toString('utf8');
  if (!text.endsWith('\n')) throw new BadBackup(`${path} is damaged: its last line is cut off`);
  for (const line of text.split('\n').slice(0, -1)) {
    const [, hash, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
    if (hash === undefined || name === undefined || found.has(name)) throw new BadBackup(`${path} is damaged: it has a line that is no checksum`);
    found.set(name, hash);
  }
  return found;
}

function compareSums(folder: string, sums: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): void {
  for (const [name, hash] of expected) {
    if (sums.get(name) !== hash) throw new BadBackup(`${join(folder, CHECKSUMS)} and ${MANIFEST} do not say the same of ${name}`);
  }
  for (const name of sums.keys()) {
    if (name !== MANIFEST && !expected.has(name)) throw new BadBackup(`${join(folder, CHECKSUMS)} names ${name}, which ${MANIFEST} does not`);
  }
  if (!sums.has(MANIFEST)) throw new BadBackup(`${join(folder, CHECKSUMS)} does not name ${MANIFEST}`);
}

function sizeAsWritten(folder: string, file: { name: string; bytes: number }): void {
  const path = join(folder, file.name);
  let size: number;
  try {
    const about = statSync(path);
    size = about.isFile() ? about.size : Number.NaN;
  } catch (error) {
    throw new BadBackup(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  if (Number.isNaN(size)) throw new BadBackup(`${path} is no file`);
  if (size !== file.bytes) throw new BadBackup(`${path} has ${size} bytes and was written with ${file.bytes}`);
}

/** A proof that cannot be read is none. */
function readVerified(folder: string, manifest: Buffer): Verified | null {
  try {
    const text = contents(join(folder, VERIFIED)).toString('utf8');
    const verified = verifiedSchema.parse(JSON.parse(text));
    return verified.manifestSha256 === sha256(manifest) && text === proofText(verified) ? verified : null;
  } catch {
    return null;
  }
}

/** As it is written; its own checksum is made here. */
export function proofText({ sha256: _old, ...proof }: Omit<Verified, 'sha256'> & { sha256?: string }): string {
  return `${JSON.stringify({ ...proof, sha256: sha256(JSON.stringify(proof)) }, null, 1)}\n`;
}

/** Thousands of times what one has: a pipe would be waited for, and a device read, for ever. */
const CONTENTS_MOST = 67_108_864;

function contents(path: string): Buffer {
  try {
    const about = statSync(path);
    if (about.isDirectory() || (about.isFile() && about.size <= CONTENTS_MOST)) return readFileSync(path);
  } catch (error) {
    throw new BadBackup(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  throw new BadBackup(`${path} is no file that a backup has: it is too large, or none at all`);
}

function jsonOf(bytes: Buffer, path: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new BadBackup(`${path} is damaged: it is no JSON`, { cause: error });
  }
}

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal ? { signal } : {}) })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
