import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DrillSchedule } from '../../src/restore/drill-schedule.service.js';
import { Drills } from '../../src/restore/drills.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { limitAll, propose, trader } from '../support/ideas.js';
import { scrape } from '../support/metrics.js';
import { describeOnPostgres15 } from '../support/postgres15.js';
import { type Restorable, restorable } from '../support/restores.js';


interface Drilled { backup: string; seconds: number; steps: { name: string }[]; error: { code: string; message: string } }
interface Shown { restoreDrill: { ok: boolean | null; lastGoodAt: string | null; backup: string | null; error: string | null; cron: string | null } }

describeOnPostgres15('a drill', () => {
  // Half a day from now: none falls due by itself.
  const cron = `0 ${(new Date().getUTCHours() + 12) % 24} * * *`;
  let r: Restorable;
  let t: TestApp;
  beforeAll(async () => {
    r = await restorable();
    t = await startTestApp({ BACKUP_DIR: r.folder, RESTORE_DRILL_CRON: cron }, r.db);
    await limitAll(t);
  });
  afterAll(async () => {
    await t.close();
    await r.end();
  });

  const drill = () => cli<Drilled>(['restore:drill', '--json'], r.env);
  const incidents = async () => (await r.db.query<{ open: boolean }>(`select resolved_at is null as open from incidents where kind = 'RESTORE_DRILL_FAILED' order by seq`)).map(({ open }) => open);
  const shown = async () => (await t.http<Shown>('GET', '/system')).body.restoreDrill;
  const metric = async () => /^tradewarden_restore_drill_last_success_timestamp_seconds \d+/m.test((await scrape(t.base)).text);

  it('without a proven backup fails, and a person is told', async () => {
    await r.backUp(false);
    expect(await shown()).toMatchObject({ ok: null, lastGoodAt: null, cron });
    expect(await drill()).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('no verified backup') } } });
    expect(await incidents()).toEqual([true]);
    expect([await shown(), await metric()]).toMatchObject([{ ok: false, backup: null, error: expect.any(String) }, false]);
  });

  it('restores the newest, sees that it comes up halted, throws it away, and what is live notices nothing', async () => {
    const agent = await trader(t);
    const name = await r.backUp();
    const run = await drill();
    expect(run).toMatchObject({ code: 0, json: { backup: name } });
    expect(run.json.steps.map((step) => step.name.replace(/ tradewarden_drill_\w+$/, ''))).toEqual(['reading the backup', 'making', 'restoring', 'comparing', 'migrating', 'counting on', 'halting', 'proving the halt']);
    expect(await r.databases()).toEqual(['tradewarden']);
    expect((await propose(agent)).body.status).toBe('auto_executed');
    expect([await r.db.query('select 1 from restores'), await r.db.query(`select 1 from halts`), await incidents()]).toEqual([[], [], [false]]);
    expect([await shown(), await metric()]).toMatchObject([{ ok: true, backup: name, lastGoodAt: expect.any(String), error: null }, true]);
  });

  it('finds a backup that was damaged since', async () => {
    const name = await r.backUp();
    const path = join(r.folder, name, 'dump.pgc');
    const bytes = readFileSync(path);
    const changed = Buffer.from(bytes);
    changed[6_000] = (changed[6_000] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect(await drill()).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('dump.pgc') } } });
    expect(await incidents()).toEqual([false, true]);
    writeFileSync(path, bytes);
  });

  it('is run by the server when it is due, once, and by one of those that want to at a time', async () => {
    const schedule = t.app.get(DrillSchedule);
    await schedule.look();
    await schedule.whenIdle();
    const before = (await r.db.query(`select 1 from restore_drills`)).length;
    // The last one was yesterday: that of this night is missing.
    await r.db.query(`alter table restore_drills disable trigger user; update restore_drills set started_at = started_at - interval '2 days'`);
    await Promise.all([schedule.look(), schedule.look()]);
    await schedule.whenIdle();
    expect((await r.db.query<{ ok: boolean }>(`select ok, error from restore_drills order by seq`)).slice(before)).toEqual([{ ok: true, error: null }]);
    await schedule.look();
    await schedule.whenIdle();
    expect(await r.db.query(`select 1 from restore_drills`)).toHaveLength(before + 1);
    const both = await Promise.allSettled([t.app.get(Drills).run(), t.app.get(Drills).run()]);
    expect(both.map(({ status }) => status)).toContain('fulfilled');
    expect(await r.databases()).toEqual(['tradewarden']);
  });

  it('is done where BACKUP_SCRATCH_URL says, where the owner may not make databases', async () => {
    const name = await r.backUp();
    await onConnection(r.server.adminUrl, (admin) => admin.query('alter role owner nocreatedb'));
    try {
      expect(await drill()).toMatchObject({ code: 1, json: { error: { message: expect.stringContaining('createdb') } } });
      const run = await cli<Drilled>(['restore:drill', '--json'], { ...r.env, BACKUP_SCRATCH_URL: r.server.adminUrl });
      expect(run).toMatchObject({ code: 0, json: { backup: name } });
    } finally {
      await onConnection(r.server.adminUrl, (admin) => admin.query('alter role owner createdb'));
    }
    expect([await r.databases(), await r.db.query('select 1 from restores')]).toEqual([['tradewarden'], []]);
  });
});
