import { mkdir, open } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/**
 * Files one behind the other in the old format of tar (ustar), which every system unpacks: written here, since slim
 * containers have no tar, and since a file of a running server has as many bytes as its header said before.
 */
const BLOCK = 512;
const CHUNK = 1 << 20;
/** Eleven octal digits. */
const BYTES_MOST = 8 ** 11 - 1;
const NAME_MOST = 100;

export type TarEntry = { name: string; mode: number } & ({ kind: 'folder' } | { kind: 'file'; bytes: number });

export class TarWriter {
  constructor(private readonly out: Writable) {}

  async folder(name: string, mode = 0o700): Promise<void> {
    await this.write(headerOf({ kind: 'folder', name: `${name}/`, mode }));
  }

  async text(name: string, contents: string | Buffer, mode = 0o600): Promise<void> {
    const bytes = Buffer.from(contents);
    await this.write(headerOf({ kind: 'file', name, mode, bytes: bytes.length }));
    await this.write(bytes);
    await this.fill(bytes.length);
  }

  /**
   * A file that may change meanwhile: what it has more by then is left out, what it has less is zeros. The server's
   * write-ahead log says again what became of those pages. False when it is gone.
   */
  async file(name: string, path: string, mode = 0o600): Promise<boolean> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (!file) return false;
    try {
      const { size } = await file.stat();
      await this.write(headerOf({ kind: 'file', name, mode, bytes: size }));
      for (let left = size; left > 0; ) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK, left)), 0, Math.min(CHUNK, left));
        const chunk = bytesRead > 0 ? buffer.subarray(0, bytesRead) : Buffer.alloc(Math.min(CHUNK, left));
        await this.write(chunk);
        left -= chunk.length;
      }
      await this.fill(size);
      return true;
    } finally {
      await file.close();
    }
  }

  async end(): Promise<void> {
    await this.write(Buffer.alloc(2 * BLOCK));
  }

  private async fill(size: number): Promise<void> {
    if (size % BLOCK > 0) await this.write(Buffer.alloc(BLOCK - (size % BLOCK)));
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.out.destroyed) throw this.out.errored ?? new Error('the file that is written to was closed');
    if (this.out.write(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => {
        this.out.off('drain', done).off('error', done).off('close', closed);
        if (error) reject(error);
        else resolve();
      };
      const closed = () => done(this.out.errored ?? new Error('the file that is written to was closed'));
      this.out.once('drain', done).once('error', done).once('close', closed);
    });
  }
}

function headerOf(entry: TarEntry): Buffer {
  const bytes = entry.kind === 'file' ? entry.bytes : 0;
  if (Buffer.byteLength(entry.name) > NAME_MOST || bytes > BYTES_MOST) throw new Error(`${entry.name} does not fit into a tar file`);
  const header = Buffer.alloc(BLOCK);
  header.write(entry.name, 0);
  const octal = (value: number, at: number, length: number) => header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(0, 136, 12);
  header.write(entry.kind === 'folder' ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const checksum = (header: Buffer): number => header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);

/** Unpacks into `folder`, which is there. @throws when the stream is no whole tar file, or a name leads out of the folder */
export async function unpackTar(stream: Readable, folder: string): Promise<void> {
  const source = new Blocks(stream);
  for (;;) {
    const header = await source.take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const entry = entryOf(header);
    const path = join(folder, entry.name);
    if (entry.kind === 'folder') {
      await mkdir(path, { recursive: true, mode: entry.mode });
      continue;
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'wx', entry.mode);
    try {
      for (let left = entry.bytes; left > 0; ) {
        const chunk = await source.some(Math.min(CHUNK, left));
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
        left -= chunk.length;
      }
      await source.take((BLOCK - (entry.bytes % BLOCK)) % BLOCK);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
  stream.resume();
}

function entryOf(header: Buffer): TarEntry {
  const text = (at: number, length: number) => header.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  const octal = (at: number, length: number) => Number.parseInt(text(at, length).trim(), 8);
  if (octal(148, 8) !== checksum(header)) throw new Error('the tar file is damaged: a header has another checksum');
  const name = text(0, NAME_MOST).replace(/\/$/, '');
  if (name === '' || normalize(name) !== name || name.startsWith('/') || name.startsWith('..')) throw new Error(`the tar file has a name that leads elsewhere: ${name}`);
  const kind = String.fromCharCode(header[156] ?? 0);
  if (kind !== '0' && kind !== '5') throw new Error(`the tar file has something that is no file: ${name}`);
  const mode = octal(100, 8) & 0o777;
  return kind === '5' ? { kind: 'folder', name, mode } : { kind: 'file', name, mode, bytes: octal(124, 12) };
}

/** Bytes in the lots that one asks for. */
class Blocks {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** At least one, at most `most`. */
  async some(most: number): Promise<Buffer> {
    while (this.rest.length === 0) {
      const { done, value } = await this.chunks.next();
      if (done) throw new Error('the tar file is cut off');
      this.rest = value;
    }
    const part = this.rest.subarray(0, most);
    this.rest = this.rest.subarray(part.length);
    return part;
  }

  async take(bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const part = await this.some(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}
