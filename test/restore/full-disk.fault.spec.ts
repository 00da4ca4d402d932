import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cli } from '../support/cli.js';
import { databaseOn, onConnection } from '../support/cluster.js';
import type { TestDatabase } from '../support/database.js';
import { describeOnPostgres15, type Postgres15, serverOf, unprivileged } from '../support/postgres15.js';

const MEGABYTE = 1_048_576;
/** An empty database takes 7.5 MB and what a restore gives back 16: with so much that does not go in, or the rest of one of Tradewarden's. */
const LEFT_MEGABYTES = [9, 25];
const LOG_MEGABYTES = 64;

describeOnPostgres15('a drill that fills the disk of what is live', () => {
  const [data, wal] = ['data', 'log'].map((name) => mkdtempSync(join(tmpdir(), `tradewarden-full-${name}-`))) as [string, string];
  const own = unprivileged();
  const mounted: string[] = [];
  let server: Postgres15;
  let db: TestDatabase;
  let env: Record<string, string>;
  beforeAll(async () => {
    for (const [folder, size] of [[data, 400], [wal, 400]] as const) {
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', folder], { stdio: 'ignore' }).status === 0) mounted.push(folder);
      if (own) chownSync(folder, own.uid, own.gid);
      chmodSync(folder, 0o700);
    }
    if (mounted.length < 2) return;
    const password = join(data, 'password');
    writeFileSync(password, 'of-the-superuser\n', { mode: 0o644 });
    execFileSync('/usr/lib/postgresql/15/bin/initdb', ['-D', join(data, 'data'), '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${password}`, '-E', 'UTF8', '--locale=C', `--waldir=${join(wal, 'wal')}`], { ...own, cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' });
    server = await serverOf(data, { max_wal_size: `${LOG_MEGABYTES}MB`, min_wal_size: '32MB' });
    db = await databaseOn({ adminUrl: server.adminUrl } as Parameters<typeof databaseOn>[0]);
    await onConnection(server.adminUrl, (admin) => admin.query('alter role owner createdb'));
    env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, BACKUP_DIR: mkdtempSync(join(wal, 'backups-')) };
  });
  afterAll(async () => {
    await server?.remove().catch(() => undefined);
    for (const folder of mounted) spawnSync('umount', [folder]);
    for (const folder of [data, wal]) rmSync(folder, { recursive: true, force: true });
  });

  const drill = () => cli<{ error: { message: string } }>(['restore:drill', '--json'], env);
  const incidents = () => db.query(`select resolved_at is null as open from incidents where kind = 'RESTORE_DRILL_FAILED'`);
  const databases = () => onConnection(server.adminUrl, async (admin) => (await admin.query(`select datname from pg_database where datname ~ 'tradewarden'`)).rows);

  it('says so, gives the disk back and ends nobody, and goes well when there is room', async () => {
    // Who may not mount has no disk to fill.
    if (mounted.length < 2) return;
    expect((await cli(['backup'], env)).code).toBe(0);
    // An incident has its page already, as everywhere but on a new server.
    await db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, repeat_at) values ('COMMAND_UNKNOWN', 'info', 'command', 'x', 'x', app_clock())`);
    for (const left of LEFT_MEGABYTES) {
      const { bavail, bsize } = statfsSync(data);
      execFileSync('dd', ['if=/dev/zero', `of=${join(data, 'filler')}`, `bs=${MEGABYTE}`, `count=${Math.floor((bavail * bsize) / MEGABYTE) - left}`], { stdio: 'ignore' });
      await onConnection(db.url, async (live) => {
        expect([left, await drill()]).toMatchObject([left, { code: 1, json: { error: { message: expect.stringContaining('could not extend file') } } }]);
        // Connected since before it: a server that fell over puts everybody out.
        expect((await live.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      });
      expect([await databases(), await incidents()]).toEqual([[{ datname: 'tradewarden' }], [{ open: true }]]);
      rmSync(join(data, 'filler'));
    }
    expect((await drill()).code).toBe(0);
    expect(await incidents()).toEqual([{ open: false }]);
  });
});
