import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { dropUnproven, keepBackups } from '../../src/backup/keep-backups.js';
import { CHECKSUMS, type Manifest, MANIFEST, VERIFIED } from '../../src/backup/manifest.js';
import { listBackups, newestVerified, proofText, readBackup, sha256 } from '../../src/backup/read-backup.js';
import { chosenBackup } from '../../src/restore/which-backup.js';
import { folders } from '../support/backups.js';

const { make: newFolder, remove } = folders();
afterAll(remove);

const SYSTEM = 'a0000000-0000-4000-8000-000000000001';
const OTHER = 'a0000000-0000-4000-8000-000000000002';
const DUMP = 'of a dump';
const NOW = new Date('2026-06-15T00:00:00Z');

interface Made { at: string; database?: string; events: number; system?: string | null; proven?: boolean }

/** As a run leaves one. @param at by the clock of the machine that made it; `database` by the database's */
function made(dir: string, { at, database = at, events, system = SYSTEM, proven = true }: Made): string {
  const id = `tradewarden-${new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${events.toString(16).padStart(8, '0')}`;
  const manifest: Manifest = {
    format: 1, kind: 'dump', id, createdAt: new Date(at).toISOString(), database: 'trading', system, serverVersion: '17.5', serverVersionNum: 170_005, toolVersion: 'pg_dump (PostgreSQL) 17.5', appVersion: '1.0.0',
    schemaVersion: '', snapshotAt: new Date(database).toISOString(), tables: [], sums: {}, chainHeads: [], eventsSeq: events, sequences: [{ name: 'events_seq', value: events }],
    objects: { columns: 1, constraints: 0, indexes: 0, triggers: 0, functions: 0 }, migrations: [], base: null, files: [{ name: 'dump.pgc', bytes: DUMP.length, sha256: sha256(DUMP) }],
  };
  const text = JSON.stringify(manifest);
  mkdirSync(join(dir, id));
  writeFileSync(join(dir, id, 'dump.pgc'), DUMP);
  writeFileSync(join(dir, id, MANIFEST), text);
  writeFileSync(join(dir, id, CHECKSUMS), `${sha256(DUMP)}  dump.pgc\n${sha256(text)}  ${MANIFEST}\n`);
  if (proven) writeFileSync(join(dir, id, VERIFIED), proofText({ ok: true, at: manifest.createdAt, serverVersion: '17.5', seconds: 1, tables: 0, manifestSha256: sha256(text) }));
  return id;
}

describe('what is kept of backups', () => {
  it('is the one that was proven last, also when the clock of its machine is years behind', () => {
    const dir = newFolder();
    const old = made(dir, { at: '2026-06-01T00:00:00Z', events: 100 });
    const newest = made(dir, { at: '2020-01-01T00:00:00Z', database: '2026-06-14T23:00:00Z', events: 200 });
    expect(newestVerified(listBackups(dir))?.id).toBe(newest);
    expect(keepBackups(dir, NOW, 1)).toEqual([old]);
    expect(keepBackups(dir, new Date('2040-01-01T00:00:00Z'), 1)).toEqual([]);
    expect(readdirSync(dir)).toEqual([newest]);
  });

  it('is the one that was proven last, also when every clock was years behind or ahead', () => {
    const dir = newFolder();
    const ahead = made(dir, { at: '2031-01-01T00:00:00Z', events: 100 });
    const behind = made(dir, { at: '2020-01-01T00:00:00Z', events: 200 });
    expect(newestVerified(listBackups(dir))?.id).toBe(behind);
    expect(keepBackups(dir, NOW, 30)).toEqual([]);
    const right = made(dir, { at: '2026-06-14T00:00:00Z', events: 300 });
    expect(newestVerified(listBackups(dir))?.id).toBe(right);
    expect(keepBackups(dir, NOW, 30)).toEqual([behind]);
    expect(readdirSync(dir).sort()).toEqual([right, ahead].sort());
  });

  it('is the newest of each system that writes here: none removes the last good one of another', () => {
    const dir = newFolder();
    const mine = [made(dir, { at: '2026-01-01T00:00:00Z', events: 10 }), made(dir, { at: '2026-06-14T00:00:00Z', events: 20 })];
    const theirs = [made(dir, { at: '2026-01-02T00:00:00Z', events: 9_000, system: OTHER }), made(dir, { at: '2026-01-03T00:00:00Z', events: 9_001, system: OTHER })];
    expect(keepBackups(dir, NOW, 30).sort()).toEqual([mine[0], theirs[0]].sort());
    expect(readdirSync(dir).sort()).toEqual([mine[1], theirs[1]].sort());
  });

  it('of runs that failed behind the writing is the last, however often they fail', () => {
    const dir = newFolder();
    const good = made(dir, { at: '2026-06-10T00:00:00Z', events: 1 });
    const failed = [2, 3, 4].map((events) => made(dir, { at: `2026-06-14T0${events}:00:00Z`, events, proven: false }));
    const copied = made(dir, { at: '2026-06-11T00:00:00Z', events: 9, proven: false });
    // That it was proven after all counts more than what its run says.
    expect(dropUnproven(dir, [...failed].reverse().concat(good)).sort()).toEqual(failed.slice(0, 2));
    expect(readdirSync(dir).sort()).toEqual([good, copied, failed[2]].sort());
  });
});

describe('the latest', () => {
  it('is asked for by name where several systems write into one folder, unless it is known whose is meant', async () => {
    const dir = newFolder();
    const mine = made(dir, { at: '2026-06-13T00:00:00Z', events: 1 });
    const theirs = made(dir, { at: '2026-06-14T00:00:00Z', events: 2, system: OTHER });
    await expect(chosenBackup('latest', dir, { unverified: false })).rejects.toMatchObject({ code: 'SEVERAL_SYSTEMS', message: expect.stringContaining('backup --list') });
    expect((await chosenBackup('latest', dir, { unverified: false, system: SYSTEM })).manifest.id).toBe(mine);
    expect((await chosenBackup('latest', dir, { unverified: false, system: OTHER })).manifest.id).toBe(theirs);
    expect((await chosenBackup(theirs, dir, { unverified: false })).manifest.id).toBe(theirs);
  });
});

describe('a folder of backups', () => {
  it.each<[string, (place: string) => void]>([
    ['a pipe', (place) => void execFileSync('mkfifo', [place])],
    ['a device without an end', (place) => symlinkSync('/dev/zero', place)],
    ['a folder', (place) => mkdirSync(place)],
    ['a link to itself', (place) => symlinkSync(place, place)],
    ['larger than memory', (place) => (writeFileSync(place, ''), truncateSync(place, 200_000_000_000))],
    ['brackets for ever', (place) => writeFileSync(place, '['.repeat(1_000_000))],
  ])('in which a file is %s is told of at once, and keeps nobody from the others', async (_what, put) => {
    const dir = newFolder();
    const good = made(dir, { at: '2026-06-01T00:00:00Z', events: 1 });
    for (const [n, file] of [MANIFEST, CHECKSUMS, VERIFIED, 'dump.pgc'].entries()) {
      const bad = made(dir, { at: `2026-06-0${n + 2}T00:00:00Z`, events: n + 2 });
      rmSync(join(dir, bad, file));
      put(join(dir, bad, file));
      expect(newestVerified(listBackups(dir))?.id).toBe(file === CHECKSUMS ? bad : good);
      if (file !== VERIFIED) await expect(readBackup(join(dir, bad))).rejects.toThrow(file);
      else expect((await readBackup(join(dir, bad))).verified).toBeNull();
      rmSync(join(dir, bad), { recursive: true });
    }
  });
});
