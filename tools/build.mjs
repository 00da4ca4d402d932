/** Builds dist/ when the sources are newer; shared by the commands and the tests. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'dist', '.built');
const lock = join(root, '.build-lock');
const compiler = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
/** The one that npm brings: this process may run on an older one, which the program then refuses. */
const own = join(root, 'node_modules', 'node', 'bin', 'node');
const node = existsSync(own) ? own : process.execPath;
const bundler = join(root, 'node_modules', 'vite', 'bin', 'vite.js');

function newestSource() {
  const files = ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package.json', 'ormconfig.ts', join('test', 'contract', 'openapi.json')].map((f) => join(root, f));
  for (const folder of ['src', join('clients', 'typescript'), 'bench', 'dashboard']) {
    const path = join(root, folder);
    if (!existsSync(path)) continue;
    for (const entry of readdirSync(path, { recursive: true })) if (/(?<!schema\.d)\.(tsx?|css|html|svg)$/.test(entry)) files.push(join(path, entry));
  }
  return Math.max(0, ...files.filter((f) => existsSync(f)).map((f) => statSync(f).mtimeMs));
}

function isStale() {
  if (!existsSync(compiler) || !existsSync(join(root, 'src'))) return false;
  return !existsSync(stamp) || statSync(stamp).mtimeMs < newestSource();
}

/** The compiler writes every file anew, in place, so that a running server keeps its own: what is older has lost its source. */
function removeOlderThan(started) {
  const dist = join(root, 'dist');
  for (const entry of readdirSync(dist, { recursive: true })) {
    const path = join(dist, entry);
    if (/^(?!dashboard\/).*\.js(\.map)?$/.test(entry) && statSync(path).mtimeMs < started.getTime() - 2_000) rmSync(path);
  }
}

/** Two commands in one checkout must not write dist/ at once; a lock older than two minutes is a crash's. */
export async function buildIfStale() {
  while (isStale()) {
    try {
      mkdirSync(lock);
    } catch {
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (age > 120_000) rmSync(lock, { recursive: true, force: true });
      else await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    try {
      if (!isStale()) return;
      const started = new Date();
      process.stderr.write('building …\n');
      execFileSync(node, [compiler, 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
      execFileSync(node, [join(root, 'tools', 'page-types.mjs')], { cwd: root, stdio: ['ignore', 2, 2] });
      // Tests build with NODE_ENV=test, of which the bundler would make React's development code.
      // Tests have another NODE_ENV: the page that they look at is the one that is shipped, not a library's slow one for its own developers.
      execFileSync(node, [bundler, 'build', 'dashboard', '--logLevel', 'warn'], { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, NODE_ENV: 'production' } });
      removeOlderThan(started);
      writeFileSync(stamp, started.toISOString());
      utimesSync(stamp, started, started);
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
}

