import { randomUUID } from 'node:crypto';
import { withClient, type WatchedClient } from './client.js';
import { type MigrationStatus, migrationStatus } from './migrate.js';
import { APPEND_ONLY_TABLES, MONTHS_AHEAD_TABLES } from './migrations.js';
import { sqlState } from './sql-state.js';

/** What can be seen of a database as the role that the application uses. */
export interface Inspection {
  serverVersion: string;
  serverVersionNumber: number;
  migrations: MigrationStatus;
  /** Append-only tables, months included, that this role may change or that no trigger guards. */
  unguarded: string[];
  /** Append-only tables without a month to write into now. */
  withoutMonth: string[];
  /** Seconds; null when a statement may run for ever. */
  statementTimeoutSeconds: number | null;
  administrators: number;
}

const REFUSED = '42501';

/** Looks at the database of `url`, as its role; changes nothing. */
export function inspect(url: string): Promise<Inspection> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ version: string; number: number; timeout: number }>(`select current_setting('server_version') as version,
      current_setting('server_version_num')::int as number,
      (select setting::int from pg_settings where name = 'statement_timeout') as timeout`);
    const [server] = rows;
    const migrations = await migrationStatus(async (text) => (await client.query(text)).rows);
    const migrated = migrations.pending.length === 0;
    return {
      serverVersion: server?.version ?? '', serverVersionNumber: server?.number ?? 0, migrations,
      unguarded: migrated ? await unguarded(client) : [],
      withoutMonth: migrated ? await withoutMonth(client) : [],
      statementTimeoutSeconds: server?.timeout ? server.timeout / 1000 : null,
      administrators: migrated ? await administrators(client) : 0,
    };
  });
}

async function unguarded(client: WatchedClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `with guarded as (
       select c.oid, c.relname from pg_class c where c.oid = any ($1::text[]::regclass[])
       union all select c.oid, c.relname from pg_class c join pg_inherits i on i.inhrelid = c.oid where i.inhparent = any ($1::text[]::regclass[])
     )
     select relname::text as name from guarded
     where not exists (select 1 from pg_trigger t where t.tgrelid = guarded.oid and t.tgname = 'refuse_change' and t.tgenabled <> 'D')
       or (has_table_privilege(oid, 'update, delete, truncate') and not pg_has_role((select relowner from pg_class where pg_class.oid = guarded.oid), 'usage'))
     order by 1`,
    [APPEND_ONLY_TABLES],
  );
  return rows.map(({ name }) => name);
}

async function withoutMonth(client: WatchedClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname::text as name from pg_class
     where oid = any ($1::text[]::regclass[]) and relkind = 'p'
       and to_regclass(format('%I', relname || to_char(app_clock() at time zone 'UTC', '"_y"YYYY"m"MM'))) is null
     order by 1`,
    [MONTHS_AHEAD_TABLES],
  );
  return rows.map(({ name }) => name);
}

async function administrators(client: WatchedClient): Promise<number> {
  const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from users where role = 'admin' and disabled_at is null`);
  return rows[0]?.n ?? 0;
}

/**
 * Proves that the application's role can write, and cannot change what was written; all of it is rolled back.
 * @throws when either is not so
 */
export function verifyWriter(url: string): Promise<void> {
  return withClient(url, async (client) => {
    const subject = randomUUID();
    await client.query('begin');
    await client.query(`insert into events (type, subject_id, actor) values ('setup.verified', $1, 'system')`, [subject]);
    const { rowCount } = await client.query('select 1 from events where subject_id = $1', [subject]);
    if (rowCount !== 1) throw new Error('an event that was written could not be read back');
    const refused = await client.query('delete from events where subject_id = $1', [subject]).then(
      () => false,
      (error: unknown) => sqlState(error) === REFUSED,
    );
    if (!refused) throw new Error('the history is not protected: an event could be deleted');
    await client.query('rollback');
  });
}
