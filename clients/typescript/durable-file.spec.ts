import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readIfThere, replaceFile, takeLock } from './durable-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'durable-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a replaced file', () => {
  it('has the new content, is for its owner only, and leaves nothing beside it', () => {
    const path = join(folder, 'state.json');
    replaceFile(path, 'one');
    replaceFile(path, 'two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.tmp`)).toBe(false);
  });

  it('is null while it is not there', () => {
    expect(readIfThere(join(folder, 'none'))).toBeNull();
  });
});

describe('a lock', () => {
  const path = () => join(folder, 'lock');

  it('keeps a second one out while its process lives', () => {
    // The test runner's parent is alive and is not this process.
    const start = readIfThere(`/proc/${process.ppid}/stat`)?.split(') ').at(-1)?.split(' ')[19] ?? '';
    writeFileSync(path(), `${process.ppid} ${start}`);
    expect(() => takeLock(path())).toThrow(`process ${process.ppid} already works here`);
  });

  it.each(['999999999 1', `${process.ppid} 1`, `${process.pid} 1`, ''])('left behind by a crash is taken over: %p', (content) => {
    writeFileSync(path(), content);
    const release = takeLock(path());
    expect(readFileSync(path(), 'utf8')).toMatch(`${process.pid} `);
    release();
    expect(existsSync(path())).toBe(false);
  });
});
