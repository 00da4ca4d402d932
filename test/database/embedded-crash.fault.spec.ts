import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedDatabase } from '../../src/database/embedded/embedded.js';
import { childrenOf } from '../../src/database/embedded/postgres-processes.js';
import {
  answers,
  ask,
  cleanUp,
  isRunning,
  kill,
  madeDataDir,
  onLinux,
  removeOriginal,
  until,
  use,
  UserProcess,
} from './embedded-support.js';

const linux = onLinux ? it : it.skip;
const bystanders: ChildProcess[] = [];

afterEach(async () => {
  for (const child of bystanders.splice(0)) child.kill('SIGKILL');
  await cleanUp();
});

afterAll(removeOriginal);

function useWithLog(dataDir: string): Promise<{ database: EmbeddedDatabase; lines: string[] }> {
  const lines: string[] = [];
  return use(dataDir, { log: (line) => lines.push(line) }).then((database) => ({ database, lines }));
}

/** A process of the cluster's owner that has nothing to do with PostgreSQL. */
async function bystander(cluster: string, script: string): Promise<number> {
  const { uid, gid } = statSync(cluster);
  const as = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn('/bin/bash', ['-c', script], { cwd: '/', stdio: 'ignore', ...as });
  bystanders.push(child);
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** Ends a server as a power cut does, and leaves `pid` in its lock file, as when that number was given out again. */
async function crashAndReusePid(database: { cluster: string; pid: number }, pid: number): Promise<void> {
  const lockFile = join(database.cluster, 'postmaster.pid');
  const text = readFileSync(lockFile, 'utf8');
  kill(database.pid, 'SIGKILL');
  await until(() => !isRunning(database.pid) && childrenOf(database.cluster).length === 0);
  writeFileSync(lockFile, text.replace(/^\d+/, String(pid)));
}

describe('a signal to the process group of the application', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    '(%s) leaves the database up, and the next start adopts it',
    async (signal) => {
      const dataDir = await madeDataDir();
      const application = new UserProcess(dataDir);
      const up = await application.up();
      await ask(up.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await application.killGroup(signal);
      expect(await answers(up.adminUrl)).toBe(true);
      const { database } = await useWithLog(dataDir);
      expect({ started: database.started, pid: database.pid }).toEqual({ started: false, pid: up.pid });
      expect(await ask(database.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await database.release();
      expect(isRunning(up.pid)).toBe(false);
    },
  );
});

describe('when the server crashes under its user', () => {
  it('it is started again on the same port with every committed row, so that a pool reconnects', async () => {
    const { database, lines } = await useWithLog(await madeDataDir());
    const pool = new pg.Pool({ connectionString: database.adminUrl });
    pool.on('error', () => undefined);
    await pool.query('CREATE TABLE kept (answer int)');
    for (let crash = 1; crash <= 3; crash++) {
      await pool.query('INSERT INTO kept VALUES ($1)', [crash]);
      const { pid, port } = database;
      kill(pid, 'SIGKILL');
      await until(() => database.pid !== pid);
      expect(database.port).toBe(port);
      expect((await pool.query('SELECT count(*)::int AS rows FROM kept')).rows).toEqual([{ rows: crash }]);
      await until(() => lines.length === crash);
    }
    expect(lines[0]).toMatch(/ended unexpectedly; it takes connections again on port \d+ after \d+ ms/);
    await pool.end();
    await database.release();
  });

  it('its port is waited for when somebody sits on it, since pools only know that one', async () => {
    const { database, lines } = await useWithLog(await madeDataDir());
    const { pid, port } = database;
    process.kill(pid, 'SIGSTOP');
    // Bound before the restart can be: with SO_REUSEPORT nowhere, the first one to listen has it.
    kill(pid, 'SIGKILL');
    const squatter = createServer((socket) => socket.destroy());
    await until(async () => {
      squatter.listen(port, '127.0.0.1');
      return await Promise.race([
        once(squatter, 'listening').then(() => true),
        once(squatter, 'error').then(() => false),
      ]).catch(() => false);
    });
    await until(() =>
      readFileSync(join(database.cluster, '..', 'postgres.log'), 'utf8').includes(
        'could not create any TCP/IP sockets',
      ),
    );
    squatter.close();
    await until(() => database.pid !== pid);
    expect(database.port).toBe(port);
    expect(lines).toHaveLength(1);
    await database.release();
  });

  linux('a killed backend costs the connection, not the server, and the user is registered again', async () => {
    const dataDir = await madeDataDir();
    const { database, lines } = await useWithLog(dataDir);
    const backend = new pg.Client({ connectionString: database.adminUrl });
    backend.on('error', () => undefined);
    await backend.connect();
    const { rows } = await backend.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    kill(rows[0]!.pid, 'SIGKILL');
    await until(() => lines.length === 1);
    expect(lines[0]).toMatch(/broke off the connection/);
    const other = new UserProcess(dataDir);
    await other.up();
    await other.release();
    expect(await answers(database.adminUrl)).toBe(true);
    await database.release();
    expect(isRunning(database.pid)).toBe(false);
  });

  it('an ended registration is renewed, so that nobody stops the server under its user', async () => {
    const dataDir = await madeDataDir();
    const { database, lines } = await useWithLog(dataDir);
    const { pid } = database;
    await ask(
      database.adminUrl,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tradewarden embedded user'`,
    );
    await until(() => lines.length === 1);
    const other = new UserProcess(dataDir);
    await other.up();
    await other.release();
    expect(database.pid).toBe(pid);
    expect(await answers(database.adminUrl)).toBe(true);
    await database.release();
  });
});

describe('after the server and its user were killed at once', () => {
  it('the next start recovers every committed row', async () => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const up = await application.up();
    await ask(up.adminUrl, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    kill(up.pid, 'SIGKILL');
    await application.killGroup('SIGKILL');
    const { database } = await useWithLog(dataDir);
    expect(database.started).toBe(true);
    expect(await ask(database.adminUrl, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 1000 }]);
    await database.release();
  });

  linux.each([
    ['an unrelated process', 'exec sleep 60'],
    ["a worker of another clone's server", 'exec -a "postgres: tradewarden-0123456789ab: walwriter " sleep 60'],
    ['a PostgreSQL server that somebody started by hand', 'exec -a postgres sleep 60'],
  ])('a lock file whose process id %s has by now is overcome', async (_who, script) => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const up = await application.up();
    const pid = await bystander(up.cluster, script);
    process.kill(application.child.pid ?? 0, 'SIGKILL');
    await crashAndReusePid(up, pid);
    const { database } = await useWithLog(dataDir);
    expect(database.started).toBe(true);
    expect(isRunning(pid)).toBe(true);
    await database.release();
    expect(isRunning(pid)).toBe(true);
  });

  linux("a lock file whose process id another clone's server has by now is overcome", async () => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const up = await application.up();
    const { database: other } = await useWithLog(await madeDataDir());
    process.kill(application.child.pid ?? 0, 'SIGKILL');
    await crashAndReusePid(up, other.pid);
    const { database } = await useWithLog(dataDir);
    expect(database.started).toBe(true);
    await database.release();
    expect(await answers(other.adminUrl)).toBe(true);
    await other.release();
  });

  linux('a lock file that names a zombie is overcome', async () => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const up = await application.up();
    // The shell becomes a sleep that never asks how its child ended: as in a container without an init process.
    const parent = await bystander(up.cluster, 'until grep -q sleep /proc/$$/comm; do :; done & exec sleep 60');
    const children = () => readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
    const zombie = () => Number(children());
    await until(() => zombie() > 0 && readFileSync(`/proc/${zombie()}/stat`, 'utf8').includes(') Z '));
    process.kill(application.child.pid ?? 0, 'SIGKILL');
    await crashAndReusePid(up, zombie());
    const { database } = await useWithLog(dataDir);
    expect(database.started).toBe(true);
    await database.release();
  });

  linux.each(['SIGCONT', 'SIGSTOP'] as const)('a backend that outlives the server is ended (%s)', async (state) => {
    const dataDir = await madeDataDir();
    const application = new UserProcess(dataDir);
    const up = await application.up();
    const busy = new pg.Client({ connectionString: up.adminUrl });
    busy.on('error', () => undefined);
    await busy.connect();
    const { rows } = await busy.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const backend = rows[0]!.pid;
    // A loop that computes never looks whether its server is alive, and keeps the shared memory in use.
    void busy.query('DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$').catch(() => undefined);
    const running = `SELECT 1 FROM pg_stat_activity WHERE pid = ${backend} AND state = 'active'`;
    await until(async () => (await ask(up.adminUrl, running)).length === 1);
    kill(backend, state);
    kill(up.pid, 'SIGKILL');
    await application.killGroup('SIGKILL');
    expect(isRunning(backend)).toBe(true);
    const { database } = await useWithLog(dataDir);
    expect(database.started).toBe(true);
    expect(isRunning(backend)).toBe(false);
    await database.release();
  });
});
