import { mkdtempSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Disks } from '../../src/health/disks.service.js';
import { LongTransactions } from '../../src/health/long-transactions.service.js';
import { topStatements } from '../../src/health/top-statements.js';
import { withClient } from '../../src/database/client.js';
import type { System } from '../../src/overview/system.schemas.js';
import { type TestAgent, startTestApp, type TestApp } from '../support/app.js';
import { onConnection, startCluster } from '../support/cluster.js';
import { LONG, propose } from '../support/ideas.js';
import { scrape } from '../support/metrics.js';
import { expectWithin, until } from '../support/timing.js';

interface Shown { items: { severity: string; summary: string; subject: { type: string; id: string }; status: string; data: Record<string, unknown> }[] }

const folder = mkdtempSync(join(tmpdir(), 'tradewarden-disk-'));
let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp({ DATA_DIR: folder, LONG_TRANSACTION_MINUTES: '1' });
  agent = await t.agent();
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true });
});

const incidents = async (kind: string, status: string, of = t) => (await of.http<Shown>('GET', `/incidents?kind=${kind}&status=${status}`)).body.items;

describe('what holds trading, in /metrics', () => {
  it('is counted by what is now, and what there is none of is 0', async () => {
    const before = await scrape(t.base);
    expect(before.value('tradewarden_agents{mode="paper",run="running",liveness="offline"}')).toBe(1);
    expect(before.value('tradewarden_halts{mode="halt",scope="agent"}')).toBe(0);
    expect(Object.keys(before.of('tradewarden_halts'))).toHaveLength(15);
    expect(Object.keys(before.of('tradewarden_agents'))).toHaveLength(27);
    await agent.http('POST', '/agents/me/heartbeat', { body: { status: 'running' } });
    const halt = await t.http<{ id: string }>('POST', '/kill-switch', { body: { scope: { type: 'agent', id: agent.id }, mode: 'halt', reason: 'looked at' } });
    expect(halt.status).toBeLessThan(300);
    const after = await scrape(t.base);
    expect(after.value('tradewarden_agents{mode="paper",run="running",liveness="online"}')).toBe(1);
    expect(after.value('tradewarden_halts{mode="halt",scope="agent"}')).toBe(1);
    await t.db.advance(50);
    expect((await scrape(t.base)).value('tradewarden_agents{mode="paper",run="running",liveness="suspect"}')).toBe(1);
    await t.db.query(`update halts set released_at = app_clock(), released_by = 'system', release_reason = 'over'`);
    expect((await scrape(t.base)).value('tradewarden_halts{mode="halt",scope="agent"}')).toBe(0);
  });

  it('tells of breakers, incidents, undecided ideas and open trades by their state', async () => {
    await t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, data, quiet_seconds, repeat_at, acknowledged_at, acknowledged_by) values
      ('MIRROR_BEHIND', 'critical', 'mirror', 'one', 'x', '{}', null, app_clock() + interval '1 hour', null, null), ('MIRROR_BEHIND', 'warning', 'mirror', 'two', 'x', '{}', null, null, app_clock(), 'system')`);
    await t.db.query(`insert into breaker_states (name, scope_type, state, since) select name, 'global', 'warning', app_clock() from circuit_breakers order by name limit 1`);
    const seen = await scrape(t.base);
    expect([seen.value('tradewarden_incidents{severity="critical",acknowledged="no"}'), seen.value('tradewarden_incidents{severity="warning",acknowledged="yes"}'), seen.value('tradewarden_incidents{severity="info",acknowledged="no"}')]).toEqual([1, 1, 0]);
    expect([seen.value('tradewarden_breakers{state="warning"}'), seen.value('tradewarden_breakers{state="tripped"}')]).toEqual([1, 0]);
    expect([seen.value('tradewarden_open_trades{mode="live"}'), seen.value('tradewarden_ideas_undecided{status="needs_approval"}')]).toEqual([0, 0]);
    await t.db.query(`delete from incidents where kind = 'MIRROR_BEHIND'`);
  });

  it('counts what the gate decided by its first reason, after the commit, and answers that were repeated', async () => {
    const of = async () => {
      const seen = await scrape(t.base);
      return { verdicts: Object.values(seen.of('tradewarden_gate_verdicts_total')).reduce((sum, n) => sum + n, 0), replays: seen.value('tradewarden_idempotent_replays_total') ?? 0, seen };
    };
    const before = await of();
    const headers = { 'idempotency-key': 'the-same' };
    const first = await propose(agent, {}, '', headers);
    expect(first.text).toContain('"decision"');
    const { verdict, reasons } = first.body.decision;
    expect((await propose(agent, {}, '', headers)).headers.get('idempotency-replayed')).toBe('true');
    // Looked at, and not decided.
    expect((await agent.http('POST', '/risk/check', { body: LONG })).status).toBe(200);
    const after = await of();
    expect([after.verdicts - before.verdicts, after.replays - before.replays]).toEqual([1, 1]);
    expect(after.seen.value(`tradewarden_gate_verdicts_total{verdict="${verdict}",code="${reasons[0]?.code ?? 'NONE'}"}`)).toBe(1);
  });

  it('counts schedules that are late and that failed', async () => {
    const before = await scrape(t.base);
    expect([before.value('tradewarden_schedules_late'), before.value('tradewarden_schedules_failing')]).toEqual([0, 0]);
    await t.db.query(`update schedules set next_run_at = app_clock() - interval '1 hour', last_error = 'no room', lease_until = app_clock() + interval '1 hour' where name = 'incidents.repeat'`);
    const after = await scrape(t.base);
    expect([after.value('tradewarden_schedules_late'), after.value('tradewarden_schedules_failing')]).toEqual([1, 1]);
    await t.db.query(`update schedules set next_run_at = app_clock() + interval '1 minute', last_error = null, lease_until = null where name = 'incidents.repeat'`);
  });
});

describe('the database in /metrics', () => {
  it('is told by its sessions, its waits and its sizes', async () => {
    await onConnection(t.db.url, async (one) => {
      await one.query('begin; select 1 from agents for update');
      await onConnection(t.db.url, async (other) => {
        const waits = other.query('select 1 from agents for update');
        let seen = await scrape(t.base);
        await until(async () => (seen = await scrape(t.base)).value('tradewarden_db_lock_waiting_sessions') === 1, 10_000);
        expect(seen.value('tradewarden_db_lock_wait_oldest_seconds')).toBeGreaterThan(0);
        expect(seen.value('tradewarden_db_sessions{state="idle_in_transaction"}')).toBeGreaterThanOrEqual(1);
        expect(seen.value('tradewarden_db_oldest_transaction_seconds{state="idle_in_transaction"}')).toBeGreaterThan(0);
        await one.query('rollback');
        await waits;
      });
    });
    // Of other roles it is not told what they are: they count, for they take connections.
    const strangers = await onConnection(t.db.ownerUrl, async () => (await scrape(t.base)).value('tradewarden_db_sessions{state="hidden"}'));
    expect(strangers).toBeGreaterThanOrEqual(1);
    // A scrape waits for no sizes, and leaves out what it could not read in time.
    let seen = await scrape(t.base);
    await until(async () => {
      seen = await scrape(t.base);
      return seen.value('tradewarden_db_size_bytes') !== undefined && seen.value('tradewarden_db_transaction_id_age') !== undefined;
    }, 3_000);
    expect(seen.value('tradewarden_db_size_bytes')).toBeGreaterThan(1_000_000);
    expect(Object.keys(seen.of('tradewarden_db_table_size_bytes'))).toHaveLength(10);
    expect(seen.value('tradewarden_db_server_connections_max')).toBeGreaterThanOrEqual(seen.value('tradewarden_db_server_connections') ?? Infinity);
    expect(seen.value('tradewarden_db_transaction_id_age')).toBeGreaterThan(0);
    expect(seen.value('tradewarden_db_transactions_total{outcome="committed"}')).toBeGreaterThan(0);
    expect(seen.value('tradewarden_db_deadlocks_total')).toBeGreaterThanOrEqual(0);
    // Nothing is archived, so that nothing can be said of it.
    expect(seen.of('tradewarden_db_archive_failing')).toEqual({});
  });

  it('counts sessions of roles that the writer may not see into: they take connections, and wait for locks, as others do', async () => {
    await onConnection(t.db.adminUrl, async (one) => {
      await one.query('begin; select 1 from agents for update');
      await onConnection(t.db.adminUrl, async (other) => {
        const waits = other.query('select 1 from agents for update');
        let seen = await scrape(t.base);
        await until(async () => (seen = await scrape(t.base)).value('tradewarden_db_lock_waiting_sessions') === 1, 3_000);
        expect(seen.value('tradewarden_db_lock_wait_oldest_seconds')).toBeGreaterThan(0);
        expect(seen.value('tradewarden_db_sessions{state="hidden"}')).toBeGreaterThanOrEqual(2);
        const [all] = await t.db.query<{ n: number }>(`select count(*)::int as n from pg_stat_activity where backend_type = 'client backend' and usename = (select usename from pg_stat_activity where pid = pg_backend_pid())`);
        expect(seen.value('tradewarden_db_server_connections')).toBeGreaterThanOrEqual(all?.n ?? Infinity);
        await one.query('rollback');
        await waits;
      });
    });
  });

  it('has no more series for more agents, and is a scrape of less than a second', async () => {
    const series = async () => (await scrape(t.base)).text.split('\n').filter((line) => /^tradewarden_(?!http)/.test(line)).length;
    await until(async () => (await scrape(t.base)).value('tradewarden_db_size_bytes') !== undefined, 3_000);
    const before = await series();
    for (let i = 0; i < 5; i++) await t.agent();
    expect(await series()).toBe(before);
    await expectWithin(1_000, async () => (await scrape(t.base)).ms);
  });
});

describe('a disk', () => {
  it('is told as it is, where there is a folder; the others are absent', async () => {
    const seen = await scrape(t.base);
    const { bsize, blocks } = await statfs(folder);
    expect(seen.of('tradewarden_disk_size_bytes')).toEqual({ 'tradewarden_disk_size_bytes{folder="data"}': blocks * bsize });
    expect(seen.value('tradewarden_disk_free_bytes{folder="data"}')).toBeLessThanOrEqual(blocks * bsize);
    const { disk } = (await t.http<System>('GET', '/system')).body;
    expect(disk).toMatchObject({ minPercent: 10, folders: [{ folder: 'data', path: folder, totalBytes: blocks * bsize, freePercent: expect.any(Number) }] });
    expect((await scrape(t.base)).text).not.toContain(folder);
  });

  it('that is nearly full is an incident of its machine, once, which ends by itself', async () => {
    const disks = t.app.get(Disks);
    const low = (freePercent: number, isLow: boolean) => {
      const kept = disks as unknown as { kept: object; keptAt: number };
      kept.kept = [{ folder: 'data', path: folder, freeBytes: 5e8, totalBytes: 1e10, freePercent, isLow, device: 1 }, { folder: 'database', path: '/elsewhere', freeBytes: 5e8, totalBytes: 1e10, freePercent, isLow, device: 1 }];
      kept.keptAt = performance.now();
    };
    low(8, true);
    await disks.watch();
    // Where the database did not answer in time on a busy machine it is told with the next look, a minute later.
    const told = (freePercent: number, isLow: boolean, incidentsThen: number) => until(async () => {
      low(freePercent, isLow);
      await disks.watch();
      return (await incidents('DISK_LOW', 'open')).filter(({ summary }) => summary.startsWith(`${freePercent} %`) || !isLow).length === incidentsThen;
    }, 10_000);
    await told(4.9, true, 1);
    const open = await incidents('DISK_LOW', 'open');
    // Two folders on one disk are one disk.
    expect(open).toMatchObject([{ severity: 'critical', subject: { type: 'database', id: expect.stringMatching(/:data$/) }, summary: expect.stringMatching(/^4\.9 % of the disk of .* is free \(0\.5 of 10\.0 GB\)\.$/), data: { folders: ['data', 'database'] } }]);
    await told(30, false, 0);
    expect(await incidents('DISK_LOW', 'resolved')).toHaveLength(1);
  });
});

describe('a transaction that nobody ends', () => {
  it('is an incident while it lasts', async () => {
    const watch = t.app.get(LongTransactions);
    await onConnection(t.db.url, async (one) => {
      await one.query(`set application_name = 'a forgotten shell'; begin; select 1`);
      await watch.look();
      expect(await incidents('LONG_TRANSACTION', 'open')).toEqual([]);
      // Its age cannot be moved: what is long is.
      Object.assign(watch as unknown as { env: object }, { env: { LONG_TRANSACTION_MINUTES: 0 } });
      await watch.look();
      await watch.look();
      const open = (await incidents('LONG_TRANSACTION', 'open')).filter(({ summary }) => summary.includes('a forgotten shell'));
      expect(open).toMatchObject([{ severity: 'warning', data: { application: 'a forgotten shell', state: 'idle in transaction' } }]);
      await one.query('rollback');
      Object.assign(watch as unknown as { env: object }, { env: { LONG_TRANSACTION_MINUTES: 1 } });
      await watch.look();
      expect(await incidents('LONG_TRANSACTION', 'open')).toEqual([]);
    });
  });
});

describe('pg_stat_statements', () => {
  it('is null where it is not there', async () => {
    expect((await t.http<System>('GET', '/system')).body.statements).toBeNull();
  });

  it('tells what took the time where it is, without values, and nothing of statements whose text holds passwords', async () => {
    const cluster = await startCluster({ shared_preload_libraries: 'pg_stat_statements' });
    try {
      await withClient(cluster.adminUrl, async (client) => {
        await client.query('create extension pg_stat_statements');
        await client.query(`create role somebody login password 'hidden-in-plain-text'`);
        await client.query(`select 'a-value-of-somebody', pg_sleep(0.01)`);
        const found = await topStatements(client);
        expect(found?.map(({ statement }) => statement)).toContainEqual(expect.stringMatching(/^select \$1, pg_sleep\(\$2\)$/));
        expect(JSON.stringify(found)).not.toMatch(/hidden-in-plain-text|a-value-of-somebody|create role/);
        expect(found?.[0]).toEqual({ statement: expect.any(String), calls: expect.any(Number), totalMs: expect.any(Number), meanMs: expect.any(Number), rows: expect.any(Number) });
      });
    } finally {
      await cluster.remove();
    }
  });
});
