import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { cli } from '../support/cli.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { holding } from '../support/locks.js';
import { stateOf } from '../support/old-source.js';
import { writeSigmatrader } from '../support/sigmatrader-database.js';

const KILLS = process.env['FULL_FIGURES'] ? 40 : 4;

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-kills-'));
const file = join(folder, 'sigma.db');
let db: TestDatabase;
let env: Record<string, string>;
beforeAll(async () => {
  db = await createTestDatabase();
  env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl, MIGRATE_ON_START: 'off' };
  writeSigmatrader(file, { each: 300 });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await db.drop();
});

const imported = async (): Promise<string> => {
  const { code, json } = await cli<{ runId: string; error: unknown }>(['import', file, '--json'], env);
  expect([code, json.error]).toEqual([0, null]);
  return json.runId;
};
const rollingBack = () => db.query<{ open: boolean }>(`select xact_start is not null as open from pg_stat_activity where datname = current_database() and application_name = 'tradewarden-import-rollback'`);

/** Of every table; what tells of imports stays, and months that were made. */
const content = async () => Object.fromEntries(Object.entries(await stateOf(db, ['events', 'import_runs'])).filter(([, state]) => state !== 'a month'));

/** Killed so many milliseconds after its transaction began. Returns how it ended: null by the kill. */
async function killed(run: string, after: number): Promise<number | null> {
  let child: ChildProcess | undefined;
  let isOver = false;
  const ended = cli(['import:rollback', run, '--json'], env, '', (_, started) => (child = started)).then(({ code }) => code).finally(() => (isOver = true));
  while (!isOver && !(await rollingBack()).some(({ open }) => open)) await pause(2);
  await pause(after);
  child?.kill('SIGKILL');
  return ended;
}

describe('a rollback of an import that is killed', () => {
  it('has taken back all or nothing, wherever it was, and takes back the rest the next time', async () => {
    const before = await content();
    let run = await imported();
    let there = await content();
    let half = 0;
    for (let n = 0; n < KILLS; n++) {
      // The first cannot have come to its end: what it needs is held.
      if (n === 0) await holding(db, 'lock table snapshot_account in share row exclusive mode', [], async () => void (await killed(run, 0)));
      else await killed(run, Math.random() * 300);
      while ((await rollingBack()).length > 0) await pause(10);
      const [row] = await db.query<{ status: string }>('select status from import_runs where id = $1', [run]);
      expect(await content()).toEqual(row?.status === 'rolled_back' ? before : there);
      if (row?.status === 'finished') half += 1;
      else {
        run = await imported();
        there = await content();
      }
    }
    expect(half).toBeGreaterThan(0);
    expect((await cli(['import:rollback', run, '--json'], env)).code).toBe(0);
    expect(await content()).toEqual(before);
  });
});
