import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SystemMonitor } from '../../src/system-monitor/system-monitor.service.js';
import { SystemStatusRepository } from '../../src/system-monitor/system-status.repository.js';
import type { System } from '../../src/overview/system.schemas.js';
import { DatabaseService } from '../../src/database/database.service.js';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { onConnection } from '../support/cluster.js';
import { limitAll, propose, trader } from '../support/ideas.js';
import { scrape } from '../support/metrics.js';
import { until } from '../support/timing.js';

let t: TestApp;
let monitor: SystemMonitor;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  monitor = t.app.get(SystemMonitor);
  await limitAll(t);
  agent = await trader(t);
});
afterAll(() => t.close());

/** One server looks, as often as is said; two looks count. */
const look = async (times = 2) => {
  for (let n = 0; n < times; n++) await monitor.lookAndAct();
  await monitor.read();
};
const fail = (name: string) => t.db.query(`insert into schedules (name, next_run_at, last_finished_at, last_error) values ($1, 'infinity', app_clock(), 'broken') on conflict (name) do update set last_error = 'broken', next_run_at = excluded.next_run_at, last_finished_at = excluded.last_finished_at`, [name]);
const mend = () => t.db.query(`update schedules set last_error = null, next_run_at = 'infinity'`);
const quietFor = (seconds: number) => t.db.query(`update system_status set quiet_since = quiet_since - make_interval(secs => $1)`, [seconds]);
const suspensions = () => t.db.query<{ ended_by: string | null; cause: string }>(`select ended_by, cause from opening_suspensions order by began_at`);
const incidents = () => t.db.query<{ summary: string; occurrences: number; resolved: boolean; data: { cause: string } }>(`select summary, occurrences, resolved_at is not null as resolved, data from incidents where kind = 'SYSTEM_FAILING' order by seq`);
const system = async () => (await t.http<System>('GET', '/system')).body.monitor;
const WATCH = 'supervisor.watch';
const opening = () => propose(agent, { validForSeconds: 3_600 });
const handedOut = async () => (await agent.http<{ commands: { type: string }[] }>('POST', '/agents/me/commands/lease', { body: { max: 10 } })).body.commands.map(({ type }) => type);

let watching: string;
beforeAll(async () => {
  const schedules = (await t.http<System>('GET', '/system')).body.schedules ?? [];
  watching = schedules.find(({ everySeconds }) => everySeconds !== null && everySeconds < 60)?.name ?? WATCH;
});

beforeEach(async () => {
  await mend();
  await t.db.query(`delete from system_status`);
  await t.db.query(`delete from server_instances`);
  await t.db.query(`update incidents set resolved_at = app_clock(), resolved_by = 'system', repeat_at = null where resolved_at is null`);
  await t.db.query(`update opening_suspensions set ended_at = app_clock(), ended_by = 'system', end_reason = 'a test' where ended_at is null`);
  await t.db.query(`insert into system_status (looked_at) values (app_clock() - interval '1 minute')`);
  // What comes back within the hour takes longer to be over.
  await t.db.query(`update incidents set opened_at = opened_at - interval '2 hours', last_seen_at = last_seen_at - interval '2 hours', resolved_at = resolved_at - interval '2 hours' where resolved_at is not null`);
  await t.db.query(`update opening_suspensions set began_at = began_at - interval '2 hours', lapses_at = lapses_at - interval '2 hours', ended_at = ended_at - interval '2 hours'`);
});

describe('the picture of the system', () => {
  it('is well where all is well, and says of each part that it is', async () => {
    await look();
    expect(await system()).toMatchObject({ level: 'none', cause: null, suspension: null });
    expect((await system())?.parts.filter(({ level }) => level !== 'none')).toEqual([]);
    const { system: told } = (await t.http<{ system: object }>('GET', '/health')).body;
    expect(told).toMatchObject({ level: 'none', openingsSuspended: false, parts: { database: 'none', schedules: 'none' } });
  });

  it('is not known before anybody has looked, and no figure stands in its place', async () => {
    const other = await t.second();
    try {
      expect((await other.http<System>('GET', '/system')).body.monitor).toBeNull();
      expect(Object.keys((await scrape(other.base)).of('tradewarden_openings_suspended'))).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('takes two looks to change, and names in public no more than levels', async () => {
    await fail(watching);
    await look(1);
    expect((await system())?.level).toBe('none');
    await look(1);
    expect(await system()).toMatchObject({ level: 'critical', cause: 'schedules', suspension: { cause: 'schedules' } });
    const { text, body } = await t.http<{ system: { level: string; openingsSuspended: boolean } }>('GET', '/health');
    expect(body.system).toMatchObject({ level: 'critical', openingsSuspended: true });
    expect(text).not.toContain('broken');
    const seen = await scrape(t.base);
    expect(seen.value('tradewarden_openings_suspended')).toBe(1);
    expect(seen.of('tradewarden_system_part_level')['tradewarden_system_part_level{part="schedules"}']).toBe(2);
  });

  it('tells once of what fails together, with its likely cause, and that it is over after a quiet minute', async () => {
    const before = (await incidents()).length;
    const agents = await Promise.all(Array.from({ length: 4 }, () => trader(t)));
    await t.db.query(`update server_health set well_since = app_clock() - interval '1 day'`);
    await t.db.query(`update agent_state set last_seen_at = app_clock() - interval '10 minutes' where agent_id = any($1::uuid[])`, [[agent.id, ...agents.map(({ id }) => id)]]);
    await fail(watching);
    await look(5);
    expect(await system()).toMatchObject({ level: 'cascading' });
    const told = (await incidents()).slice(before);
    expect(told).toMatchObject([{ resolved: false }]);
    expect(told[0]?.summary).toMatch(/^Several parts fail together, first (schedules|agents): .*; with it fails (schedules|agents) \(/);
    await mend();
    await t.db.query(`update agent_state set last_seen_at = app_clock() where agent_id = any($1::uuid[])`, [[agent.id, ...agents.map(({ id }) => id)]]);
    await look();
    await quietFor(59);
    await look(1);
    expect((await incidents()).slice(before)).toMatchObject([{ resolved: false }]);
    await quietFor(2);
    await look(1);
    expect((await incidents()).slice(before)).toMatchObject([{ resolved: true }]);
  });

  it('is not well again because what is silent stays so for longer than an hour', async () => {
    await Promise.all(Array.from({ length: 4 }, () => trader(t)));
    await t.db.query(`update server_health set well_since = app_clock() - interval '1 day'`);
    const silentFor = (time: string) => t.db.query(`update agent_state set last_seen_at = app_clock() - $1::interval`, [time]);
    await silentFor('10 minutes');
    await look();
    expect(await system()).toMatchObject({ level: 'critical', cause: 'agents' });
    await silentFor('3 hours');
    await t.db.query(`update system_status set trouble_since = trouble_since - interval '170 minutes'`);
    await look();
    expect(await system()).toMatchObject({ level: 'critical', cause: 'agents' });
    await silentFor('1 second');
    await look();
    expect(await system()).toMatchObject({ level: 'none' });
  });

  it('is looked at also while requests hold the whole pool', async () => {
    const small = await t.second({ DB_POOL_SIZE: '1', DB_POOL_OVERFLOW: '0', DB_POOL_TIMEOUT: '1' });
    const held = await onConnection(t.db.ownerUrl, async (owner) => {
      await owner.query('begin; lock table agents');
      const waiting = small.http('GET', '/agents');
      await until(() => small.app.get(DatabaseService).pool().active === 1, 10_000);
      await t.db.query(`update system_status set looked_at = app_clock() - interval '1 minute'`);
      await small.app.get(SystemMonitor).step();
      await owner.query('rollback');
      await waiting;
      return small.app.get(SystemMonitor).seen;
    });
    await small.close();
    expect(held).toMatchObject({ known: true, status: { parts: expect.arrayContaining([expect.objectContaining({ name: 'database' })]) } });
  });

  it('misses a server that went without a word, and none that said goodbye', async () => {
    await t.db.query(`insert into server_instances (id, name, version, seen_at, loop_delay_ms, pool_waiting) values (gen_random_uuid(), 'lost:3000', '1', app_clock() - interval '1 minute', 1, 0)`);
    await monitor.beat();
    // A busy machine holds this process up for seconds, which would be worse.
    await t.db.query('update server_instances set loop_delay_ms = 1');
    await look();
    expect((await system())?.parts.find(({ name }) => name === 'servers')).toMatchObject({ level: 'warning', why: expect.stringContaining('lost:3000') });
    await t.db.query(`delete from server_instances where name = 'lost:3000'`);
    const other = await t.second();
    await other.app.get(SystemMonitor).beat();
    expect(await t.db.query('select 1 from server_instances')).toHaveLength(2);
    await other.close();
    expect(await t.db.query('select 1 from server_instances')).toHaveLength(1);
  });

  it('is looked at by one of many servers at a time', async () => {
    const statuses = t.app.get(SystemStatusRepository);
    const claimed = await Promise.all(Array.from({ length: 20 }, () => statuses.claim()));
    expect(claimed.filter(Boolean)).toHaveLength(1);
    await t.db.query(`update system_status set looked_at = app_clock() - interval '10 seconds'`);
    expect(await statuses.claim()).toBe(true);
  });
});

describe('openings that the system holds', () => {
  const begin = async () => {
    await fail(watching);
    await look();
  };

  it('are refused by the gate and stay in the queue, while what closes is handed out', async () => {
    expect((await opening()).body.status).toBe('auto_executed');
    await begin();
    const refused = (await opening()).body;
    expect(refused).toMatchObject({ status: 'halted_by_risk', decision: { verdict: 'halted_by_risk', reasons: [{ code: 'SYSTEM_SUSPENDED', actual: 'schedules' }] } });
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
    expect(await handedOut()).toEqual(['reconcile']);
    await mend();
    await look();
    await quietFor(61);
    await look(1);
    expect(await handedOut()).toEqual(['open_trade']);
    expect((await opening()).body.status).toBe('auto_executed');
    expect(await handedOut()).toEqual(['open_trade']);
  });

  it('stay held through the quiet minute, so that nothing opens between two failures', async () => {
    await begin();
    await mend();
    await look();
    expect((await opening()).body.decision.reasons).toMatchObject([{ code: 'SYSTEM_SUSPENDED' }]);
  });

  it('are held in the word of the page, with the reason', async () => {
    await begin();
    const { light } = (await t.http<{ light: { word: string; reasons: string[] } }>('GET', '/overview')).body;
    expect(light.word).toBe('REDUCING');
    expect(light.reasons.join()).toContain(`the system holds openings until it is well again: schedules: ${watching} failed: broken`);
  });

  it('are let through by themselves when nobody looks any more', async () => {
    await begin();
    await t.db.query(`update opening_suspensions set lapses_at = app_clock() - interval '1 second' where ended_at is null`);
    expect((await opening()).body.status).toBe('auto_executed');
    await handedOut();
    // Who looks again renews what was never ended.
    await look(1);
    expect((await opening()).body.status).toBe('halted_by_risk');
  });

  it('change nothing that people switched: limits, halts and what agents are told stay as they are', async () => {
    const halt = (await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'symbol', id: 'USDJPY' }, mode: 'halt', reason: 'a person' } })).body;
    const switches = async () => [await t.db.query('select * from risk_config'), await t.db.query('select id, run, state_version from agents order by id'), await t.db.query('select * from halts order by seq')];
    const before = await switches();
    await begin();
    await mend();
    await look();
    await quietFor(61);
    await look(1);
    expect(await switches()).toEqual(before);
    expect((await suspensions()).at(-1)).toMatchObject({ ended_by: 'system' });
    await t.http('POST', `/kill-switch/${halt.id}/release`, { body: { reason: 'over', confirm: 'RELEASE' } });
  });

  it('are let through by an administrator, and not held again before all was well once', async () => {
    await begin();
    const lift = () => t.http<{ endedBy: string }>('POST', '/system/suspension/lift', { body: { reason: 'known, and mended tonight' } });
    expect((await lift()).body.endedBy).toMatch(/^user:/);
    expect(await lift()).toMatchObject({ status: 409, body: { code: 'NOT_SUSPENDED' } });
    await look(3);
    expect((await opening()).body.status).toBe('auto_executed');
    await handedOut();
    await mend();
    await look();
    await quietFor(61);
    await look(1);
    await begin();
    expect((await opening()).body.status).toBe('halted_by_risk');
  });

  it('are held for twice as long each time that it comes back within the hour, eight times at most', async () => {
    for (const seconds of [60, 120, 240, 480, 480]) {
      await begin();
      await mend();
      await look();
      await quietFor(seconds - 2);
      await look(1);
      expect([seconds, (await suspensions()).at(-1)?.ended_by]).toEqual([seconds, null]);
      await quietFor(3);
      await look(1);
      expect([seconds, (await suspensions()).at(-1)?.ended_by]).toEqual([seconds, 'system']);
    }
  });

  it('are let through in time also when the clock was set back meanwhile', async () => {
    await begin();
    await mend();
    await look();
    await t.db.query(`update opening_suspensions set lapses_at = lapses_at + interval '1 hour' where ended_at is null`);
    await t.db.query(`update system_status set quiet_since = quiet_since + interval '1 hour', trouble_since = trouble_since + interval '1 hour'`);
    expect((await opening()).body.status).toBe('auto_executed');
    await handedOut();
    await look(1);
    // The holding was over within the hour: twice the minute.
    await quietFor(121);
    await look(1);
    expect(await system()).toMatchObject({ level: 'none', suspension: null });
    expect((await incidents()).at(-1)).toMatchObject({ resolved: true });
  });

  it('are held once, however many look at the same moment', async () => {
    await fail(watching);
    await look(1);
    const before = (await suspensions()).length;
    await Promise.all(Array.from({ length: 8 }, () => monitor.lookAndAct()));
    expect((await suspensions()).length - before).toBe(1);
    expect(await t.db.query(`select 1 from events where type = 'system.suspended' and seq > (select max(seq) from events where type = 'system.level' and data ->> 'from' = 'none')`)).toHaveLength(1);
  });
});
