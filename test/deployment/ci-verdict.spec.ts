import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

type Status = 'passed' | 'failed' | 'pending';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewarden-verdict-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What jest writes, of these files with these tests. */
function results(name: string, suites: Record<string, Record<string, Status>>): string {
  const path = join(folder, name);
  const testResults = Object.entries(suites).map(([file, tests]) => ({
    name: file,
    status: Object.values(tests).includes('failed') || Object.keys(tests).length === 0 ? 'failed' : 'passed',
    assertionResults: Object.entries(tests).map(([fullName, status]) => ({ fullName, status })),
  }));
  writeFileSync(path, JSON.stringify({ testResults }));
  return path;
}

function verdict(...args: string[]): { code: number | null; lines: string[] } {
  const { status, stdout } = spawnSync(process.execPath, ['.ci/verdict.mjs', ...args], { encoding: 'utf8' });
  return { code: status, lines: stdout.split('\n').slice(0, -1) };
}

describe('the verdict of a CI run', () => {
  it('is of the first run where all passed', () => {
    const first = results('first', { a: { one: 'passed', two: 'passed' } });
    expect(verdict('failed', first).lines).toEqual([]);
    expect(verdict('count', '1', first, join(folder, 'again'))).toEqual({ code: 0, lines: ['2 passed, 0 failed'] });
  });

  it('names what passed when run again, counts each test once, and passes', () => {
    const first = results('first', { a: { one: 'passed' }, b: { two: 'failed', three: 'passed' }, c: {} });
    expect(verdict('failed', first).lines).toEqual(['b', 'c']);
    const again = results('again', { b: { two: 'passed', three: 'passed' }, c: { four: 'passed' } });
    expect(verdict('count', '1', first, again)).toEqual({ code: 0, lines: ['flaky, passed when run again alone: two', 'flaky, passed when run again alone: c', '4 passed, 0 failed'] });
  });

  it.each([
    ['a test that failed twice', { b: { two: 'failed' } }, '1 passed, 1 failed'],
    ['a file that could not run again', { b: {} }, '1 passed, 1 failed'],
    ['a second run that wrote nothing', null, '1 passed, 1 failed'],
  ] as const)('fails by %s', (_, second, line) => {
    const first = results('first', { a: { one: 'passed' }, b: { two: 'failed' } });
    const again = second === null ? join(folder, 'again') : results('again', second);
    expect(verdict('count', '1', first, again)).toEqual({ code: 1, lines: [line] });
  });

  it('runs nothing again when more than four files failed', () => {
    const first = results('first', Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((file) => [file, { [`of ${file}`]: 'failed' as const }])));
    expect(verdict('failed', first).lines).toEqual([]);
    expect(verdict('count', '1', first)).toEqual({ code: 1, lines: ['0 passed, 5 failed'] });
  });

  it('fails by what was left out where all can run, and by no results at all', () => {
    const first = results('first', { a: { one: 'passed', two: 'pending' } });
    expect(verdict('count', '1', first)).toEqual({ code: 1, lines: ['skipped: two', '1 passed, 0 failed'] });
    expect(verdict('count', '0', first)).toEqual({ code: 0, lines: ['skipped: two', '1 passed, 0 failed'] });
    expect(verdict('count', '1', join(folder, 'none'))).toEqual({ code: 1, lines: ['0 passed, 0 failed'] });
  });
});
