import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TEST_SECRETS } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { holding } from '../support/locks.js';
import { stateOf } from '../support/old-source.js';

const FULL = process.env['FULL_FIGURES'] === '1';
const KILLS = FULL ? 40 : 4;
const ROWS = FULL ? 100_000 : 12_000;

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-kills-'));
const file = join(folder, 'trading.db');
let db: TestDatabase;
let env: Record<string, string>;
beforeAll(async () => {
  db = await createTestDatabase();
  env = { DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl };
  const old = new DatabaseSync(file);
  old.exec(`create table market_data (id integer not null primary key, symbol varchar(20) not null, timestamp datetime not null, open float not null, high float not null, low float not null, close float not null, volume float, timeframe varchar(10) not null)`);
  const insert = old.prepare('insert into market_data values (?, ?, ?, 1.5, 1.5, 1.5, 1.5, 7, ?)');
  old.exec('begin');
  for (let n = 1; n <= ROWS; n++) insert.run(n, 'EURUSD', new Date(Date.UTC(2024, 0, 1) + n * 60_000).toISOString().slice(0, 19).replace('T', ' '), '1min');
  old.exec('commit');
  old.close();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await db.drop();
});

interface Report { status: string; runId: string; tables: { name: string; read: number; imported: number; unchanged: number }[]; proof: { ok: boolean } | null; error?: { code: string } }
const flags = (source: string, ...more: string[]) => ['import', file, '--profile', 'ai-trader', '--source', source, '--report', join(folder, 'rejects.jsonl'), '--json', ...more];

/** Ended by a signal so many milliseconds after its transaction began; null: left alone. */
async function importing(args: string[], after: number | null, signal: NodeJS.Signals = 'SIGKILL'): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'cli.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_ENV: 'test', DATA_DIR: '/nonexistent/tradewarden', ...TEST_SECRETS, ...env },
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said.stderr += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (after !== null) {
    await begun(child);
    await pause(after);
    child.kill(signal);
  }
  return { code: await ended, ...said };
}

/** Until it is at work, or over. */
async function begun(child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const rows = await db.query(`select 1 from pg_stat_activity where datname = current_database() and application_name = 'tradewarden-import' and xact_start is not null`);
    if (rows.length > 0) return;
    await pause(5);
  }
}

/** The server has seen that whoever was killed is gone. */
async function quiet(): Promise<void> {
  while ((await db.query(`select 1 from pg_stat_activity where datname = current_database() and application_name like 'tradewarden-import%'`)).length > 0) await pause(10);
}

/** While what every import writes to is held. */
async function unfinished<T>(work: () => Promise<T>): Promise<T> {
  let done: Promise<T> | null = null;
  await holding(db, 'lock table import_rows in share mode', [], async () => void (await (done = work())));
  return done!;
}

const reportOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as Report;
const candles = ({ tables }: Report) => tables.find(({ name }) => name === 'market_data');
const clear = () => db.query(`set session_replication_role = replica; delete from snapshot_market; delete from import_rows; delete from import_archive; delete from import_rejects; delete from import_runs; delete from import_tables; set session_replication_role = origin`);

describe('an import that is killed', () => {
  it('leaves nothing, wherever it was, and is done whole the next time', async () => {
    const source = 'whole';
    let before = await stateOf(db);
    let killed = 0;
    for (let n = 0; n < KILLS; n++) {
      // The first cannot have come to its end.
      if (n === 0) await unfinished(() => importing(flags(source), 0));
      else await importing(flags(source), Math.random() * (FULL ? 8_000 : 700));
      await quiet();
      const [{ rows } = { rows: 0 }] = await db.query<{ rows: number }>('select count(*)::int as rows from snapshot_market');
      // The signal came behind the commit: whole is the other thing that it may be. Its account and its events stay.
      if (rows === ROWS) {
        await clear();
        before = await stateOf(db);
        continue;
      }
      killed += 1;
      expect(await stateOf(db)).toEqual(before);
    }
    expect(killed).toBeGreaterThan(0);
    const done = reportOf(await importing(flags(source), null));
    expect(candles(done)).toMatchObject({ read: ROWS, imported: ROWS });
    expect(done.proof?.ok).toBe(true);
  });

  it('by batches keeps what was committed, and goes on from there until all is there once', async () => {
    await clear();
    const source = 'batches';
    const args = flags(source, '--batch', '1000');
    let ended: { code: number | null; stdout: string; stderr: string } | null = null;
    // Killed too early there is nothing to go on with.
    for (let after = 300; (await db.query(`select 1 from import_runs where source = $1`, [source])).length === 0; after += 100) {
      await importing(args, after);
      await quiet();
    }
    for (let n = 0; n < KILLS; n++) {
      await quiet();
      const run = await importing([...args, '--resume'], Math.random() * (FULL ? 8_000 : 700));
      if (run.code === 0) ended = run;
      if (run.code === 1) expect(run.stdout).toMatch(/NOTHING_TO_RESUME/);
    }
    await quiet();
    const last = await importing([...args, '--resume'], null);
    const done = last.code === 0 ? reportOf(last) : ended && reportOf(ended);
    if (done) expect(candles(done)).toMatchObject({ read: ROWS, imported: ROWS });
    const [there] = await db.query<{ rows: number; ids: number; runs: number }>(`select count(*)::int as rows, count(distinct id)::int as ids, (select count(*)::int from import_runs where source = 'batches') as runs from snapshot_market`);
    expect(there).toEqual({ rows: ROWS, ids: ROWS, runs: 1 });
    expect(reportOf(await importing(flags(source, '--validate-only'), null)).proof?.ok).toBe(true);
  });

  it('by hand says what is left, and leaves nothing', async () => {
    await clear();
    const before = await stateOf(db);
    const { code, stderr } = await unfinished(() => importing(flags('by hand'), 50, 'SIGINT'));
    await quiet();
    expect(code).toBe(130);
    expect(stderr).toContain('Interrupted: nothing was imported.');
    expect(await stateOf(db)).toEqual(before);
  });
});

describe('the command', () => {
  it.each([
    [['--resume'], '--resume'], [['--batch', '0'], '--batch'], [['--batch', 'x'], '--batch'], [['--profile', 'x'], '--profile'], [['--source', '../x'], '--source'], [['--dry-run', '--skip-data'], '--dry-run'],
  ])('refuses %j as wrong usage', async (more, named) => {
    const { code, stdout } = await importing(['import', file, '--json', ...more], null);
    expect([code, (JSON.parse(stdout) as { error: { message: string } }).error.message]).toEqual([2, expect.stringContaining(named)]);
  });

  it('fails on a file that is not there, and says what each column becomes without a row being read', async () => {
    expect((await importing(['import', join(folder, 'none.db')], null)).code).toBe(1);
    const { code, stdout } = await importing(flags('looked at', '--skip-data'), null);
    expect(code).toBe(0);
    expect(candles(JSON.parse(stdout) as Report)).toMatchObject({ name: 'market_data', read: ROWS, imported: 0 });
  });
});
