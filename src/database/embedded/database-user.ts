import { execFile } from 'node:child_process';
import { lchownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProcessUser {
  uid: number;
  gid: number;
}

/** The user that PostgreSQL runs as where this process is root, which PostgreSQL refuses to be. */
export interface DatabaseUser extends ProcessUser {
  name: string;
  /** Who runs initdb: it insists on a name for its user id, the server itself does not. */
  initdb: ProcessUser;
}

// An account of a service manager's PATH may lack the sbin folders, where useradd lives.
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const OWN_NAME = 'tradewarden';
/** Debian's policy leaves 60000 to 64999 to packages that ask for a number; nobody asked for this one. */
const SPARE_ID = 62_817;

/**
 * The database user of this machine: `postgres`, else `tradewarden`, which is made when it is missing. Where no user
 * can be made (read-only /etc, no useradd), an otherwise unused number. Null when this process is not root.
 */
export async function databaseUser(): Promise<DatabaseUser | null> {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', '_postgres', OWN_NAME]) {
    const found = await lookUp(name);
    if (found) return { ...found, name, initdb: found };
  }
  const made = await makeUser();
  if (made) return { ...made, name: OWN_NAME, initdb: made };
  const nobody = await lookUp('nobody');
  if (nobody) return { uid: SPARE_ID, gid: SPARE_ID, name: String(SPARE_ID), initdb: nobody };
  throw new Error(
    'PostgreSQL does not run as root, and this machine has no other user and no way to make one. ' +
      'Start Tradewarden as another user, or set DATABASE_URL.',
  );
}

/** Whether `user` can work in `folder`: asked of the system, since modes of parents, ACLs and mounts all have a say. */
export async function canWorkIn(folder: string, user: ProcessUser): Promise<boolean> {
  try {
    const test = 'cd "$1" && test -w . && test -x .';
    await run('/bin/sh', ['-c', test, 'sh', folder], { uid: user.uid, gid: user.gid, cwd: '/', env });
    return true;
  } catch {
    return false;
  }
}

/** Gives a folder and everything in it to `user`, following no links. */
export function giveTo(user: ProcessUser, folder: string): void {
  lchownSync(folder, user.uid, user.gid);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) giveTo(user, path);
    else lchownSync(path, user.uid, user.gid);
  }
}

async function lookUp(name: string): Promise<ProcessUser | null> {
  try {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name], { env })).stdout)),
    );
    return uid && gid ? { uid, gid } : null;
  } catch {
    return null;
  }
}

async function makeUser(): Promise<ProcessUser | null> {
  const account = [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
  ];
  try {
    await run('useradd', [...account, OWN_NAME], { env });
  } catch {
    // Alpine and other BusyBox systems.
    const busybox = ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/sbin/nologin', '-G', OWN_NAME];
    await run('addgroup', ['-S', OWN_NAME], { env }).catch(() => undefined);
    await run('adduser', [...busybox, OWN_NAME], { env }).catch(() => undefined);
  }
  return lookUp(OWN_NAME);
}
