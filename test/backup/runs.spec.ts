import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { BackupSchedule } from '../../src/backup/backup-schedule.service.js';
import { BackupsShown } from '../../src/backup/backups-shown.js';
import { Backups } from '../../src/backup/backups.service.js';
import { listBackups } from '../../src/backup/read-backup.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { backedUp, folders } from '../support/backups.js';
import type { TestDatabase } from '../support/database.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';
import { describeOnPostgres15, type Postgres15, startPostgres15 } from '../support/postgres15.js';

const HOUR = 3_600;
const { make: newFolder, remove } = folders();

interface Shown { verifiedHours: number | null; offsiteHours: number | null; overdue: boolean | null; error: string | null; offsiteError: string | null; bytes: number | null; name: string | null }

describeOnPostgres15('backups of the server', () => {
  let server: Postgres15;
  let db: TestDatabase;
  let t: TestApp;
  let dir: string;
  let uploads: string;
  beforeAll(async () => {
    server = await startPostgres15();
    db = await backedUp(server.adminUrl);
    dir = newFolder();
    uploads = join(newFolder(), 'uploads');
    // What it prints would be a secret of the machine; what it says of itself is that it began and with what.
    process.env['OF_THE_CLOUD_SECRET_KEY'] = 'very-secret-of-the-cloud';
    const command = `echo "$1|$BACKUP_FOLDER|$BACKUP_NAME|\${DATABASE_OWNER_URL:-none}|\${AUDIT_KEY:-none}" >> ${uploads}; test ! -e ${uploads}.fail || { echo "denied for $OF_THE_CLOUD_SECRET_KEY" >&2; exit 3; }`;
    // Half a day from now: one that falls due within the hour after a failed copy is made anew, and not copied again.
    const cron = `0 ${(new Date().getUTCHours() + 12) % 24} * * *`;
    t = await startTestApp({ BACKUP_DIR: dir, BACKUP_CRON: cron, BACKUP_UPLOAD_COMMAND: command, BACKUP_RETENTION_DAYS: '30' }, db);
    await looked();
    // By the test, and not by the clock.
    await db.query(`update schedules set next_run_at = 'infinity' where name = 'backups.watch'`);
  });
  afterAll(async () => {
    delete process.env['OF_THE_CLOUD_SECRET_KEY'];
    await t?.close();
    await server?.remove();
    remove();
  });
  beforeEach(async () => {
    await db.query(`update test_clock set shift = '0'; delete from incidents; alter table backups disable trigger user; delete from backups`);
  });

  const backups = () => t.app.get(Backups, { strict: false });
  const schedule = () => t.app.get(BackupSchedule, { strict: false });
  const looked = async (of: BackupSchedule = schedule()) => {
    await of.look();
    await of.whenIdle();
  };
  const run = () => backups().run({ origin: 'command' });
  const runs = () => db.query<{ status: string; origin: string; error: string | null; offsite_error: string | null; removed_at: string | null }>('select * from backups order by seq');
  const open = async () => (await db.query<{ kind: string }>(`select kind from incidents where resolved_at is null and kind ~ 'BACKUP|OFFSITE' order by kind`)).map(({ kind }) => kind);
  /** What was seen a moment ago is shown to others of that moment. */
  const forget = () => ((t.app.get(BackupsShown, { strict: false }) as unknown as { look: { goodUntil: number } }).look.goodUntil = -Infinity);
  const shown = async () => (forget(), (await t.http<{ backup: Shown }>('GET', '/system')).body.backup);
  const metrics = async () => (await scrape(t.base)).text;
  const metric = async (name: string) => {
    const [, value] = new RegExp(`^tradewarden_backup_${name} (\\S+)$`, 'm').exec(await metrics()) ?? [];
    return value === undefined ? null : Number(value);
  };
  /** Without the folder of backups, whatever this is. */
  const failing = async <R>(work: () => Promise<R>): Promise<R> => {
    renameSync(dir, `${dir}.away`);
    try {
      return await work();
    } finally {
      renameSync(`${dir}.away`, dir);
    }
  };

  it('tell what is: never at first, good after a good one, and old when it is', async () => {
    expect(await shown()).toMatchObject({ verifiedHours: null, offsiteHours: null, overdue: true, bytes: null });
    expect([await metric('last_verified_timestamp_seconds'), await metric('last_size_bytes'), await metric('failures_total')]).toEqual([null, null, 0]);
    const { manifest, bytes, offsite } = await run();
    expect(offsite).toBe('copied');
    expect(await shown()).toMatchObject({ verifiedHours: 0, offsiteHours: 0, overdue: false, error: null, name: manifest.id, bytes });
    expect(await metric('last_verified_timestamp_seconds')).toBeCloseTo(Date.parse(manifest.snapshotAt) / 1_000, 0);
    expect([await metric('last_size_bytes'), (await metric('last_duration_seconds')) ?? 0]).toEqual([bytes, expect.any(Number)]);
    const health = async () => (await t.http<{ backup: object }>('GET', '/health'));
    expect((await health()).body.backup).toEqual({ lastVerifiedHours: 0, lastOffsiteHours: 0, overdue: false, failing: false });

    await db.advance(30 * HOUR);
    expect(await shown()).toMatchObject({ verifiedHours: 30, offsiteHours: 30, overdue: true });
    let late = await health();
    await until(async () => late.status === 200 || ((late = await health()), false), 5_000);
    // Told, and no reason to send requests elsewhere.
    expect([late.status, late.body.backup]).toEqual([200, { lastVerifiedHours: 30, lastOffsiteHours: 30, overdue: true, failing: false }]);
  });

  it('write what they did into the log of events, and hand the upload its folder and none of our settings', async () => {
    rmSync(uploads, { force: true });
    const [{ seq = 0 } = {}] = await db.query<{ seq: number }>('select max(seq)::int as seq from events');
    const { folder, manifest } = await run();
    const events = await db.query<{ type: string; data: object }>('select type, data from events where seq > $1 order by seq', [seq]);
    expect(events.filter(({ type }) => type.startsWith('backup.')).map(({ type }) => type)).toEqual(['backup.started', 'backup.finished', 'backup.copied']);
    expect(events.find(({ type }) => type === 'backup.finished')?.data).toMatchObject({ name: manifest.id, kind: 'dump' });
    expect(readFileSync(uploads, 'utf8')).toBe(`${folder}|${folder}|${manifest.id}|none|none\n`);
  });

  it('run once, whoever asks at the same moment', async () => {
    const second = await t.second();
    try {
      const all = await Promise.allSettled([...Array.from({ length: 4 }, run), ...Array.from({ length: 4 }, () => second.app.get(Backups, { strict: false }).run({ origin: 'command' }))]);
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const each of all) if (each.status === 'rejected') expect((each.reason as Error).message).toMatch(/another backup runs since/);
      expect((await runs()).map(({ status }) => status)).toEqual(['verified']);
    } finally {
      await second.close();
    }
  });

  it('are made when they are due, once across instances, and nothing else waits for them', async () => {
    const second = await t.second();
    try {
      const both = [schedule(), second.app.get(BackupSchedule, { strict: false })];
      for (let n = 0; n < 3; n++) await Promise.all(both.map((each) => each.look()));
      await Promise.all(both.map((each) => each.whenIdle()));
      expect((await runs()).map(({ status, origin }) => [status, origin])).toEqual([['verified', 'schedule']]);
      await Promise.all(both.map((each) => looked(each)));
      expect(await runs()).toHaveLength(1);
      await db.advance(25 * HOUR);
      await Promise.all(both.map((each) => looked(each)));
      expect(await runs()).toHaveLength(2);
    } finally {
      await second.close();
    }
  });

  it('that failed are tried again after an hour, and the incident is over with the next good one', async () => {
    await failing(async () => {
      await looked();
      expect(await runs()).toMatchObject([{ status: 'failed', error: `there is no folder ${dir} for backups: make it, or mount its disk` }]);
      expect(await open()).toEqual(['BACKUP_FAILED']);
      await looked();
      await db.advance(HOUR / 2);
      await looked();
      expect(await runs()).toHaveLength(1);
      await db.advance(HOUR / 2 + 60);
      await looked();
      expect(await runs()).toHaveLength(2);
    });
    expect(await db.query(`select occurrences from incidents where kind = 'BACKUP_FAILED'`)).toEqual([{ occurrences: 1 }]);
    expect(await metric('failures_total')).toBe(2);
    await run();
    expect(await open()).toEqual([]);
  });

  it('are made and told as they are after a clock that was weeks ahead for one of them', async () => {
    await db.advance(20 * 24 * HOUR);
    await run();
    await db.query(`update test_clock set shift = '0'`);
    // What says that it comes from the future says nothing of now.
    await looked();
    expect((await runs()).map(({ status, origin }) => [status, origin])).toEqual([['verified', 'command'], ['verified', 'schedule']]);
    await looked();
    expect(await runs()).toHaveLength(2);
    await failing(async () => {
      await db.advance(27 * HOUR);
      await looked();
      expect([await open(), await shown()]).toMatchObject([['BACKUP_FAILED', 'BACKUP_OVERDUE', 'OFFSITE_COPY_OVERDUE'], { verifiedHours: 27, offsiteHours: 27, overdue: true }]);
    });
  });

  it('that fail behind the writing, each hour, leave one unproven on the disk', async () => {
    // Written, and not to be restored: a trigger of the server refuses what the proof asks for.
    const other = await t.second({ BACKUP_SCRATCH_URL: `${db.ownerUrl}?options=-c%20default_transaction_read_only%3Don` });
    const unproven = () => listBackups(dir).filter(({ verified }) => verified === null).length;
    const before = unproven();
    try {
      for (let n = 0; n < 4; n++) await expect(other.app.get(Backups, { strict: false }).run({ origin: 'command' })).rejects.toThrow(/read-only/);
    } finally {
      await other.close();
    }
    expect(unproven() - before).toBeLessThanOrEqual(2);
    expect(await db.query(`select count(*)::int as n from events where type = 'backup.removed' and at > app_clock() - interval '5 minutes'`)).toEqual([{ n: 2 }]);
  });

  it('that are overdue are an incident, opened once, until the next good one', async () => {
    await run();
    await failing(async () => {
      await db.advance(27 * HOUR);
      for (let n = 0; n < 3; n++) await looked();
      expect(await open()).toEqual(['BACKUP_FAILED', 'BACKUP_OVERDUE', 'OFFSITE_COPY_OVERDUE']);
      expect(await db.query(`select severity, occurrences, summary from incidents where kind = 'BACKUP_OVERDUE'`)).toEqual([{ severity: 'critical', occurrences: 1, summary: 'The last proven backup is 27 h old.' }]);
    });
    await run();
    expect(await open()).toEqual([]);
  });

  it('that were never made are overdue too', async () => {
    await db.query(`update users set created_at = app_clock() - interval '27 hours'`);
    await failing(() => looked());
    expect(await open()).toEqual(['BACKUP_FAILED', 'BACKUP_OVERDUE']);
    expect(await db.query(`select summary from incidents where kind = 'BACKUP_OVERDUE'`)).toEqual([{ summary: 'No backup of this database was ever proven.' }]);
    await db.query(`update users set created_at = app_clock()`);
  });

  it('that are not copied elsewhere are good, and an incident; secrets of the machine are not in it', async () => {
    writeFileSync(`${uploads}.fail`, '');
    try {
      expect(await run()).toMatchObject({ offsite: 'failed', offsiteError: 'BACKUP_UPLOAD_COMMAND ended with 3: denied for ***' });
    } finally {
      rmSync(`${uploads}.fail`);
    }
    expect(await runs()).toMatchObject([{ status: 'verified', offsite_error: 'BACKUP_UPLOAD_COMMAND ended with 3: denied for ***' }]);
    expect(await open()).toEqual(['OFFSITE_COPY_OVERDUE']);
    await run();
    expect(await open()).toEqual([]);
  });

  it('are copied again an hour after that failed, and where nobody knows how it ended, once by those that want to', async () => {
    writeFileSync(`${uploads}.fail`, '');
    const second = await t.second();
    try {
      const { manifest } = await run();
      rmSync(`${uploads}.fail`);
      rmSync(uploads, { force: true });
      const both = [schedule(), second.app.get(BackupSchedule, { strict: false })];
      const all = () => Promise.all(both.map((each) => looked(each)));
      await all();
      expect([existsSync(uploads), await open()]).toEqual([false, ['OFFSITE_COPY_OVERDUE']]);
      await db.advance(HOUR + 60);
      await all();
      await all();
      expect(readFileSync(uploads, 'utf8').split('\n').filter((line) => line.includes(manifest.id))).toHaveLength(1);
      expect([await open(), await runs()]).toMatchObject([[], [{ status: 'verified', offsite_error: null }]]);

      // The process was killed while it copied: nothing says that it failed.
      await db.query(`update backups set offsite_at = null`);
      rmSync(uploads);
      await all();
      expect(readFileSync(uploads, 'utf8')).toContain(manifest.id);

      // Here is no such backup: it lies on the disk of another machine.
      await db.query(`update backups set offsite_at = null, folder = '/elsewhere'`);
      rmSync(uploads);
      await all();
      expect([existsSync(uploads), await runs()]).toMatchObject([false, [{ offsite_error: null }]]);
    } finally {
      rmSync(`${uploads}.fail`, { force: true });
      await second.close();
    }
  });

  it('whose process was killed block the next one for two minutes, and have failed', async () => {
    await db.query(`insert into backups (origin, folder, lease_until) values ('command', '/elsewhere', app_clock() + interval '120 seconds')`);
    await expect(run()).rejects.toThrow(/another backup runs since/);
    await db.advance(121);
    await looked();
    expect(await open()).toEqual(['BACKUP_FAILED']);
    mkdirSync(join(dir, '.partial-tradewarden-20260101T000000Z-00000000'));
    await run();
    expect((await runs()).map(({ status }) => status)).toEqual(['failed', 'verified']);
    expect(readdirSync(dir).filter((name) => name.startsWith('.partial'))).toEqual([]);
    expect(await open()).toEqual([]);
  });

  it('of which two live in one folder do not write at once', async () => {
    const { lockFileNow } = await import('../../src/config/file-lock.js');
    const lock = lockFileNow(join(dir, '.tradewarden-backups.lock'));
    try {
      await expect(run()).rejects.toThrow(/another process backs up into/);
    } finally {
      lock?.release();
    }
  });

  it('are kept for BACKUP_RETENTION_DAYS; the newest proven one, what is not ours and what is unproven and young stay', async () => {
    for (const { folder } of listBackups(dir)) rmSync(folder, { recursive: true });
    const made = [await run(), await run(), await run()];
    const [oldest, unproven, newest] = made.map(({ manifest }) => manifest.id) as [string, string, string];
    rmSync(join(dir, unproven, 'verified.json'));
    mkdirSync(join(dir, 'tradewarden-of-mine'));
    writeFileSync(join(dir, 'notes.txt'), 'mine');
    const now = new Date();
    const { keepBackups, tooOld } = await import('../../src/backup/keep-backups.js');
    const in40Days = new Date(now.getTime() + 40 * 86_400_000);
    expect(tooOld(listBackups(dir), now, 30)).toEqual([]);
    expect(tooOld(listBackups(dir), in40Days, 30).map(({ id }) => id).sort()).toEqual([oldest, unproven].sort());

    // The newest is damaged: the oldest is the best there is, and nothing younger than it goes either.
    rmSync(join(dir, newest, 'dump.pgc'));
    expect(tooOld(listBackups(dir), in40Days, 30)).toEqual([]);
    rmSync(join(dir, oldest, 'verified.json'));
    expect(keepBackups(dir, in40Days, 30)).toEqual([]);

    // No further: after 90 days and a month the server would remove this month's events, and what comes next writes to it.
    await db.advance(40 * 86_400);
    const { manifest: { id: last }, removed } = await run();
    expect(removed.sort()).toEqual([oldest, unproven, newest].sort());
    expect((await db.query(`select 1 from backups where removed_at is not null`)).length).toBe(3);
    expect(keepBackups(dir, new Date(in40Days.getTime() * 2), 30)).toEqual([]);
    expect(readdirSync(dir).sort()).toEqual(['.tradewarden-backups.lock', '.tradewarden-copies.lock', 'notes.txt', 'tradewarden-of-mine', last].sort());
    expect(existsSync(join(dir, last, 'verified.json'))).toBe(true);
  });

  it('say what the role lacks, before anything is written', async () => {
    await db.query(`alter role backup_owner nocreatedb`);
    try {
      await expect(run()).rejects.toThrow(/role backup_owner may not create databases.*alter role backup_owner createdb, or set BACKUP_SCRATCH_URL/);
      const writer = await t.second({ DATABASE_OWNER_URL: db.url });
      await expect(writer.app.get(Backups, { strict: false }).run({ origin: 'command' })).rejects.toThrow(/role backup_writer may not read every table: set DATABASE_OWNER_URL/);
      await writer.close();
      const proven = await t.second({ BACKUP_SCRATCH_URL: server.adminUrl });
      await proven.app.get(Backups, { strict: false }).run({ origin: 'command' });
      await proven.close();
    } finally {
      await db.query(`alter role backup_owner createdb`);
    }
  });

  it('end with their server, are no failure, and are made after the next start', async () => {
    const second = await t.second();
    await second.app.get(BackupSchedule, { strict: false }).look();
    await second.close();
    expect(await runs()).toMatchObject([{ status: 'interrupted', error: 'it was interrupted' }]);
    expect(readdirSync(dir).filter((name) => name.startsWith('.partial'))).toEqual([]);
    await looked();
    expect((await runs()).map(({ status }) => status)).toEqual(['interrupted', 'verified']);
    expect(await open()).toEqual([]);
  });
});
