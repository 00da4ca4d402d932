import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { placeOfReport } from '../load/reject-file.js';
import { filesOf } from './folder-files.js';
import { openSource } from './open-source.js';
import { temporaryFolder } from './temporary.js';

const folder = () => mkdtempSync(join(tmpdir(), 'tradewarden-places-'));

describe('a source that is no file', () => {
  it('is refused at once where it is a pipe or a device: to open one would wait for ever', async () => {
    const pipe = join(folder(), 'pipe.db');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero']) await expect(openSource(path)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE', message: expect.stringContaining('neither a file nor a folder') as unknown as string });
  });
});

describe('10,000 small files', () => {
  it('are read with what they hold, not with a megabyte for each', async () => {
    const root = folder();
    mkdirSync(join(root, 'trade_outcomes'));
    for (let n = 0; n < 2_000; n += 1) writeFileSync(join(root, 'trade_outcomes', `${n}.jsonl`), `{"trade_id": "${n}"}\n`);
    expect(filesOf(root).files).toHaveLength(2_000);
    const opened = await openSource(root);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let read = 0;
    for (const table of opened.as([{ table: 'outcomes', files: '**/*.jsonl' }]).tables) {
      for (const row of table.rows()) {
        read += Object.keys(row.cells).length;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
    }
    opened.close();
    expect(read).toBe(2_000);
    expect(most).toBeLessThan(20_000_000);
  });
});

describe('the temporary folder', () => {
  it('is cleared of what a process left that was killed, and of nothing else', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const host = hostname().replace(/[^\w.]/g, '_');
    const [dead, alive, elsewhere] = [`${host}-${pid}`, `${host}-${process.ppid}`, `other-${pid}`].map((of) => join(tmpdir(), `tradewarden-rejects-${of}-abc123`));
    for (const path of [dead, alive, elsewhere]) mkdirSync(path as string);
    temporaryFolder('source');
    expect([dead, alive, elsewhere].map((path) => existsSync(path as string))).toEqual([false, true, true]);
  });
});

describe('the report of rejects', () => {
  it('is beside the source, or where it may be written', async () => {
    const root = folder();
    expect(await placeOfReport(join(root, 'a.db'))).toBe(join(root, 'a.db.rejects.jsonl'));
    expect(await placeOfReport('/proc/self/a.db')).toBe(join(process.cwd(), 'a.db.rejects.jsonl'));
  });
});
