import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { APPEND_ONLY_TABLES } from '../../src/database/migrations.js';
import { applyGrants } from '../../src/database/roles.js';
import { onConnection } from '../support/cluster.js';
import { dropFresh, type Fresh, freshDatabase } from '../support/fresh-database.js';
import { until } from '../support/timing.js';

let db: Fresh;
let writer: pg.Client;
let owner: pg.Client;
/** The append-only tables and all their months. */
let history: string[];
beforeAll(async () => {
  db = await freshDatabase();
  writer = new pg.Client({ connectionString: db.url });
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await Promise.all([writer.connect(), owner.connect()]);
  const months = await owner.query<{ name: string }>(`select inhrelid::regclass::text as name from pg_inherits join pg_class on pg_class.oid = inhrelid where relkind = 'r'`);
  history = [...APPEND_ONLY_TABLES, ...months.rows.map(({ name }) => name)];
});
afterAll(async () => {
  await Promise.all([writer.end(), owner.end()]);
  await dropFresh();
});

const refused = (client: pg.Client, statement: string) => expect([statement, client.query(statement)].at(1)).rejects.toMatchObject({ code: '42501' });
const anEvent = (at = 'app_clock()') => `insert into events (type, actor, at) values ('test.happened', 'system', ${at})`;

describe('the writer', () => {
  it.each([
    'create table mine (n int)', 'create index on events (actor)', 'create function mine() returns int language sql as $$select 1$$', 'create schema mine',
    'alter table agents add column mine int', 'alter table events disable trigger refuse_change', 'alter table events disable trigger all',
    'drop table agents', 'drop trigger refuse_change on events', 'drop function refuse_change() cascade', 'truncate agents',
    `create or replace function refuse_change() returns trigger language plpgsql as 'begin return null; end'`,
    `create or replace function app_clock() returns timestamptz language sql as 'select now()'`,
    'alter function app_clock() owner to current_user', 'create extension pg_trgm', 'set session_replication_role = replica',
    `insert into migrations (timestamp, name) values (1, 'Mine1')`, 'delete from migrations', 'update migrations set name = name',
    'grant update on events to current_user', 'create role another', 'create database another', 'vacuum full events',
  ])('has no DDL and no way around the rules: %s', async (statement) => {
    // A statement without the right to do it is an error, or a warning and nothing done.
    const before = await owner.query(`select has_table_privilege($1, 'events', 'update') as may`, [db.writer]);
    await writer.query(statement).then(
      ({ command }) => expect(['GRANT', 'VACUUM']).toContain(command),
      (error: { code: string }) => expect(error.code).toBe('42501'),
    );
    expect(before.rows).toEqual([{ may: false }]);
    expect((await owner.query(`select has_table_privilege($1, 'events', 'update') as may`, [db.writer])).rows).toEqual([{ may: false }]);
  });

  it('may not become the owner', () => refused(writer, `set role ${db.owner}`));

  it('adds to history and reads it, and changes nothing of it, in no month and by no way', async () => {
    await writer.query(anEvent());
    expect((await writer.query('select type from events')).rows).toEqual([{ type: 'test.happened' }]);
    expect(history.length).toBeGreaterThan(20);
    for (const table of history) {
      await refused(writer, `delete from ${table}`);
      await refused(writer, `truncate ${table}`);
      const { rows } = await owner.query<{ name: string }>(`select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 1 and attidentity = '' and attgenerated = '' order by attnum limit 1`, [table]);
      await refused(writer, `update ${table} set ${rows[0]?.name} = ${rows[0]?.name}`);
      if (!APPEND_ONLY_TABLES.includes(table)) await refused(writer, `select * from ${table}`);
    }
    await refused(writer, `insert into events (seq, type, actor) select seq, type, actor from events on conflict (seq, at) do update set actor = 'another'`);
    await refused(writer, `merge into events e using (select 1) s on true when matched then delete`);
  });
});

describe('the owner', () => {
  it('is refused by the triggers, which stand on every month too', async () => {
    await writer.query(anEvent());
    for (const table of history) {
      await refused(owner, `delete from ${table}`);
      await refused(owner, `truncate ${table}`);
    }
    await refused(owner, `update events set actor = 'another'`);
    await refused(owner, `update events set at = at - interval '1 month'`);
  });
});

describe('ensure_months', () => {
  const months = (first: string, last: string, by = writer) => by.query<{ made: number }>(`select ensure_months(${first}, ${last}) as made`).then(({ rows }) => rows[0]?.made);

  it('makes missing months for the writer, once, guarded like the others', async () => {
    expect(await months(`date '1999-11-15'`, `date '2000-02-01'`)).toBe(12);
    expect(await months(`date '1999-11-15'`, `date '2000-02-01'`)).toBe(0);
    await writer.query(anEvent(`timestamptz '1999-12-31 23:59:59.999999+00'`));
    await writer.query(anEvent(`timestamptz '2000-01-01 00:00:00+00'`));
    const found = await owner.query<{ part: string; n: number }>(`select tableoid::regclass::text as part, count(*)::int as n from events where at < '2001-01-01' group by 1 order by 1`);
    expect(found.rows).toEqual([{ part: 'events_y1999m12', n: 1 }, { part: 'events_y2000m01', n: 1 }]);
    for (const table of ['events_y1999m12', 'auth_audit_y1999m12', 'decision_history_y1999m12']) {
      await refused(writer, `delete from ${table}`);
      await refused(owner, `delete from ${table}`);
      await refused(owner, `truncate ${table}`);
    }
  });

  it('cuts months in UTC, whatever the time zone of the session', async () => {
    await onConnection(db.url, async (other) => {
      await other.query(`set timezone = 'Pacific/Kiritimati'`);
      await other.query(`select ensure_months('2003-03-01', '2003-03-31')`);
      await other.query(`set timezone = 'America/Los_Angeles'`);
      await other.query(anEvent(`timestamptz '2003-03-01 00:00:00+00'`));
      await other.query(anEvent(`timestamptz '2003-03-31 23:59:59+00'`));
      await expect(other.query(anEvent(`timestamptz '2003-02-28 23:59:59+00'`))).rejects.toMatchObject({ code: '23514' });
    });
  });

  it.each([
    [`date '1989-12-31'`, `date '1990-01-31'`],
    [`app_clock()::date`, `(app_clock() + interval '14 months')::date`],
    [`date '2020-02-01'`, `date '2020-01-31'`],
    [`date '-infinity'`, `date 'infinity'`],
    [`date '2020-01-01'`, `date 'infinity'`],
  ])('refuses %s to %s', async (first, last) => {
    await expect(months(first, last)).rejects.toMatchObject({ code: '22023' });
  });

  it('makes nothing of what is not known', async () => {
    expect(await months('null', 'null').catch((error: { code: string }) => error.code)).toEqual(expect.anything());
    expect(await months(`date '2020-01-01'`, 'null').catch(() => 0)).toBe(0);
  });

  it('from many sessions at once makes each month once, and none fails', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => onConnection(db.url, (client) => months(`date '2005-01-01'`, `date '2006-12-31'`, client))));
    expect(made.reduce((sum: number, each) => sum + (each ?? 0), 0)).toBe(72);
  });

  it('is nobody else\'s', async () => {
    const { rows } = await owner.query(`select count(*)::int as n from pg_proc, aclexplode(proacl) where proname = 'ensure_months' and grantee = 0`);
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('ensure_snapshot_months', () => {
  const months = (parent: string, dates: string, by = writer) =>
    by.query<{ made: number }>(`select ensure_snapshot_months(${parent}, ${dates}) as made`).then(({ rows }) => rows[0]?.made);

  it.each([
    ['snapshot_market', 2, 'open_time'], ['snapshot_calendar', 2, 'event_time'], ['snapshot_news', 2, 'published_at'], ['snapshot_indicators', 1, 'captured_at'], ['snapshot_account', 1, 'captured_at'],
  ])('makes a month of %s for the writer, once, with that of its revisions where it has any, and guarded', async (table, made, time) => {
    await owner.query('drop table if exists snapshot_revisions_y2002m02');
    expect(await months(`'${table}'`, `array['2002-02-28'::date, '2002-02-01']`)).toBe(made);
    expect(await months(`'${table}'`, `array['2002-02-14'::date]`)).toBe(0);
    const part = `${table}_y2002m02`;
    for (const change of ['delete from', 'truncate']) await refused(owner, `${change} ${part}`);
    for (const statement of [`delete from ${part}`, `truncate ${part}`, `update ${part} set seq = 1`, `insert into ${part} default values`, `select * from ${part}`, `delete from ${table}`]) await refused(writer, statement);
    if (made === 1) await refused(owner, `update ${part} set seq = 1`);
    const { rows } = await owner.query<{ bounds: string }>(`select pg_get_expr(relpartbound, oid) as bounds from pg_class where relname = $1`, [part]);
    expect(rows[0]?.bounds).toContain('2002-02-01 00:00:00+00');
    const indexes = await owner.query(`select 1 from pg_index where indrelid = $1::regclass and indisvalid`, [part]);
    const wanted = await owner.query(`select 1 from pg_index where indrelid = $1::regclass`, [table]);
    expect([time, indexes.rowCount]).toEqual([time, wanted.rowCount]);
  });

  it.each([
    [`'events'`, `array['2020-01-01'::date]`], [`'snapshot_revisions'`, `array['2020-01-01'::date]`], [`'agents; drop table agents'`, `array['2020-01-01'::date]`], ['null', `array['2020-01-01'::date]`],
    [`'snapshot_news'`, `array['1989-12-31'::date]`], [`'snapshot_news'`, `array[(app_clock() + interval '14 months')::date]`], [`'snapshot_news'`, `array['infinity'::date]`],
    [`'snapshot_news'`, `array['2020-01-01', null]::date[]`],
  ])('refuses %s for %s', async (parent, dates) => {
    await expect(months(parent, dates)).rejects.toMatchObject({ code: '22023' });
  });

  it('from many sessions at once makes each month once, and none fails', async () => {
    const dates = `array(select generate_series('2005-01-01'::date, '2006-12-31'::date, '1 month')::date)`;
    const made = await Promise.all(Array.from({ length: 8 }, () => onConnection(db.url, (client) => months(`'snapshot_account'`, dates, client))));
    expect(made.reduce((sum: number, each) => sum + (each ?? 0), 0)).toBe(24);
  });

  it('waits for nobody who writes: a month comes while another is being written to', async () => {
    await months(`'snapshot_account'`, `array['2007-01-01'::date]`);
    await onConnection(db.url, async (other) => {
      await other.query('begin');
      await other.query(`insert into snapshot_account (id, sender, account_id, balance, equity, captured_at, last_captured_at)
        select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, t, t from (values (timestamptz '2007-01-15 00:00:00+00')) each (t)`);
      await writer.query(`set lock_timeout = '2s'`);
      expect(await months(`'snapshot_account'`, `array['2007-02-01'::date]`)).toBe(1);
      await other.query('rollback');
    });
  });

  it("is nobody else's", async () => {
    const { rows } = await owner.query(`select count(*)::int as n from pg_proc, aclexplode(proacl) where proname = 'ensure_snapshot_months' and grantee = 0`);
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('a month that is missing when it is looked for, and made by another session before it is one\'s turn', () => {
  it.each([
    ['ensure_months', (month: string) => `ensure_months('${month}', '${month}')`, (made: number) => made * 3],
    ['ensure_snapshot_months', (month: string) => `ensure_snapshot_months('trade_marks', array['${month}'::date])`, (made: number) => made],
  ])('is there: %s', async (_name, call, rows) => {
    const make = async (client: pg.Client, month: string) => (await client.query<{ made: number }>(`select ${call(month)} as made`)).rows[0]?.made;
    // A session that has done it before looks nothing else up meanwhile, and would hear of no change.
    for (const month of ['2011-01-01', '2011-02-01']) expect(await make(writer, month)).toBe(rows(1));
    await onConnection(db.url, async (other) => {
      await other.query('begin');
      expect(await make(other, '2011-03-01')).toBe(rows(1));
      const waiting = make(writer, '2011-03-01').catch((error: Error) => error.message);
      await until(async () => (await other.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`)).rowCount === 1, 5_000);
      await other.query('commit');
      expect(await waiting).toBe(0);
    });
  });
});

describe('what is set for its sessions', () => {
  const settings = () => onConnection(db.url, async (client) => (await client.query(`select current_setting('statement_timeout') as statement, current_setting('jit') as jit`)).rows);

  it('is what somebody set, and else ours: without JIT, which compiled for longer than most statements take', async () => {
    const role = `role "${db.writer}" in database "${db.database}"`;
    expect(await settings()).toEqual([{ statement: '15s', jit: 'off' }]);
    await owner.query(`alter ${role} reset jit; alter ${role} set statement_timeout = '9s'`);
    expect(await applyGrants(db.ownerUrl, db.writer)).toEqual([]);
    expect(await settings()).toEqual([{ statement: '9s', jit: 'off' }]);
  });
});
