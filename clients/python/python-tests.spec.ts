import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Ended, FOLDER, hasOpenssl, hasPython, python, stopPython } from './testing/python.js';

/** They mostly wait. */
const AT_ONCE = 4;
const MODULES = readdirSync(FOLDER).filter((name) => /^test_.*\.py$/.test(name)).map((name) => name.replace(/\.py$/, ''));
/** Twice as long as any other: class by class. */
const PARTS = readFileSync(join(FOLDER, 'test_example.py'), 'utf8').split(/^class /m).slice(1)
  .map((body) => `test_example.${/^\w+/.exec(body)?.[0]}`).filter((name) => !name.endsWith('Case'));
/** The longest first. */
const ORDER = ['test_example.KillMinusNine', 'test_commands', 'test_broker', 'test_agent'];
const ALL = [...MODULES.filter((module) => module !== 'test_example'), ...PARTS]
  .sort((a, b) => (ORDER.indexOf(a) + 1 || ORDER.length + 1) - (ORDER.indexOf(b) + 1 || ORDER.length + 1));

const begun = new Map<string, Promise<Ended>>();

afterAll(stopPython);

/** The next begins when one has ended. */
async function beginAll(): Promise<void> {
  const waiting = ALL.filter((module) => module !== 'test_tls' || hasOpenssl).map((module) => {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    begun.set(module, promise);
    return { module, resolve };
  });
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const ended = await python(['-W', 'error::ResourceWarning', '-m', 'unittest', next.module]).ended;
      next.resolve(ended);
    }
  }));
}

async function run(module: string): Promise<void> {
  const { code, err } = (await begun.get(module))!;
  // The whole of it, since it says which test failed and why.
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(err).toMatch(/Ran [1-9]\d* tests? in/);
  expect(err).not.toContain('skipped');
}

(hasPython ? describe : describe.skip)('the Python client against a server that fails on purpose', () => {
  beforeAll(() => void beginAll());

  it.each(ALL.filter((module) => module !== 'test_tls'))('%s', run);
  (hasOpenssl ? it : it.skip)('test_tls', () => run('test_tls'));
});
