import { afterEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keptSecret, readKeptSecret } from '../../src/config/kept-secrets.js';
import { cleanUp, exists, newDataDir } from './embedded-support.js';

const run = promisify(execFile);

afterEach(cleanUp);

/** Asks for several secrets in a process of its own. */
async function askElsewhere(dataDir: string, names: string[]): Promise<string[]> {
  const loader = join(process.cwd(), 'test', 'database', 'embedded-loader.mjs');
  const program = `
    const { keptSecret } = await import(${JSON.stringify(`file://${process.cwd()}/src/config/kept-secrets.ts`)});
    const names = ${JSON.stringify(names)};
    process.stdout.write(JSON.stringify(names.map((name) => keptSecret(${JSON.stringify(dataDir)}, name))));`;
  const { stdout } = await run(process.execPath, ['--import', loader, '--input-type=module', '--eval', program]);
  return JSON.parse(stdout) as string[];
}

describe('a kept secret', () => {
  it('is 256 random bits in hex, made once, in a file that only its owner reads', () => {
    const dataDir = newDataDir();
    const secret = keptSecret(dataDir, 'jwtSecret');
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(keptSecret(dataDir, 'jwtSecret')).toBe(secret);
    expect(readKeptSecret(dataDir, 'jwtSecret')).toBe(secret);
    expect(keptSecret(dataDir, 'auditKey')).not.toBe(secret);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('is the same for processes that ask at the same moment, and none of them loses one of another', async () => {
    const dataDir = newDataDir();
    const names = Array.from({ length: 10 }, (_, index) => `secret${index}`);
    const orders = [names, names.toReversed(), [...names.slice(5), ...names.slice(0, 5)], names];
    const answers = await Promise.all(orders.map((order) => askElsewhere(dataDir, order)));
    const kept = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Record<string, string>;
    expect(Object.keys(kept).sort()).toEqual(names.toSorted());
    for (const [index, order] of orders.entries()) expect(answers[index]).toEqual(order.map((name) => kept[name]));
    expect(readdirSync(dataDir).sort()).toEqual(['.secrets.lock', 'secrets.json']);
  });

  it('is never replaced where the file cannot be understood, and the error does not quote it', () => {
    const dataDir = newDataDir();
    mkdirSync(dataDir);
    for (const text of ['{"jwtSecret": "c0ffee', '["c0ffee"]', '{"jwtSecret": "c0ffee"}', '{"jwtSecret": null}', '']) {
      writeFileSync(join(dataDir, 'secrets.json'), text);
      let message = 'no error';
      try {
        keptSecret(dataDir, 'jwtSecret');
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain('secrets.json');
      expect(message).not.toContain('c0ffee');
      expect(readFileSync(join(dataDir, 'secrets.json'), 'utf8')).toBe(text);
    }
  });

  it('is closed again to others after a careless copy', () => {
    const dataDir = newDataDir();
    keptSecret(dataDir, 'jwtSecret');
    chmodSync(join(dataDir, 'secrets.json'), 0o644);
    keptSecret(dataDir, 'jwtSecret');
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('can be looked for without making anything', () => {
    const dataDir = newDataDir();
    expect(readKeptSecret(dataDir, 'jwtSecret')).toBeNull();
    expect(exists(dataDir)).toBe(false);
  });
});
