import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TarWriter, unpackTar } from '../../src/backup/tar.js';

describe('files one behind the other', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'tradewarden-tar-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function written(work: (tar: TarWriter) => Promise<void>): Promise<Buffer> {
    const out = new PassThrough({ highWaterMark: 1 << 26 });
    const all = buffer(out);
    const tar = new TarWriter(out);
    await work(tar);
    await tar.end();
    out.end();
    return all;
  }
  const into = (name: string) => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  const large = Buffer.alloc(3_000_001, 'tradewarden');

  it('come out as they went in, whatever their length, and the system\'s own tar reads them', async () => {
    writeFileSync(join(folder, 'large'), large);
    const bytes = await written(async (tar) => {
      await tar.folder('base');
      await tar.file('base/large', join(folder, 'large'));
      await tar.text('empty', '');
      await tar.text('block', 'x'.repeat(512));
    });
    const at = into('out');
    await unpackTar(Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]), at);
    expect(readFileSync(join(at, 'base/large')).equals(large)).toBe(true);
    expect([readFileSync(join(at, 'empty'), 'utf8'), readFileSync(join(at, 'block'), 'utf8').length]).toEqual(['', 512]);
    expect(execFileSync('tar', ['-t'], { input: bytes, encoding: 'utf8' }).trim().split('\n')).toEqual(['base/', 'base/large', 'empty', 'block']);
  });

  it('cut off anywhere, changed in a header or leading elsewhere are refused', async () => {
    const bytes = await written((tar) => tar.text('file', 'y'.repeat(1_000)));
    for (const length of [0, 100, 512, 900, 1_536]) await expect(unpackTar(Readable.from([bytes.subarray(0, length)]), into(`cut-${length}`))).rejects.toThrow(/cut off/);
    const changed = Buffer.from(bytes);
    changed[0] = 0x67;
    await expect(unpackTar(Readable.from([changed]), into('changed'))).rejects.toThrow(/another checksum/);
    const outside = await written((tar) => tar.text('../outside', 'z'));
    await expect(unpackTar(Readable.from([outside]), into('outside-1'))).rejects.toThrow(/leads elsewhere/);
  });

  it('that are gone are left out', async () => {
    const bytes = await written(async (tar) => expect(await tar.file('gone', join(folder, 'gone'))).toBe(false));
    expect(bytes.length).toBe(1_024);
  });
});
