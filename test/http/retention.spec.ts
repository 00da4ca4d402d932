import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnv } from '../../src/config/env.js';
import { Schedules } from '../../src/database/schedules.js';
import { POLICY } from '../../src/retention/policy.js';
import { dropMonth } from '../../src/retention/months.repository.js';
import { ROWS } from '../../src/retention/rows.repository.js';
import { withSession } from '../../src/retention/session.js';
import type { System } from '../../src/overview/system.schemas.js';
import type { TestAgent } from '../support/app.js';
import { cli } from '../support/cli.js';
import { goTo, monthAgo, monthsThere, resultOf, retain, startAged, type AgedApp } from '../support/retention.js';
import { alertBody, makeSource, postAlert } from '../support/webhooks.js';
import { holding } from '../support/locks.js';

const DAY_MS = 86_400_000;

let t: AgedApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startAged();
  agent = await t.agent();
});
afterAll(() => t.close());

const daysAgo = (days: number, ms = 0) => new Date(Date.now() - days * DAY_MS + ms).toISOString();
const count = async (table: string, where = 'true') => (await t.db.query<{ n: number }>(`select count(*)::int as n from ${table} where ${where}`))[0]?.n;
const sent = async (path: string, body: object): Promise<{ id: string }> => {
  const answer = await agent.http<{ id: string }>('POST', path, { body });
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.body;
};

describe('the policy', () => {
  it('names every table, and no other', async () => {
    const tables = await t.db.query<{ name: string }>(`select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and relname <> 'test_clock' order by 1`);
    expect(Object.keys(POLICY).sort()).toEqual(tables.map(({ name }) => name));
  });

  it('keeps what happened to money for ever', () => {
    for (const table of ['trades', 'fills', 'fill_moves', 'account_cash_flows', 'account_days', 'trade_transitions']) expect(POLICY[table]?.keep).toBe('for_ever');
  });

  it('names schedules that there are, and rows of which it is known how they go', () => {
    const known = t.app.get(Schedules).known.map(({ name }) => name);
    const named = Object.values(POLICY).flatMap((policy) => (policy.keep === 'elsewhere' && policy.schedule !== null ? [policy.schedule] : []));
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
    expect(Object.keys(ROWS).sort()).toEqual(Object.entries(POLICY).filter(([, { keep }]) => keep === 'rows').map(([table]) => table).sort());
  });

  it('is what docs/retention.md says, table by table', () => {
    const told = readFileSync('docs/retention.md', 'utf8');
    for (const [table, policy] of Object.entries(POLICY)) {
      const line = told.split('\n').find((each) => each.startsWith(`| \`${table}\``)) ?? `no line of ${table}`;
      expect(line).toContain(policy.keep === 'for_ever' ? policy.why : 'days' in policy && typeof policy.days === 'string' ? policy.days : table);
    }
  });

  it.each([['RETENTION_EVENTS_DAYS', '5'], ['RETENTION_SNAPSHOTS_DAYS', '1'], ['RETENTION_MARKS_DAYS', '29'], ['RETENTION_DECISIONS_DAYS', '-1'], ['RETENTION_DECISIONS_DAYS', '1e2'], ['RETENTION_MARKS_FULL_DAYS', '500']])('refuses %s=%s', (name, value) => {
    expect(() => readEnv({ NODE_ENV: 'test', [name]: value })).toThrow(name);
  });
});

describe('asOf', () => {
  it('is never later than now: what is young would be old', async () => {
    await expect(retain(t, { asOf: new Date(Date.now() + 60_000).toISOString() })).rejects.toThrow(/future/);
    const run = await cli(['retention', '--as-of', '2999-01-01T00:00:00Z'], { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, ARCHIVE_DIR: t.folder });
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/future/) });
  });

  it('of an earlier day removes what was old then', async () => {
    await t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, resolved_at, resolved_by, repeat_at) values
      ('MARKS_STALE', 'info', 'agent', 'a', 's', app_clock() - interval '410 days', 'x', null), ('MARKS_STALE', 'info', 'agent', 'b', 's', app_clock() - interval '500 days', 'x', null), ('MARKS_STALE', 'info', 'agent', 'open', 's', null, null, app_clock())`);
    expect(await resultOf(t, 'incidents', { asOf: daysAgo(50) })).toMatchObject({ rows: 1 });
    expect(await resultOf(t, 'incidents')).toMatchObject({ rows: 1 });
    expect(await count('incidents')).toBe(1);
  });
});

describe('snapshots', () => {
  const candle = (at: string, symbol = 'EURUSD') => sent('/snapshots/market', { symbol, timeframe: 'H1', openTime: `${at.slice(0, 13)}:00:00.000Z`, open: '1.1', high: '1.2', low: '1', close: '1.1' });

  it('go by whole months, when they have also been here for 30 days; what a reference copied stays', async () => {
    await candle(daysAgo(70));
    const { id } = await candle(daysAgo(1));
    const old = (await t.db.query<{ id: string }>('select id from snapshot_market order by open_time limit 1'))[0]?.id;
    const ref = await sent('/snapshots/refs', { items: [{ kind: 'market', id: old }] });
    // Told today: a history that was just filled up must not be gone tomorrow.
    expect(await resultOf(t, 'snapshot_market')).toMatchObject({ rows: 0, held: [{ month: monthAgo(70), why: expect.stringContaining('lately') }] });
    await t.db.query(`update snapshot_market set created_at = app_clock() - interval '65 days' where id = '${old}'`).catch(() => undefined);
    await t.db.query(`begin; set local session_replication_role = replica; update snapshot_market set created_at = app_clock() - interval '65 days' where id = '${old}'; commit`);
    expect(await resultOf(t, 'snapshot_market', { dryRun: true })).toMatchObject({ months: [monthAgo(70)] });
    expect(await resultOf(t, 'snapshot_market')).toMatchObject({ rows: 1, months: [monthAgo(70)] });
    expect(await monthsThere(t, 'snapshot_market')).not.toContain(monthAgo(70));
    expect((await t.http<{ market: unknown[] }>('GET', `/snapshots/refs/${ref.id}`)).body.market).toHaveLength(1);
    expect((await t.http('GET', `/snapshots/market/${id}`)).status).not.toBe(500);
    expect(await resultOf(t, 'snapshot_revisions')).toMatchObject({ months: [monthAgo(70)] });
  });

  it('of a month that is gone are taken again, by the instance that knew it', async () => {
    expect((await agent.http('POST', '/snapshots/market', { body: { symbol: 'EURUSD', timeframe: 'H1', openTime: `${daysAgo(70).slice(0, 13)}:00:00.000Z`, open: '1.1', high: '1.2', low: '1', close: '1.1' } })).status).toBeLessThan(300);
  });

  it('that an import brought stay: nobody imports a history to lose it', async () => {
    await candle(daysAgo(140), 'GBPUSD');
    await t.db.query(`begin; set local session_replication_role = replica; update snapshot_market set created_at = app_clock() - interval '100 days' where symbol = 'GBPUSD'; commit`);
    await t.db.query(`insert into import_rows (table_id, old_id, run_seq, target, target_id, source_hash) select 1, 'c', 1, 'snapshot_market', id, '\\x00112233445566778899aabbccddeeff' from snapshot_market where symbol = 'GBPUSD'`);
    expect((await resultOf(t, 'snapshot_market')).held).toContainEqual({ month: monthAgo(140), why: 'an import brought rows of it' });
    await t.db.query('delete from import_rows');
    expect((await resultOf(t, 'snapshot_market')).months).toEqual([monthAgo(140)]);
  });

  it('references that no idea names go', async () => {
    await t.db.query(`begin; set local session_replication_role = replica; update snapshot_refs set created_at = app_clock() - interval '40 days'; commit`);
    expect(await resultOf(t, 'snapshot_refs', { dryRun: true })).toMatchObject({ rows: 1 });
    expect(await resultOf(t, 'snapshot_refs')).toMatchObject({ rows: 1 });
    await expect(t.db.query('delete from snapshot_refs')).rejects.toThrow(/append-only/);
  });
});

describe('marks', () => {
  let open: string;
  let closed: string;
  const mark = (id: string, quotedAt: string, bid = '1.1') => sent(`/trades/${id}/marks`, { quotedAt, bid, ask: '1.2' });
  const aged = (days: number) => t.db.query(`begin; set local session_replication_role = replica; update trade_marks set recorded_at = app_clock() - interval '${days} days'; commit`);
  const trade = async () => (await sent('/trades', { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1' })).id;
  // One minute, in the middle of a month that ended more than 30 days ago.
  const minute = `${monthAgo(75)}-15T10:07`;

  it('older than 30 days are one a minute, the last of each; all of a trade that is not finished', async () => {
    [open, closed] = [await trade(), await trade()];
    await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where id = $1`, [closed]);
    for (const id of [open, closed]) for (const second of ['01', '30', '59.5']) await mark(id, `${minute}:${second.padEnd(6, second.includes('.') ? '0' : '.000').slice(0, 6)}Z`, `1.1${second.slice(0, 2)}`);
    await mark(closed, `${minute.slice(0, -1)}8:00.000Z`);
    expect(await resultOf(t, 'trade_marks')).toMatchObject({ thinned: [], held: [{ month: monthAgo(75), why: 'marks of it came lately' }] });
    await aged(50);
    expect(await resultOf(t, 'trade_marks', { dryRun: true })).toMatchObject({ thinned: [monthAgo(75)] });
    expect(await resultOf(t, 'trade_marks')).toMatchObject({ thinned: [monthAgo(75)], rows: 2 });
    expect((await t.http<{ items: { bid: string }[] }>('GET', `/trades/${closed}/marks`)).body.items.map(({ bid }) => bid)).toEqual(['1.1', '1.159']);
    expect((await t.http<{ items: unknown[] }>('GET', `/trades/${open}/marks`)).body.items).toHaveLength(3);
  });

  it('are thinned once, and again when a trade that was kept whole is finished', async () => {
    expect(await resultOf(t, 'trade_marks')).toMatchObject({ thinned: [], rows: 0 });
    await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where id = $1`, [open]);
    expect(await resultOf(t, 'trade_marks')).toMatchObject({ thinned: [monthAgo(75)], rows: 2 });
  });

  it('refuse a change as before, and take new marks', async () => {
    const part = `trade_marks_y${monthAgo(75).replace('-', 'm')}`;
    await expect(t.db.query(`delete from ${part}`)).rejects.toThrow(/append-only/);
    await expect(t.db.query(`update ${part} set bid = 1`)).rejects.toThrow(/append-only/);
    await mark(open, `${minute}:40.000Z`);
    expect(await t.db.query(`select 1 from information_schema.role_table_grants where table_name = '${part}' and grantee = 'tradewarden_test_writer'`)).toEqual([]);
  });

  it('go altogether after 400 days, and not those of a trade that is not finished', async () => {
    const u = await t.second({ RETENTION_MARKS_DAYS: '40', RETENTION_MARKS_FULL_DAYS: '0', ARCHIVE_DIR: t.folder });
    await aged(60);
    await t.db.query(`update trades set status = 'pending', finished_at = null where id = $1`, [open]);
    expect((await resultOf(u, 'trade_marks')).held).toEqual([{ month: monthAgo(75), why: expect.stringContaining('not finished') }]);
    await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where id = $1`, [open]);
    expect(await resultOf(u, 'trade_marks')).toMatchObject({ months: [monthAgo(75)], rows: 4 });
    await u.close();
  });
});

describe('rows', () => {
  it('of commands go when they ended, belong to no trade and opened none', async () => {
    const made = [];
    for (const body of [{ type: 'reconcile' }, { type: 'start' }, { type: 'pause' }]) made.push((await t.http<{ id: string }>('POST', `/agents/${agent.id}/commands`, { body })).body.id);
    await t.db.query(`update agent_commands set status = 'succeeded', finished_at = app_clock() - interval '91 days', lease_token = null, lease_expires_at = null where id = any($1::uuid[])`, [made.slice(0, 2)]);
    await t.db.query(`update agent_commands set type = 'open_trade' where id = $1`, [made[1]]);
    expect(await resultOf(t, 'agent_commands', { dryRun: true })).toMatchObject({ rows: 1 });
    expect(await resultOf(t, 'agent_commands')).toMatchObject({ rows: 1 });
    expect(await t.db.query('select 1 from agent_commands where id = $1', [made[0]])).toEqual([]);
  });

  it('of predictions go when they are scored and nobody names them', async () => {
    const predict = async (more: object = {}) => (await sent('/predictions', { model: 'm', symbol: 'EURUSD', timestamp: daysAgo(401, Math.random() * 1_000_000), direction: 'long', confidence: '0.9', ...more })).id;
    const [loose, named, unscored] = [await predict(), await predict(), await predict({ horizonSeconds: 60 })];
    await t.db.query(`update predictions set created_at = app_clock() - interval '401 days'`);
    const trade = await sent('/trades', { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1', predictionId: named });
    expect(await resultOf(t, 'predictions')).toMatchObject({ rows: 1 });
    expect((await t.db.query<{ id: string }>('select id from predictions order by seq')).map(({ id }) => id)).toEqual([named, unscored]);
    expect((await t.http<{ predictionId: string }>('GET', `/trades/${trade.id}`)).body.predictionId).toBe(named);
    expect(loose).toBeDefined();
  });

  it('of alerts lose their body, and are not redriven without it', async () => {
    const source = await makeSource(t.http);
    const { alertId } = (await postAlert(t, source.path, alertBody())).body;
    await t.db.query(`update alerts set status = 'ignored', finished_at = app_clock() - interval '91 days', received_at = app_clock() - interval '91 days'`);
    expect(await resultOf(t, 'alerts')).toMatchObject({ rows: 1 });
    expect((await t.http('GET', `/alerts/${alertId}`)).body).toMatchObject({ body: '', bodyRemovedAt: expect.any(String) });
    expect(await t.http('POST', `/alerts/${alertId}/redrive`, { body: {} })).toMatchObject({ status: 409, body: { code: 'ALERT_BODY_REMOVED' } });
    expect((await t.http<{ redriven: number }>('POST', `/alerts/redrive`, { body: { filter: { status: 'ignored' } } })).body.redriven).toBe(0);
  });

  it('of alerts stay whole while what came of them is not finished', async () => {
    const source = await makeSource(t.http);
    const alerts = [];
    for (let n = 0; n < 3; n++) alerts.push((await postAlert(t, source.path, alertBody({ id: randomUUID() }))).body.alertId);
    const trade = async () => (await sent('/trades', { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1' })).id;
    const [opened, closing] = [await trade(), await trade()];
    const idea = await sent('/trade-ideas', { symbol: 'EURUSD', direction: 'long', lotSize: '1', rationale: 'because' });
    await t.db.query(`begin; set local session_replication_role = replica; update trade_ideas set alert_id = '${alerts[0]}', alert_run = 1, decided_at = coalesce(decided_at, app_clock()) where id = '${idea.id}'; update trades set idea_id = '${idea.id}' where id = '${opened}'; commit`);
    await t.db.query(`update alerts set status = 'processed', outcome = case id when $2 then jsonb_build_object('tradeIds', jsonb_build_array($3::text)) else '{"tradeIds": 7}' end, finished_at = app_clock() - interval '200 days', received_at = app_clock() - interval '200 days' where id = any($1::uuid[])`, [alerts, alerts[1], closing]);
    expect(await resultOf(t, 'alerts', { dryRun: true })).toMatchObject({ rows: 1 });
    expect(await resultOf(t, 'alerts')).toMatchObject({ rows: 1 });
    await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where id = any($1::uuid[])`, [[opened, closing]]);
    expect(await resultOf(t, 'alerts')).toMatchObject({ rows: 2 });
  });

  it('by the thousand go in batches, and what somebody holds stays until the next run', async () => {
    await t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, resolved_at, resolved_by) select 'MARKS_STALE', 'info', 'agent', n::text, 's', app_clock() - interval '500 days' - n * interval '1 second', 'x' from generate_series(1, 5000) n`);
    await holding(t.db, `select 1 from incidents where subject_id = '4000' and resolved_at is not null for update`, [], async () => {
      expect((await resultOf(t, 'incidents')).rows).toBe(4999);
    });
    expect((await resultOf(t, 'incidents')).rows).toBe(1);
  });
});

describe('events', () => {
  it('stay until every mirror has read them, and go', async () => {
    await goTo(t, 150);
    await t.http('POST', `/agents/${agent.id}/commands`, { body: { type: 'reconcile' } });
    await goTo(t, 0);
    const [{ seq } = { seq: 0 }] = await t.db.query<{ seq: number }>(`select max(seq) as seq from events where at < app_clock() - interval '100 days'`);
    await t.db.query(`insert into mirrors (id, place, shape, position) values (gen_random_uuid(), '/old/files', 'ai-trader', $1)`, [Number(seq) - 1]);
    expect((await resultOf(t, 'events')).held).toEqual([{ month: monthAgo(150), why: expect.stringContaining('/old/files') }]);
    await t.db.query('update mirrors set position = $1', [seq]);
    expect((await resultOf(t, 'events')).months).toContain(monthAgo(150));
    await t.db.query('delete from mirrors');
  });

  it('and the other tables of months have theirs made ahead, and nobody waits for them', async () => {
    const { default: pg } = await import('pg');
    const writer = new pg.Client({ connectionString: t.db.url });
    await writer.connect();
    await writer.query(`begin; insert into events (type, actor) values ('retention.finished', 'system')`);
    // A partition made in place would wait for this transaction, and everybody behind it.
    await t.db.query(`set lock_timeout = '10s'; select ensure_months(date '1999-01-01', date '1999-02-01')`);
    await writer.query('rollback');
    await writer.end();
    expect(await monthsThere(t, 'events')).toContain('1999-02');
    await t.db.query('set lock_timeout = 0');
  });
});

describe('a run', () => {
  it('is one at a time', async () => {
    await t.db.query(`insert into retention_runs (id, as_of, actor, lease_until) values (gen_random_uuid(), app_clock(), 'other', app_clock() + interval '1 minute')`);
    await expect(retain(t)).rejects.toMatchObject({ code: 'RETENTION_RUNNING' });
    await t.db.query(`update retention_runs set lease_until = app_clock() - interval '1 second' where status = 'running'`);
    await retain(t);
    expect(await t.db.query(`select status, error from retention_runs where actor = 'other'`)).toEqual([{ status: 'failed', error: 'its process ended' }]);
  });

  it('that a clock which was ahead left behind holds up none', async () => {
    await t.db.query(`insert into retention_runs (id, as_of, actor, lease_until) values (gen_random_uuid(), app_clock(), 'of next year', app_clock() + interval '1 year')`);
    await retain(t);
    expect(await t.db.query(`select status from retention_runs where actor = 'of next year'`)).toEqual([{ status: 'failed' }]);
  });

  it('does what its dry run says, table by table', async () => {
    const ids = [];
    for (const n of [1, 2]) ids.push((await sent('/predictions', { model: 'm', symbol: 'EURUSD', timestamp: daysAgo(420, n), direction: 'long', confidence: '0.9' })).id);
    for (const predictionId of ids) await sent('/explanations', { predictionId, kind: 'skip', explanation: 'because' });
    await t.db.query(`update predictions set created_at = app_clock() - interval '420 days' where id = any($1::uuid[])`, [ids]);
    await t.db.query(`update trade_explanations set created_at = app_clock() - interval '420 days' where prediction_id = $1`, [ids[0]]);
    await sent('/snapshots/market', { symbol: 'EURUSD', timeframe: 'H1', openTime: `${daysAgo(70).slice(0, 13)}:00:00.000Z`, open: '1.1', high: '1.3', low: '1', close: '1.1' });
    await t.db.query(`begin; set local session_replication_role = replica; update snapshot_market set created_at = app_clock() - interval '65 days'; commit`);
    const told = ({ tables }: Awaited<ReturnType<typeof retain>>) => tables.map(({ table, rows, months, thinned, held }) => ({ table, rows: months.length + thinned.length > 0 ? null : rows, months, thinned, held }));
    const dry = told(await retain(t, { dryRun: true }));
    expect(dry.filter(({ rows, months }) => rows !== 0 || months.length > 0).map(({ table }) => table)).toEqual(expect.arrayContaining(['predictions', 'trade_explanations', 'snapshot_market', 'snapshot_revisions']));
    expect(told(await retain(t))).toEqual(dry);
  });

  it('of the schedule waits a day when the clock went on by more than a week without it', async () => {
    const schedules = t.app.get(Schedules);
    const nightly = async () => {
      await t.db.query(`update schedules set next_run_at = 'infinity' where name <> 'retention.remove-old'`);
      await t.db.query(`insert into schedules (name, next_run_at) values ('retention.remove-old', app_clock()) on conflict (name) do update set next_run_at = app_clock(), lease_until = null`);
      await schedules.runDue();
      return (await t.db.query<{ status: string }>('select status from retention_runs order by seq desc limit 1'))[0]?.status;
    };
    const open = () => t.db.query<{ summary: string }>(`select summary from incidents where kind = 'RETENTION_FAILED' and resolved_at is null`);
    await retain(t);
    await t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, resolved_at, resolved_by) values ('MARKS_STALE', 'info', 'agent', 'jump', 's', app_clock(), 'x')`);
    await goTo(t, -450);
    expect([await nightly(), (await open())[0]?.summary]).toEqual(['failed', expect.stringMatching(/450 days after the last run: nothing is removed today/)]);
    expect(await count('incidents', `subject_id = 'jump'`)).toBe(1);
    await goTo(t, -451);
    expect([await nightly(), await open()]).toEqual(['finished', []]);
    expect(await count('incidents', `subject_id = 'jump'`)).toBe(0);
    await t.db.query(`update schedules set next_run_at = 'infinity'`);
    await goTo(t, 0);
  });

  it('reads no month row by row while others wait for its lock, also one of which the planner knows nothing', async () => {
    const month = `${monthAgo(100)}-01`;
    await t.db.query(`select ensure_snapshot_months(p, array[$1::date]) from unnest(array['snapshot_market', 'trade_marks']) p`, [month]);
    await t.db.query(`insert into snapshot_market (id, captured_at, last_captured_at, created_at, symbol, timeframe, frame, open_time, close_time, open, high, low, close)
      select gen_random_uuid(), o, o, o, 'EURUSD', 'M1', 'M1', o, o + interval '1 minute', 1, 1, 1, 1 from generate_series($1::date::timestamptz, $1::date::timestamptz + interval '20 days', interval '1 minute') o`, [month]);
    // An import that is under way: looked at last, so that the month is still there to be asked.
    await t.db.query(`insert into import_runs (id, source, system, shape, file_name, sha256, options, status, actor, app_version) values (gen_random_uuid(), 'old', 'rec-io', 'trades', 'old.db', repeat('a', 64), '{}', 'running', 'import', 'test')`);
    const scans = await withSession(t.db.url, { isBusy: () => false, isStopped: () => false }, (session) => session.transaction(async (query) => {
      const done = await dropMonth(query, 'snapshot_market', month, daysAgo(30), null);
      return [done.held, await query(`select seq_scan::int from pg_stat_xact_user_tables where relname = $1`, [`snapshot_market_y${monthAgo(100).replace('-', 'm')}`])];
    }));
    await t.db.query('delete from import_runs');
    expect(scans).toEqual(['rows of it are just coming', [{ seq_scan: 0 }]]);
  });

  it('is seen in /system and in /metrics', async () => {
    const { body } = await t.http<System>('GET', '/system');
    expect(body.retention).toMatchObject({ lastRun: { status: 'finished', error: null }, lastSuccessAt: expect.any(String) });
    expect(body.retention?.removed.map(({ table }) => table)).toEqual(expect.arrayContaining(['agent_commands', 'incidents', 'snapshot_market', 'trade_marks']));
    const metrics = await (await fetch(`${t.base}/metrics`)).text();
    expect(metrics).toMatch(/^tradewarden_retention_last_success_timestamp_seconds 1\d{9}/m);
    expect(metrics).toMatch(/^tradewarden_retention_rows_removed_total\{table="incidents"\} \d+/m);
  });

  it('by hand says what it would do, and does it', async () => {
    const env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl, ARCHIVE_DIR: t.folder };
    await t.db.query(`insert into incidents (kind, severity, subject_type, subject_id, summary, resolved_at, resolved_by) values ('MARKS_STALE', 'info', 'agent', 'a', 's', app_clock() - interval '410 days', 'x')`);
    expect(await cli(['retention', '--dry-run', '--table', 'incidents'], env)).toMatchObject({ code: 0, stdout: expect.stringMatching(/nothing is changed:\nincidents: 1 rows/) });
    expect(await cli(['retention', '--json', '--table', 'incidents'], env)).toMatchObject({ code: 0, json: { dryRun: false, tables: [{ table: 'incidents', rows: 1 }] } });
    expect(await cli(['retention', '--table', 'trades'], env)).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing is removed of trades/) });
    expect(await cli(['retention', '--as-of', 'yesterday'], env)).toMatchObject({ code: 2 });
  });
});
