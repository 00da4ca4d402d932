import { createHash, type Hash } from 'node:crypto';
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { DecisionRow } from '../decision.js';

/**
 * An archive is one gzip file of JSON lines, first what it is, then a decision on each line in the order of `seq`. It is
 * made of blocks that are gzip members of their own: `zcat` reads all, and one decision takes one block.
 */
export interface ArchiveHead {
  format: 1;
  /** First day. */
  month: string;
  columns: string;
}

/** Where a block stands in its file. */
export interface BlockPlace {
  block_at: number;
  block_bytes: number;
}

export interface WrittenArchive {
  bytes: number;
  sha256: string;
  decisions: number;
  lastSeq: number;
  /** SHA-256 over the hashes of all decisions, in order: the database computes the same of its rows. */
  digest: string;
}

export const PARTIAL = '.partial-';

/** What lies where a file belongs may be a pipe: opening it would wait for ever, and four that wait hold up every file of the process. */
const TO_READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** Before it is compressed. A decision is a few thousand bytes, so a look at one unpacks some dozens. */
const BLOCK_BYTES = 131_072;
/** Much more than a block can be: a length that was changed must not take all memory. */
const BLOCK_BYTES_MOST = 67_108_864;

const squeezed = promisify(gzip);
const unpacked = promisify(gunzip);

/** Writes a file under another name, which gets its own when all of it is on the disk. */
export class ArchiveWriter {
  private readonly sum: Hash = createHash('sha256');
  private readonly digest: Hash = createHash('sha256');
  private bytes = 0;
  private decisions = 0;
  private lastSeq = 0;

  private constructor(
    private readonly folder: string,
    private readonly file: string,
    private readonly handle: FileHandle,
  ) {}

  static async begin(folder: string, file: string, month: string): Promise<ArchiveWriter> {
    const writer = new ArchiveWriter(folder, file, await open(join(folder, PARTIAL + file), 'wx', 0o640));
    const head: ArchiveHead = { format: 1, month, columns: 'seq at stream number id type agent_id idea_id command_id halt_id key_id canonical hash' };
    try {
      await writer.write(Buffer.from(`${JSON.stringify(head)}\n`));
    } catch (error) {
      await writer.abandon();
      await rm(join(folder, PARTIAL + file), { force: true }).catch(() => undefined);
      throw error;
    }
    return writer;
  }

  /** In order of `seq`. */
  async add(rows: readonly DecisionRow[]): Promise<void> {
    let block: string[] = [];
    let size = 0;
    for (const row of rows) {
      const line = `${JSON.stringify(row)}\n`;
      this.digest.update(row.hash);
      this.decisions += 1;
      this.lastSeq = row.seq;
      block.push(line);
      size += line.length;
      if (size < BLOCK_BYTES) continue;
      await this.write(Buffer.from(block.join('')));
      [block, size] = [[], 0];
    }
    if (block.length > 0) await this.write(Buffer.from(block.join('')));
  }

  /** All of it is on the disk, under its other name. */
  async finish(): Promise<WrittenArchive> {
    await this.handle.sync();
    await this.handle.close();
    return { bytes: this.bytes, sha256: this.sum.digest('hex'), decisions: this.decisions, lastSeq: this.lastSeq, digest: this.digest.digest('hex') };
  }

  /** Under its own name, also after the power fails. */
  async publish(): Promise<void> {
    await rename(join(this.folder, PARTIAL + this.file), join(this.folder, this.file));
    const folder = await open(dirname(join(this.folder, this.file)));
    await folder.sync().finally(() => folder.close());
  }

  async abandon(): Promise<void> {
    await this.handle.close().catch(() => undefined);
  }

  private async write(text: Buffer): Promise<void> {
    const block = (await squeezed(text)) as Buffer;
    await this.handle.writeFile(block);
    this.sum.update(block);
    this.bytes += block.length;
  }
}

/** The decisions of one block. @throws when the file is not there, or the block cannot be read */
export async function readBlock(path: string, { block_at: at, block_bytes: bytes }: BlockPlace): Promise<DecisionRow[]> {
  const handle = await open(path, TO_READ);
  try {
    const block = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(block, 0, bytes, at);
    if (bytesRead !== bytes) throw new Error('the file is too short');
    return linesOf(await unpack(block)).map((line) => JSON.parse(line) as DecisionRow);
  } finally {
    await handle.close();
  }
}

/** Reads a file block by block, as it lies on the disk. @throws when it is not one of these files, or its sum differs */
export async function* readArchive(path: string, expected: { bytes: number; sha256: string }): AsyncGenerator<{ head: ArchiveHead | null; rows: DecisionRow[]; place: BlockPlace }> {
  const handle = await open(path, TO_READ);
  try {
    const sum = createHash('sha256');
    let rest = Buffer.alloc(0);
    let at = 0;
    let isFirst = true;
    for (;;) {
      const chunk = Buffer.alloc(1_048_576);
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      sum.update(chunk.subarray(0, bytesRead));
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let end = nextMember(rest); ; end = nextMember(rest)) {
        const whole = end ?? (bytesRead === 0 && rest.length > 0 ? rest.length : null);
        if (whole === null) break;
        const lines = linesOf(await unpack(rest.subarray(0, whole))).map((line) => JSON.parse(line) as unknown);
        const place = { block_at: at, block_bytes: whole };
        if (isFirst) yield { head: headOf(lines[0]), rows: [], place };
        else yield { head: null, rows: lines as DecisionRow[], place };
        isFirst = false;
        at += whole;
        rest = rest.subarray(whole);
      }
      if (rest.length > BLOCK_BYTES_MOST) throw new Error('a block has no end');
      if (bytesRead === 0) break;
    }
    if (isFirst) throw new Error('the file is empty');
    if (at !== expected.bytes || sum.digest('hex') !== expected.sha256) throw new Error('its checksum is another one');
  } finally {
    await handle.close();
  }
}

/** Hex, of all of a file. */
export async function sumOf(path: string): Promise<string> {
  const handle = await open(path, TO_READ);
  const sum = createHash('sha256');
  try {
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1_048_576 })) sum.update(chunk as Buffer);
    return sum.digest('hex');
  } finally {
    await handle.close();
  }
}

/** As zlib writes them here: magic, deflate, no flags, no time. Inside a block they stand by chance once in 2^64 bytes. */
const MEMBER = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00]);

function nextMember(bytes: Buffer): number | null {
  const at = bytes.indexOf(MEMBER, MEMBER.length);
  return at < 0 ? null : at;
}

async function unpack(block: Buffer): Promise<string> {
  return ((await unpacked(block, { maxOutputLength: BLOCK_BYTES_MOST * 4 })) as Buffer).toString();
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

function headOf(line: unknown): ArchiveHead {
  const head = line as Partial<ArchiveHead> | undefined;
  if (head?.format !== 1 || typeof head.month !== 'string') throw new Error('it is no archive of decisions');
  return head as ArchiveHead;
}
