import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { describeOnPostgres15 } from '../support/postgres15.js';
import { type Restorable, restorable, type RestoreRun } from '../support/restores.js';

const FILES = ['decisions-2026-01-0a1b2c3d4e5f.jsonl.gz', 'decisions-2026-02-aaaabbbbcccc.jsonl.gz'] as const;
const textOf = (name: string) => gzipSync(`{"format":1,"of":"${name}"}\n`.repeat(500));

interface Made { folder: string; name: string; missing: string[]; error: { message: string } }

describeOnPostgres15('archives of decisions', () => {
  let r: Restorable;
  let archives: string;
  beforeAll(async () => {
    r = await restorable();
    archives = join(r.folder, 'archives');
    mkdirSync(archives);
    for (const name of FILES) {
      writeFileSync(join(archives, name), textOf(name));
      await r.db.query(
        `insert into decision_archives (id, month, file, bytes, sha256, decisions, last_seq, digest, verified_at, dropped_at) values (gen_random_uuid(), '2026-01-01', $1, $2, $3, 1, 1, $3, app_clock(), app_clock())`,
        [name, textOf(name).length, createHash('sha256').update(textOf(name)).digest('hex')]);
    }
    // Written for a month that is still in its table: nobody relies on it.
    await r.db.query(`insert into decision_archives (id, month, file, bytes, sha256, decisions, last_seq, digest) values (gen_random_uuid(), '2026-03-01', 'decisions-2026-03-ddddeeeeffff.jsonl.gz', 1, $1, 1, 1, $1)`, ['ab'.repeat(32)]);
    writeFileSync(join(archives, 'notes.txt'), 'of somebody');
  });
  afterAll(() => r.end());

  const backup = () => cli<Made>(['backup', '--json'], { ...r.env, ARCHIVE_DIR: archives });
  const sizes = (folder: string) => Object.fromEntries(FILES.map((name) => [name, readFileSync(join(folder, name)).equals(textOf(name))]));
  const both = { [FILES[0]]: true, [FILES[1]]: true };
  const restore = (archiveDir: string | null, into: string) =>
    cli<RestoreRun>(['restore', 'latest', '--into', into, '--json'], { ...r.env, ...(archiveDir === null ? {} : { ARCHIVE_DIR: archiveDir }) });

  it('are in every backup, which shares them with the one before, and are checked with it', async () => {
    const [first, second] = [await backup(), await backup()];
    expect([first.code, first.json.missing, second.code, second.json.missing]).toEqual([0, [], 0, []]);
    expect([sizes(first.json.folder), sizes(second.json.folder)]).toEqual([both, both]);
    expect(execFileSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: second.json.folder, encoding: 'utf8' })).toBe('');
    const [one, other] = [first, second].map(({ json }) => statSync(join(json.folder, FILES[0])).ino);
    expect(one).toBe(other);
    // The older one may go: the newer one is whole without it.
    rmSync(first.json.folder, { recursive: true });
    expect(sizes(second.json.folder)).toEqual(both);
    rmSync(join(second.json.folder, FILES[1]));
    expect(await restore(null, 'without_one')).toMatchObject({ code: 1, json: { error: { code: 'NO_BACKUP' } } });
  });

  it('are brought back by a restore where they are missing or damaged, and nothing else there is touched', async () => {
    expect((await backup()).code).toBe(0);
    const place = join(r.folder, 'new', 'machine');
    const run = await restore(place, 'on_a_new_machine');
    expect([run.code, run.json.notes, sizes(place)]).toEqual([0, [`Archives of decisions that were brought back to ${place}: 2.`], both]);
    writeFileSync(join(archives, FILES[0]), 'damaged');
    const again = await restore(archives, 'with_a_damaged_one');
    expect([again.code, again.json.notes, sizes(archives)]).toEqual([0, [`Archives of decisions that were brought back to ${archives}: 1.`], both]);
    expect(readdirSync(archives).sort()).toEqual([...FILES, 'notes.txt'].sort());
    expect((await restore(null, 'without_a_folder')).json.notes).toEqual([expect.stringContaining('which belong into ARCHIVE_DIR, and that is not set')]);
    for (const name of ['on_a_new_machine', 'with_a_damaged_one', 'without_a_folder']) await onConnection(r.server.adminUrl, (admin) => admin.query(`drop database ${name}`));
  });

  it('that are lost are said by each backup, which is made all the same, and ends with 1', async () => {
    for (const name of readdirSync(r.folder).filter((each) => each.startsWith('tradewarden-'))) rmSync(join(r.folder, name), { recursive: true });
    rmSync(join(archives, FILES[1]));
    const { code, json } = await backup();
    expect([code, json.missing, readdirSync(json.folder).filter((each) => each.startsWith('decisions'))]).toEqual([1, [FILES[1]], [FILES[0]]]);
    expect((await cli(['backup'], { ...r.env, ARCHIVE_DIR: archives })).stdout).toContain(`It lacks ${FILES[1]}`);
    expect((await cli(['backup', '--list'], r.env)).stdout).toMatch(/^tradewarden-\S+ +dump +\S+ MB +proven /m);
  });
});
