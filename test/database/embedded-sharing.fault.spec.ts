import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { lockFileNow } from '../../src/config/file-lock.js';
import { startLockPath } from '../../src/database/embedded/acquire.js';
import { isLastUser } from '../../src/database/embedded/user-lock.js';
import {
  answers,
  ask,
  cleanUp,
  exists,
  isRunning,
  kill,
  madeDataDir,
  newDataDir,
  removeOriginal,
  until,
  use,
  UserProcess,
} from './embedded-support.js';

afterEach(cleanUp);
afterAll(removeOriginal);

describe('several users of one DATA_DIR', () => {
  it('share the server, and only the last one who leaves stops it, whoever started it', async () => {
    const dataDir = await madeDataDir();
    const server = new UserProcess(dataDir);
    const { pid, adminUrl } = await server.up();
    const commandLine = new UserProcess(dataDir);
    expect(await commandLine.up()).toMatchObject({ started: false, pid });
    await server.release();
    expect(await answers(adminUrl)).toBe(true);
    await commandLine.release();
    expect(isRunning(pid)).toBe(false);
    expect(exists(dataDir, 'postgres', 'postmaster.pid')).toBe(false);
  });

  it('who leave at the same moment leave nothing running', async () => {
    const dataDir = await madeDataDir();
    const databases = await Promise.all([1, 2, 3, 4].map(() => use(dataDir)));
    await Promise.all(databases.map((database) => database.release()));
    expect(isRunning(databases[0]!.pid)).toBe(false);
  });

  it('a killed one does not count any more', async () => {
    const dataDir = await madeDataDir();
    const killed = new UserProcess(dataDir);
    await killed.up();
    const database = await use(dataDir);
    await killed.killGroup('SIGKILL');
    await database.release();
    expect(isRunning(database.pid)).toBe(false);
  });

  it('come and go in many processes at once, and none is ever without its database', async () => {
    const dataDir = await madeDataDir();
    const first = await use(dataDir);
    await ask(first.adminUrl, 'CREATE TABLE visits (process int)');
    await first.release();
    const users = Array.from({ length: 6 }, () => new UserProcess(dataDir, { times: 5 }));
    await Promise.all(users.map((user) => user.released()));
    expect(exists(dataDir, 'postgres', 'postmaster.pid')).toBe(false);
    const last = await use(dataDir);
    expect(await ask(last.adminUrl, 'SELECT count(*)::int AS visits FROM visits')).toEqual([{ visits: 30 }]);
    await last.release();
  });

  it('a starter that is cut off by the last user stopping the server starts it anew', async () => {
    const dataDir = await madeDataDir();
    const killed = new UserProcess(dataDir);
    const before = await killed.up();
    await killed.killGroup('SIGKILL');
    const leaving = new pg.Client({ connectionString: before.adminUrl });
    leaving.on('error', () => undefined);
    await leaving.connect();
    await until(() => isLastUser(leaving));
    const starting = use(dataDir);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'tradewarden embedded user'`;
    await until(async () => (await ask(before.adminUrl, waiting)).length > 0);
    kill(before.pid, 'SIGINT');
    const database = await starting;
    expect(database.started).toBe(true);
    expect(database.pid).not.toBe(before.pid);
    await database.release();
  });

  it('a start waits for a server that is still shutting down', async () => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const before = await application.up();
    await application.killGroup('SIGKILL');
    // A smart shutdown waits for this session: the lock file says "stopping" meanwhile.
    const session = new pg.Client({ connectionString: before.adminUrl });
    session.on('error', () => undefined);
    await session.connect();
    kill(before.pid, 'SIGTERM');
    await until(async () => !(await answers(before.adminUrl)));
    const starting = use(dataDir);
    await session.end();
    const database = await starting;
    expect(database.started).toBe(true);
    await database.release();
  });
});

describe('releasing the embedded database', () => {
  it('happens once, however often it is asked for, and cuts what is still connected', async () => {
    const dataDir = await madeDataDir();
    const database = await use(dataDir);
    const session = new pg.Client({ connectionString: database.adminUrl });
    session.on('error', () => undefined);
    await session.connect();
    await Promise.all([database.release(), database.release()]);
    await database.release();
    expect(isRunning(database.pid)).toBe(false);
    const next = await use(dataDir);
    await database.release();
    expect(await answers(next.adminUrl)).toBe(true);
    await next.release();
  });

  it('right after a crash leaves no server that nobody uses', async () => {
    const dataDir = await madeDataDir();
    for (const pauseMs of [0, 40, 60, 80, 100, 150]) {
      const database = await use(dataDir);
      kill(database.pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await database.release();
      expect(exists(dataDir, 'postgres', 'postmaster.pid') && isRunning(database.pid)).toBe(false);
      const next = await use(dataDir);
      expect(next.started).toBe(true);
      await next.release();
    }
  });

  it('ends in time while the server is frozen', async () => {
    const dataDir = await madeDataDir();
    const lines: string[] = [];
    const database = await use(dataDir, { log: (line) => lines.push(line), stopTimeoutMs: 500 });
    kill(database.pid, 'SIGSTOP');
    const began = performance.now();
    await database.release();
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(lines).toEqual([expect.stringMatching(/is still shutting down/)]);
    kill(database.pid, 'SIGCONT');
    await until(() => !isRunning(database.pid));
  });

  it('ends in time while another process holds the start lock', async () => {
    const dataDir = await madeDataDir();
    const database = await use(dataDir);
    const lock = lockFileNow(startLockPath(dataDir));
    const began = performance.now();
    await database.release();
    expect(performance.now() - began).toBeLessThan(60_000);
    lock?.release();
    const next = await use(dataDir);
    expect(next.started).toBe(false);
    await next.release();
  });
});

describe('the start lock', () => {
  it('fails the start that has waited for its whole time, and says who is in the way', async () => {
    const dataDir = await madeDataDir();
    const lock = lockFileNow(startLockPath(dataDir));
    await expect(use(dataDir, { startTimeoutMs: 200 })).rejects.toThrow(
      /Another process has been starting or stopping/,
    );
    lock?.release();
  });

  it('never goes stale: what a killed process held is free at once, however old its file is', async () => {
    const dataDir = newDataDir();
    const first = new UserProcess(dataDir);
    const path = join(dataDir, '.embedded.lock');
    const isHeld = () => {
      const lock = lockFileNow(path);
      lock?.release();
      return lock === null;
    };
    await until(() => exists(path) && isHeld());
    await first.killGroup('SIGKILL');
    utimesSync(path, 0, 0);
    const lock = lockFileNow(path);
    expect(lock).not.toBeNull();
    lock?.release();
    expect(statSync(path).size).toBe(0);
  });
});
