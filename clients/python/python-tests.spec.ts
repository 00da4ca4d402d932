import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FOLDER, hasOpenssl, hasPython, python, type Ended, stopPython } from './testing/python.js';

/** Processes are started and killed many times over; on a machine that does other things each takes a while. */
const MODULE_MS = 600_000;
const MODULES = readdirSync(FOLDER).filter((name) => /^test_.*\.py$/.test(name)).map((name) => name.replace(/\.py$/, ''));
/** The first is as long as all others together, and they mostly wait: so they run beside the others. */
const BESIDE = ['test_example', 'test_ideas'];

const begun = new Map<string, Promise<Ended>>();
const begin = (module: string) => python(['-W', 'error::ResourceWarning', '-m', 'unittest', module]).ended;

afterAll(stopPython);

async function run(module: string): Promise<void> {
  const { code, err } = await (begun.get(module) ?? begin(module));
  // The whole of it, since it says which test failed and why.
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  expect(err).toMatch(/Ran [1-9]\d* tests? in/);
  expect(err).not.toContain('skipped');
}

(hasPython ? describe : describe.skip)('the Python client against a server that fails on purpose', () => {
  beforeAll(() => {
    for (const module of BESIDE) begun.set(module, begin(module));
  });

  it.each(MODULES.filter((module) => module !== 'test_tls' && !BESIDE.includes(module)))('%s', run, MODULE_MS);
  it.each(BESIDE)('%s', run, MODULE_MS);
  (hasOpenssl ? it : it.skip)('test_tls', () => run('test_tls'), MODULE_MS);
});
