import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** What an older Node says of itself, said by this one. */
const OLDER = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;

const run = (file: string, ...args: string[]) =>
  new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile(process.execPath, ['--import', OLDER, file, ...args], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }));
  });

describe('an older Node', () => {
  it.each([['dist/src/cli.js', 'import', '/nowhere'], ['dist/src/main.js'], ['tools/run.mjs', 'src/cli.js', 'status'], ['tools/run.mjs', 'clients/typescript/demo.js']])('is told that another one is needed, in one line: %s', async (...args) => {
    const { code, said } = await run(...(args as [string]));
    expect([code, said]).toEqual([1, expect.stringMatching(/^Tradewarden needs Node 24; this is v\S+ Run it with "npm run …", which brings its own\.\n$/)]);
  });

  it('gets as far as saying so: nothing imports a module that it does not have', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => /(?<!\.spec)\.ts$/.test(file));
    expect(files.filter((file) => /^import (?!type ).*'node:sqlite'/m.test(readFileSync(join('src', file), 'utf8')))).toEqual([]);
    for (const entry of ['cli.ts', 'main.ts']) expect(readFileSync(join('src', entry), 'utf8')).toMatch(/^import '.\/config\/node-version.js';\n/);
  });
});
