import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { CLOSED_TABLES, READER_TABLES } from '../../src/database/reader-tables.js';
import { applyGrants, withIdentity } from '../../src/database/roles.js';
import { cli } from '../support/cli.js';
import { onConnection } from '../support/cluster.js';
import { asAdmin, dropFresh, type Fresh, freshDatabase, freshNames } from '../support/fresh-database.js';
import { testServer } from '../support/database.js';

interface Made { reader: string; made: boolean; url: string }

let db: Fresh;
let reader: pg.Client;
let url: string;
let columns: { table: string; column: string }[];
const env = () => ({ DATABASE_URL: db.url, DATABASE_OWNER_URL: db.ownerUrl });

beforeAll(async () => {
  db = await freshDatabase();
  const run = await cli<Made>(['roles', '--reader', '--json'], env());
  expect(run).toMatchObject({ code: 0, json: { reader: `${db.database}_reader`, made: true } });
  url = run.json.url;
  reader = new pg.Client({ connectionString: url });
  await reader.connect();
  columns = await onConnection(db.ownerUrl, async (owner) => (await owner.query<{ table: string; column: string }>(
    `select c.relname::text as "table", attname::text as "column" from pg_class c join pg_attribute a on attrelid = c.oid
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition and attnum > 0 and not attisdropped order by 1, attnum`)).rows);
});
afterAll(async () => {
  await reader.end();
  await dropFresh();
});

const code = (client: pg.Client, statement: string): Promise<string | null> => client.query(statement).then(() => null, (error: { code: string }) => error.code);

describe('the reader for reports', () => {
  it('knows every table there is as one that it may see or one that is closed: a new one has to be put in one of the lists', () => {
    const tables = [...new Set(columns.map(({ table }) => table))];
    expect(tables.length).toBeGreaterThan(60);
    expect([...Object.keys(READER_TABLES), ...CLOSED_TABLES].sort()).toEqual(tables);
  });

  it('selects each column that is not hidden, and none that is', async () => {
    for (const { table, column } of columns) {
      const open = READER_TABLES[table]?.includes(column) === false;
      expect([table, column, await code(reader, `select "${column}" from ${table} limit 1`)]).toEqual([table, column, open ? null : '42501']);
    }
    for (const [table, hidden] of Object.entries(READER_TABLES)) {
      for (const column of hidden) expect(columns).toContainEqual({ table, column });
      expect([table, await code(reader, `select * from ${table} limit 1`)]).toEqual([table, hidden.length === 0 ? null : '42501']);
    }
  });

  it('sees no column that sounds like a secret', () => {
    // Of the chain and of texts that were shown to a model: they prove, and open nothing.
    const harmless = ['decision_history.hash', 'decision_history.key_id', 'decision_heads.key_id', ...['agent_models', 'predictions', 'trade_explanations', 'trade_ideas', 'trades'].map((table) => `${table}.prompt_hash`), ...['agent_state', 'predictions', 'trade_ideas', 'trades'].map((table) => `${table}.config_hash`), 'trade_explanations.tokens', 'command_attempts.key_id', 'positions.key', 'working_orders.key', 'alerts.key_kind', 'webhook_sources.previous_token_until', 'alerts.body_removed_at', 'decision_archive_rows.key_id', 'decision_archive_rows.hash'];
    const seen = columns.filter(({ table, column }) => READER_TABLES[table]?.includes(column) === false && /hash|secret|token|password|sealed|key|digest_of|body|cookie/.test(column)).map(({ table, column }) => `${table}.${column}`);
    expect(seen.filter((name) => !harmless.includes(name))).toEqual([]);
  });

  it('runs what a report runs: joins, sums, windows', async () => {
    const { rows } = await reader.query(`select a.name, t.symbol, sum(t.net_profit) over (partition by a.id order by t.exit_time) as running, u.name as who
      from trades t join accounts a on a.id = t.account_id left join users u on true left join fills f on f.trade_id = t.id`);
    expect(rows).toEqual([]);
  });

  it('writes nothing, by whatever way, also when it says that it would', async () => {
    await reader.query('set default_transaction_read_only = off');
    const writes = [
      ...columns.filter(({ column }, i) => i === 0 || columns[i - 1]?.table !== columns[i]?.table || column === 'id').flatMap(({ table, column }) => [`delete from ${table}`, `update ${table} set "${column}" = "${column}"`, `truncate ${table}`, `insert into ${table} default values`]),
      'create table mine (n int)', 'create schema mine', 'create function mine() returns int language sql as $$select 1$$', 'alter table trades add column mine int', 'drop table trades',
      `select nextval('events_seq')`, `select setval('events_seq', 1)`, `select ensure_months('2020-01-01', '2020-02-01')`, `select ensure_snapshot_months('snapshot_news', array['2020-01-01'::date])`,
      'create role another', 'create database another', `set role ${db.owner}`, `set role ${db.writer}`, 'create extension pg_trgm', `copy trades to program 'true'`, `select pg_read_file('postgresql.conf')`,
      'alter table events disable trigger all', 'lock table trades in access exclusive mode', 'select * from trades for update',
    ];
    for (const statement of writes) {
      const refused = await code(reader, statement);
      // Identities are refused before rights are looked at; a statement outside a transaction that needs one is none.
      expect([statement, refused]).toEqual([statement, expect.stringMatching(/^(42501|25P01|428C9)$/)]);
    }
    await reader.query('reset default_transaction_read_only');
    expect(await code(reader, 'create temporary table mine (n int)')).toBe('25006');
    // PostgreSQL 15 makes large objects in a read-only transaction too, whoever asks; from 16 on it does not.
    const { rows: [{ version } = { version: 0 }] } = await reader.query<{ version: number }>(`select current_setting('server_version_num')::int as version`);
    if (version >= 160_000) expect(await code(reader, 'select lo_create(0)')).toBe('25006');
  });

  it('sees no month past its table, nor what other sessions ask', async () => {
    const months = await onConnection(db.ownerUrl, async (owner) => (await owner.query<{ name: string }>(`select inhrelid::regclass::text as name from pg_inherits join pg_class on oid = inhrelid where relkind = 'r' limit 5`)).rows);
    expect(months).toHaveLength(5);
    for (const { name } of months) expect([name, await code(reader, `select 1 from ${name}`)]).toEqual([name, '42501']);
    expect(await code(reader, 'select 1 from events')).toBeNull();
    await onConnection(db.url, async () => {
      const { rows } = await reader.query<{ query: string }>(`select query from pg_stat_activity where usename = $1`, [db.writer]);
      expect(rows.map(({ query }) => query)).toEqual(rows.map(() => '<insufficient privilege>'));
    });
  });

  it('has timeouts of its own, reads only, and takes few connections', async () => {
    const settings = await reader.query(`select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l, current_setting('idle_in_transaction_session_timeout') as i, current_setting('default_transaction_read_only') as r,
      (select rolconnlimit from pg_roles where rolname = current_user) as n, (select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = current_user) as more`);
    expect(settings.rows).toEqual([{ s: '1min', l: '2s', i: '30s', r: 'on', n: 10, more: false }]);
  });

  it('gets after a migration what the migration made that it may see, and loses what became a secret', async () => {
    await onConnection(db.ownerUrl, async (owner) => {
      await owner.query(`create table made_by_a_migration (n int); alter table trades add column more int; grant select on users to ${db.database}_reader`);
    });
    expect(await code(reader, 'select * from users')).toBeNull();
    expect(await code(reader, 'select more from trades')).toBe('42501');
    expect(await applyGrants(db.ownerUrl, db.writer)).toEqual([]);
    expect(await code(reader, 'select more from trades')).toBeNull();
    expect(await code(reader, 'select * from users')).toBe('42501');
    // Not named in a list: closed.
    expect(await code(reader, 'select * from made_by_a_migration')).toBe('42501');
    await onConnection(db.ownerUrl, (owner) => owner.query('drop table made_by_a_migration; alter table trades drop column more'));
  });

  it('keeps its URL when it is asked for again, and gets another password when that is asked', async () => {
    expect(await cli(['roles', '--reader', '--json'], env())).toMatchObject({ code: 1, json: { error: { code: 'ROLE_EXISTS' } } });
    const other = await cli<Made>(['roles', '--reader', '--new-password', '--json'], env());
    expect(other).toMatchObject({ code: 0, json: { made: false } });
    await onConnection(other.json.url, (client) => client.query('select count(*) from trades'));
    await expect(onConnection(url, (client) => client.query('select 1'))).rejects.toMatchObject({ code: '28P01' });
  });
});

describe('an owner who may not make roles', () => {
  it('is told what an administrator can run, which makes the same reader, and the same writer', async () => {
    const fresh = await freshNames('createdb nocreaterole');
    const own = { DATABASE_URL: fresh.ownerUrl };
    expect((await cli(['setup', '--json'], own)).code).toBe(0);
    const refused = await cli<{ error: { code: string; message: string } }>(['roles', '--reader', '--json'], own);
    expect(refused).toMatchObject({ code: 1, json: { error: { code: 'ROLE_NOT_ALLOWED', message: expect.stringContaining('--reader --print') } } });
    for (const [flags, role] of [[['--reader'], `${fresh.database}_reader`], [[], `${fresh.database}_writer`]] as const) {
      const printed = await cli(['roles', ...flags, '--print'], own);
      expect(printed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^begin;[^]*commit;\n-- In psql/) });
      expect(await cli<{ sql: string }>(['roles', ...flags, '--print', '--json'], own)).toMatchObject({ code: 0, json: { role, sql: printed.stdout.trimEnd() } });
      // Nothing was done by printing.
      expect((await asAdmin(`select 1 from pg_roles where rolname = '${role}'`)).rowCount).toBe(0);
      for (let i = 0; i < 2; i++) await asAdmin(printed.stdout, withIdentity(testServer().adminUrl, { database: fresh.database }));
      await asAdmin(`alter role ${role} password 'by-hand'`);
      await onConnection(withIdentity(fresh.ownerUrl, { user: role, password: 'by-hand' }), async (client) => {
        expect(await code(client, 'select name from accounts')).toBeNull();
        expect(await code(client, 'delete from events')).toMatch(/42501|25006/);
        expect((await client.query('show idle_in_transaction_session_timeout')).rows).toEqual([{ idle_in_transaction_session_timeout: '30s' }]);
        const writes = await code(client, `insert into events (type, actor) values ('test.happened', 'system')`);
        expect(writes).toBe(flags.length > 0 ? '25006' : null);
        expect(await code(client, 'select password_hash from users')).toBe(flags.length > 0 ? '42501' : null);
      });
    }
  });
});
