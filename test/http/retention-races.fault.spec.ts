import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ArchiveRow } from '../../src/decisions/archive/archives.repository.js';
import { DecisionsArchive } from '../../src/retention/decisions-archive.js';
import { RetentionService } from '../../src/retention/retention.service.js';
import type { TableResult } from '../../src/retention/runs.repository.js';
import { type Session, withSession } from '../../src/retention/session.js';
import { TEST_SECRETS } from '../support/app.js';
import { aDecision, append, verified } from '../support/decisions.js';
import { type AgedApp, goTo, monthAgo, monthsThere, resultOf, retain, startAged } from '../support/retention.js';
import { until } from '../support/timing.js';

let t: AgedApp;
let env: Record<string, string>;
const stream = randomUUID();
beforeAll(async () => {
  t = await startAged();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, ARCHIVE_DIR: t.folder };
});
afterAll(() => t.close());

/** Decisions and events of a month that is old. */
async function oldMonth(count = 3): Promise<void> {
  await goTo(t, 150);
  await append(t, ...Array.from({ length: count }, () => aDecision(stream)));
  await goTo(t, 0);
}

async function other<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: t.db.url });
  await client.connect();
  return work(client).finally(() => client.end());
}

describe('a month that somebody uses', () => {
  it.each([
    ['a writer that has not committed', `insert into events (type, actor) values ('retention.finished', 'system')`], ['a reader of all months', 'select count(*) from events'],
  ])('is given up while it is held by %s, and requests go on meanwhile', async (_what, statement) => {
    await oldMonth();
    const agent = await t.agent();
    await other(async (client) => {
      await client.query('begin');
      await client.query(statement);
      let slowest = 0;
      let isOver = false;
      const removing = resultOf(t, 'events').finally(() => (isOver = true));
      const hearing = (async () => {
        while (!isOver) {
          const began = performance.now();
          expect((await agent.http('POST', '/agents/me/commands/lease', { body: {} })).status).toBe(200);
          expect((await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'pause' } })).status).toBe(201);
          slowest = Math.max(slowest, performance.now() - began);
        }
      })();
      await expect(removing).rejects.toThrow(/in use by others/);
      await hearing;
      // Two requests behind 0.2 s of lock each, on a machine that others use: not the minute after which they are refused here.
      expect(slowest).toBeLessThan(30_000);
      await client.query('rollback');
    });
    expect(await monthsThere(t, 'events')).toContain(monthAgo(150));
    expect(await t.db.query(`select 1 from incidents where kind = 'RETENTION_FAILED'`)).toEqual([]);
    expect((await resultOf(t, 'events')).months).toContain(monthAgo(150));
  });

  it('is dropped when it is let go in time', async () => {
    await oldMonth();
    await other(async (client) => {
      await client.query(`begin; insert into events (type, actor) values ('retention.finished', 'system')`);
      const removing = resultOf(t, 'events');
      await new Promise((resolve) => setTimeout(resolve, 700));
      await client.query('commit');
      expect((await removing).months).toContain(monthAgo(150));
    });
  });
});

describe('a run that is killed', () => {
  // Of those before.
  beforeAll(() => resultOf(t, 'decision_history'));

  it.each([
    ['when the file is written', 'lock table decision_archives in exclusive mode'], ['while it is verified', 'lock table decision_archive_rows in exclusive mode'], ['when it drops the month', 'lock table decision_history in access share mode'],
  ])('%s loses nothing, and the next one ends it', async (_what, hold) => {
    await oldMonth();
    const before = (await verified(t)).checked;
    // Each step waits for a lock of ours: there its process is killed.
    const admin = new pg.Client({ connectionString: t.db.adminUrl });
    await admin.connect();
    await admin.query(`begin; ${hold}`);
    const child = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'cli.js'), 'retention', '--table', 'decision_history'], { stdio: 'ignore', env: { PATH: process.env['PATH'], NODE_ENV: 'test', DATA_DIR: '/nonexistent/tradewarden', ...TEST_SECRETS, ...env } });
    const ended = once(child, 'close');
    await until(async () => (await t.db.query(`select 1 from pg_stat_activity where application_name = 'tradewarden-retention' and wait_event_type = 'Lock' and datname = current_database()`)).length > 0, 20_000);
    child.kill('SIGKILL');
    await ended;
    await admin.query('rollback');
    await admin.end();
    await t.db.query(`update retention_runs set lease_until = app_clock() - interval '1 second' where status = 'running'`);
    expect(await verified(t)).toMatchObject({ ok: true, checked: before });
    expect(await resultOf(t, 'decision_history')).toMatchObject({ rows: 3, held: [] });
    expect(await verified(t)).toMatchObject({ ok: true, checked: before });
    // Whatever lies there is somebody's: what no archive names would lie there for ever.
    const named = await t.db.query<{ file: string }>('select file from decision_archives');
    expect(readdirSync(t.folder).sort()).toEqual(named.map(({ file }) => file).sort());
  });

  it('or only stood still, and ends while the next one clears up after it, keeps the file that is the only copy by then', async () => {
    await oldMonth();
    await resultOf(t, 'decision_history');
    const [archive] = await t.db.query<ArchiveRow>(`select id, file, null as verified_at, null as dropped_at from decision_archives order by dropped_at desc limit 1`);
    // As the next one saw it a moment before: not verified, so of no use.
    const next = t.app.get(DecisionsArchive, { strict: false }) as unknown as { clear(session: Session, folder: string, known: readonly (ArchiveRow | undefined)[]): Promise<void> };
    await withSession(t.db.url, { isBusy: () => false, isStopped: () => false }, (session) => next.clear(session, t.folder, [archive]));
    expect(readdirSync(t.folder)).toContain(archive?.file);
    expect(await verified(t)).toMatchObject({ ok: true });
  });
});

describe('a run that is stopped with its server', () => {
  it('says what it had removed until then, and the next one goes on', async () => {
    await oldMonth();
    const u = await t.second();
    const stopped = u.app.get(RetentionService, { strict: false });
    await expect(retain(u, { say: () => stopped.beforeApplicationShutdown() })).rejects.toThrow(/being stopped/);
    const [run] = await t.db.query<{ status: string; tables: TableResult[] }>('select status, tables from retention_runs order by seq desc limit 1');
    expect(run).toMatchObject({ status: 'failed', tables: [expect.objectContaining({ rows: expect.any(Number) })] });
    expect(run?.tables[0]?.rows).toBeGreaterThan(0);
    await expect(retain(u, { dryRun: true })).rejects.toThrow(/being stopped/);
    await u.close();
    expect(await t.db.query(`select 1 from incidents where kind = 'RETENTION_FAILED' and resolved_at is null`)).toEqual([]);
    const { tables } = await retain(t);
    expect(tables.some(({ rows }) => rows > 0)).toBe(true);
    expect(await verified(t)).toMatchObject({ ok: true });
  });
});

describe('a folder', () => {
  it('that is full, or no folder, fails the run, and nothing is lost', async () => {
    await oldMonth(20);
    const full = join(t.folder, 'full');
    mkdirSync(full);
    let isMounted = false;
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', full], { stdio: 'ignore' });
      isMounted = true;
      writeFileSync(join(full, 'other'), Buffer.alloc(4_096));
    } catch {
      // Who may not mount looks at the other half.
    }
    try {
      for (const [folder, reason] of [...(isMounted ? [[full, /ENOSPC|no space/i] as const] : []), [join(process.cwd(), 'package.json'), /EEXIST|ENOTDIR/] as const]) {
        const u = await t.second({ ARCHIVE_DIR: folder });
        await expect(resultOf(u, 'decision_history')).rejects.toThrow(reason);
        expect(await monthsThere(t, 'decision_history')).toContain(monthAgo(150));
        await u.close();
      }
    } finally {
      if (isMounted) execFileSync('umount', [full]);
    }
    expect((await resultOf(t, 'decision_history')).rows).toBe(20);
    expect((await verified(t)).ok).toBe(true);
  });
});
