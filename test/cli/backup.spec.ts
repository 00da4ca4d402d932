import { execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { withIdentity } from '../../src/database/roles.js';
import { backedUp, folders } from '../support/backups.js';
import { cli } from '../support/cli.js';
import type { TestDatabase } from '../support/database.js';
import { until } from '../support/timing.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

const { make: newFolder, remove } = folders();

/** A file system of some kilobytes; null where this user may not mount one. */
function tiny(options: string): { folder: string; unmount: () => void } | null {
  const folder = newFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return { folder, unmount: () => void execFileSync('umount', [folder]) };
}

const commandLines = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
  try {
    return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
  } catch {
    return [];
  }
});

describeOnPostgres15('tradewarden backup', () => {
  let server: Postgres15;
  let db: TestDatabase;
  let dir: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await startPostgres15();
    db = await backedUp(server.adminUrl);
  });
  afterAll(async () => {
    await db?.drop();
    await server?.remove();
    remove();
  });
  beforeEach(async () => {
    await db.query(`delete from backups`);
    dir = newFolder();
    env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, BACKUP_DIR: dir };
  });
  const backup = (args: string[] = [], more: Record<string, string> = {}, hear?: (stderr: string, child: ChildProcess) => void) =>
    cli<{ name: string; folder: string; verified: boolean; backups: { name: string; verifiedAt: string | null; fault: string | null }[]; error: { code: string; message: string } }>(['backup', '--json', ...args], { ...env, ...more }, '', hear);
  const visible = () => readdirSync(dir).filter((name) => !name.startsWith('.'));
  const statuses = async () => (await db.query<{ status: string }>('select status from backups order by seq')).map(({ status }) => status);

  /** While the copy waits for a table: begun, and nowhere near its end. */
  async function halfWay(work: () => Promise<void>): Promise<void> {
    const blocker = new pg.Client({ connectionString: db.adminUrl });
    await blocker.connect();
    await blocker.query('begin; lock table account_cash_flows in access exclusive mode');
    try {
      await work();
    } finally {
      await blocker.query('rollback');
      await blocker.end();
    }
  }
  const waiting = () => until(async () => (await db.query(`select 1 from pg_stat_activity where application_name = 'tradewarden-backup' and wait_event_type = 'Lock'`)).length > 0, 30_000);

  it('writes one, proves it, shows it, and shows no password to anybody on the machine', async () => {
    const password = 'öwner\'s "pass" @/:%';
    let seen: string[] = [];
    let running = true;
    const watching = (async () => {
      while (running) {
        seen = [...seen, ...commandLines().filter((line) => /pg_(dump|restore) |cli\.js backup/.test(line))];
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    let writing: ReturnType<typeof backup> | null = null;
    await halfWay(async () => {
      writing = backup();
      await waiting();
      await until(() => seen.some((line) => line.includes('pg_dump')), 5_000);
    });
    const { code, json, stderr } = await (writing ?? backup());
    running = false;
    await watching;
    expect([code, stderr]).toEqual([0, '']);
    expect(json).toMatchObject({ verified: true, folder: join(dir, json.name) });
    expect(seen.some((line) => line.includes('pg_dump'))).toBe(true);
    expect(seen.filter((line) => line.includes(password) || line.includes(encodeURIComponent(password)) || /postgres:\/\/|PGPASS|"pass"/.test(line))).toEqual([]);
    expect(execFileSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: json.folder, encoding: 'utf8' })).toBe('');
    // Listed without a database.
    const listed = await backup(['--list'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
    expect([listed.code, listed.json.backups]).toMatchObject([0, [{ name: json.name, verifiedAt: expect.any(String), fault: null }]]);
    writeFileSync(join(json.folder, 'dump.pgc'), '');
    expect((await backup(['--list'])).json.backups).toMatchObject([{ fault: expect.stringMatching(/dump\.pgc has 0 bytes and was written with \d+/) }]);
  });

  it('fails in one line, and leaves nothing that looks like a backup, with a wrong password', async () => {
    const wrong = await backup([], { DATABASE_OWNER_URL: withIdentity(db.ownerUrl, { password: 'of somebody else' }) });
    expect([wrong.code, wrong.json.error.message]).toEqual([1, expect.stringMatching(/password authentication failed for user "backup_owner"/)]);
    expect(wrong.stdout + wrong.stderr).not.toMatch(/of somebody else|of%20somebody/);
    expect([readdirSync(dir).filter((name) => name.includes('2')), await statuses()]).toEqual([[], ['failed']]);
  });

  it('names the setting that is wrong, of several addresses', async () => {
    const of = (name: string, url: string) => backup([], { [name]: url }).then(({ code, json }) => [code, json.error.message]);
    const away = (url: string) => url.replace(/@[^/]+/, '@127.0.0.1:1');
    expect(await of('DATABASE_OWNER_URL', away(db.ownerUrl))).toEqual([1, expect.stringMatching(/^DATABASE_OWNER_URL \(127\.0\.0\.1:1\): .*ECONNREFUSED/)]);
    expect(await of('BACKUP_SCRATCH_URL', away(db.ownerUrl))).toEqual([1, expect.stringMatching(/^BACKUP_SCRATCH_URL \(127\.0\.0\.1:1\): .*ECONNREFUSED/)]);
    expect(await of('BACKUP_SCRATCH_URL', `${db.ownerUrl}?sslmode=require`)).toEqual([1, expect.stringMatching(/^BACKUP_SCRATCH_URL \(.*does not support SSL/)]);
    expect(visible()).toEqual([]);
  });

  it('fails without its folder, or with a file in its place', async () => {
    const missing = await backup(['--dir', join(dir, 'missing')]);
    expect([missing.code, missing.json.error.message]).toEqual([1, `there is no folder ${join(dir, 'missing')} for backups: make it, or mount its disk`]);
    expect(existsSync(join(dir, 'missing'))).toBe(false);
    writeFileSync(join(dir, 'file'), '');
    expect((await backup(['--dir', join(dir, 'file')])).json.error.message).toBe(`${join(dir, 'file')} is no folder`);
  });

  it('does not say of a folder that is not there that it is empty, when it lists or restores', async () => {
    const gone = join(dir, 'not-mounted');
    for (const args of [['backup', '--list'], ['backup', '--list', '--dir', gone], ['restore', 'latest', '--yes']]) {
      const run = await cli(args, { ...env, BACKUP_DIR: gone });
      expect([run.code, run.stdout, run.stderr]).toEqual([1, '', expect.stringContaining(`here is no folder ${gone} for backups`)]);
    }
    const file = join(dir, 'file');
    writeFileSync(file, '');
    for (const args of [['backup', '--list'], ['restore', 'latest', '--yes']]) expect((await cli(args, { ...env, BACKUP_DIR: file })).stderr).toContain(`the folder of backups ${file} cannot be read (ENOTDIR)`);
    // One's own, of which none was made yet.
    const empty = await cli(['backup', '--list'], { DATA_DIR: dir });
    expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('There are no backups')]);
  });

  it('fails on a disk that is full, or may only be read', async () => {
    for (const [options, said] of [['size=96k', /No space left|ENOSPC/], ['size=4k', /backups\.lock cannot be locked: No space left/], ['ro', /cannot be written \(EROFS\)/]] as const) {
      const disk = tiny(options);
      // Only who may mount can try; others are kept out by the modes of a folder, as below.
      if (!disk) continue;
      if (options === 'size=4k') writeFileSync(join(disk.folder, 'other'), Buffer.alloc(4_096));
      try {
        const full = await backup(['--dir', disk.folder]);
        expect([options, full.code, full.json.error.message]).toEqual([options, 1, expect.stringMatching(said)]);
        expect(readdirSync(disk.folder).filter((name) => name.includes('tradewarden-2'))).toEqual([]);
      } finally {
        disk.unmount();
      }
    }
    if (process.getuid?.() !== 0) {
      mkdirSync(join(dir, 'closed'), { mode: 0o500 });
      expect((await backup(['--dir', join(dir, 'closed')])).json.error.message).toMatch(/cannot be written \(EACCES\)/);
    }
  });

  it('that is killed leaves nothing with a name of a backup, and the next one clears up', async () => {
    await halfWay(async () => {
      let child: ChildProcess | undefined;
      const ended = cli(['backup', '--json'], env, '', () => undefined, (started) => (child = started));
      await waiting();
      child?.kill('SIGKILL');
      expect((await ended).code).toBeNull();
    });
    expect(visible()).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.startsWith('.partial-'))).toHaveLength(1);
    expect((await backup()).json.error.message).toMatch(/another backup runs since/);
    await db.advance(121);
    expect(await backup()).toMatchObject({ code: 0 });
    expect([visible().length, readdirSync(dir).filter((name) => name.startsWith('.partial-')), await statuses()]).toEqual([1, [], ['failed', 'verified']]);
  });

  it('that is told to end clears up by itself', async () => {
    await halfWay(async () => {
      let child: ChildProcess | undefined;
      const ended = cli<{ error: { message: string } }>(['backup', '--json'], env, '', () => undefined, (started) => (child = started));
      await waiting();
      child?.kill('SIGTERM');
      const { code, json } = await ended;
      expect([code, json.error.message]).toEqual([1, 'it was interrupted']);
    });
    expect([readdirSync(dir).filter((name) => name.includes('2')), await statuses()]).toEqual([[], ['interrupted']]);
    expect(await backup()).toMatchObject({ code: 0 });
  });

  it('fails when the server goes half-way', async () => {
    await halfWay(async () => {
      const ended = backup();
      await waiting();
      await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tradewarden-backup'`);
      const { code, json } = await ended;
      expect([code, json.error.message]).toEqual([1, expect.stringMatching(/terminat|server closed|lost/i)]);
    });
    expect([readdirSync(dir).filter((name) => name.includes('2')), await statuses()]).toEqual([[], ['failed']]);
  });

  it('does not take rows that are not there for a backup', async () => {
    // The originals' dumps came back as empty databases, and counted.
    const { json } = await backup();
    const { tables } = JSON.parse(readFileSync(join(json.folder, 'manifest.json'), 'utf8')) as { tables: { name: string; rows: number }[] };
    for (const name of ['accounts', 'account_cash_flows', 'events']) {
      const [{ rows = -1 } = {}] = await db.query<{ rows: number }>(`select count(*)::int as rows from ${name}`);
      expect([name, tables.find((table) => table.name === name)?.rows ?? 0]).toEqual([name, name === 'events' ? expect.any(Number) : rows]);
      expect(tables.find((table) => table.name === name)?.rows).toBeGreaterThan(0);
    }
    rmSync(json.folder, { recursive: true });
  });
});
