import { type WatchedClient, withClient } from './client.js';
import { APPEND_ONLY_TABLES, NEVER_DELETED_TABLES, OWNER_WRITTEN_TABLES } from './migrations.js';
import { grantReader } from './reader.js';

/**
 * A statement of the application that runs longer than this is a fault. Without JIT, which the PostgreSQL of every distribution has:
 * what is planned for many rows and reads few was compiled each time, the figures of the loss breakers for 0.2 to 0.6 s where they
 * take 0.1. Set on the role, since PgBouncer refuses startup parameters.
 */
const ROLE_SETTINGS = { statement_timeout: '15s', lock_timeout: '5s', idle_in_transaction_session_timeout: '30s', jit: 'off' };

/** Beside "it is there already": what two servers that start together see when the other one is a moment ahead. */
const MADE_BY_ANOTHER = new Set(['42710', '42P04', '23505']);
const CHANGED_BY_ANOTHER = 'XX000';
const ATTEMPTS = 5;

export interface DatabaseIdentity {
  user: string;
  password: string;
  database: string;
}

export function identityOf(url: string): DatabaseIdentity {
  const { username, password, pathname } = new URL(url);
  return { user: decodeURIComponent(username), password: decodeURIComponent(password), database: decodeURIComponent(pathname.slice(1)) };
}

/** The same server and options, with another user, password or database. */
export function withIdentity(url: string, identity: Partial<DatabaseIdentity>): string {
  const changed = new URL(url);
  if (identity.user !== undefined) changed.username = encodeURIComponent(identity.user);
  if (identity.password !== undefined) changed.password = encodeURIComponent(identity.password);
  if (identity.database !== undefined) changed.pathname = `/${encodeURIComponent(identity.database)}`;
  return changed.href;
}

const exists = async (client: WatchedClient, query: string, ...values: string[]) => ((await client.query(query, values)).rowCount ?? 0) > 0;

const codeOf = (error: unknown) => (error as { code?: string }).code ?? '';

/** "tuple concurrently updated" is how PostgreSQL says that another process altered the same role at the same moment. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= ATTEMPTS || codeOf(error) !== CHANGED_BY_ANOTHER) throw error;
    }
  }
}

export function roleExists(url: string, user: string): Promise<boolean> {
  return withClient(url, (client) => exists(client, 'select 1 from pg_roles where rolname = $1', user));
}

/** Creates a login role, or gives it this password when it is there. Needs CREATEROLE. Returns whether it was made. */
export function ensureRole(adminUrl: string, role: { user: string; password: string }): Promise<boolean> {
  return withClient(adminUrl, async (client) => {
    const login = `role ${client.escapeIdentifier(role.user)} login password ${client.escapeLiteral(role.password)}`;
    if (!(await exists(client, 'select 1 from pg_roles where rolname = $1', role.user))) {
      try {
        await client.query(`create ${login}`);
        return true;
      } catch (error) {
        if (!MADE_BY_ANOTHER.has(codeOf(error))) throw error;
      }
    }
    await again(() => client.query(`alter ${login}`));
    return false;
  });
}

/** Creates the database when it is missing. Needs CREATEDB. Returns whether it was made. */
export function ensureDatabase(adminUrl: string, database: string, owner?: string): Promise<boolean> {
  return withClient(adminUrl, async (client) => {
    if (await exists(client, 'select 1 from pg_database where datname = $1', database)) return false;
    try {
      const ownedBy = owner ? ` owner ${client.escapeIdentifier(owner)}` : '';
      await client.query(`create database ${client.escapeIdentifier(database)}${ownedBy}`);
      return true;
    } catch (error) {
      if (!MADE_BY_ANOTHER.has(codeOf(error))) throw error;
      return false;
    }
  });
}

/** Timeouts and the like of a role in a database; needs the role itself or ADMIN on it. */
export function setRoleSettings(url: string, role: string, database: string): Promise<void> {
  return withClient(url, (client) => again(() => alterSettings(client, role, database)));
}

/** What every session does and since when, for metrics and incidents; needs a superuser. */
export function letSeeSessions(adminUrl: string, role: string): Promise<void> {
  return withClient(adminUrl, (client) => again(async () => void (await client.query(`grant pg_read_all_stats to ${client.escapeIdentifier(role)}`))));
}

async function alterSettings(client: WatchedClient, role: string, database: string, there: ReadonlySet<string> = new Set()): Promise<void> {
  const target = `role ${client.escapeIdentifier(role)} in database ${client.escapeIdentifier(database)}`;
  for (const [key, value] of Object.entries(ROLE_SETTINGS)) if (!there.has(key)) await client.query(`alter ${target} set ${key} = '${value}'`);
}

/** What is set for this role in this database, or for this role everywhere: who set it meant it. */
async function settingsOf(client: WatchedClient, role: string): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `select split_part(given, '=', 1) as name from pg_db_role_setting s join pg_roles r on r.oid = s.setrole cross join unnest(s.setconfig) given
     where r.rolname = $1 and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))`, [role]);
  return new Set(rows.map(({ name }) => name));
}

/**
 * Gives the writer what the application needs and no more: no DDL, no change of history. Repeatable, and run after
 * every migration. With one role for both, the triggers alone guard the history. The reader for reports, where there is
 * one, gets what it may see now.
 * @returns sentences about what could not be done
 */
export function applyGrants(ownerUrl: string, writer: string): Promise<string[]> {
  return withClient(ownerUrl, async (client) => {
    if (identityOf(ownerUrl).user !== writer) await client.query(`begin; ${grantScript(client, writer)}; commit`);
    await grantReader(client, identityOf(ownerUrl).database);
    const there = await settingsOf(client, writer);
    try {
      await again(() => alterSettings(client, writer, identityOf(ownerUrl).database, there));
      return [];
    } catch (error) {
      return [`the settings of role ${writer} (${Object.keys(ROLE_SETTINGS).filter((name) => !there.has(name)).join(', ')}) could not be made (${(error as Error).message})`];
    }
  });
}

/**
 * Makes a writer role with its grants and settings in one transaction; an existing one gets the password.
 * Needs CREATEROLE, and ADMIN on a role that exists. Returns whether it was made.
 */
export function makeWriter(ownerUrl: string, writer: { user: string; password: string }): Promise<boolean> {
  return withClient(ownerUrl, async (client) => {
    const there = await exists(client, 'select 1 from pg_roles where rolname = $1', writer.user);
    await client.query('begin');
    await client.query(
      `${there ? 'alter' : 'create'} role ${client.escapeIdentifier(writer.user)} login password ${client.escapeLiteral(writer.password)}`,
    );
    await client.query(grantScript(client, writer.user));
    await alterSettings(client, writer.user, identityOf(ownerUrl).database);
    await client.query('commit');
    return !there;
  });
}

/** What the writer is granted and set to, for an administrator to run by hand where the owner may not make roles. */
export function writerScript(client: WatchedClient, writer: string, database: string): string {
  const role = client.escapeIdentifier(writer);
  const settings = Object.entries(ROLE_SETTINGS).map(([key, value]) => `alter role ${role} in database ${client.escapeIdentifier(database)} set ${key} = '${value}';`);
  return [
    'begin;', `do $$ begin if not exists (select from pg_roles where rolname = ${client.escapeLiteral(writer)}) then create role ${role} login; end if; end $$;`,
    `${grantScript(client, writer).trim().replace(/^ {4}/gm, '')};`, ...settings, 'commit;', `-- In psql, for the password: \\password ${writer}`,
    `-- As a superuser, if incidents and metrics are to know the transactions of all roles: grant pg_read_all_stats to ${role};`,
  ].join('\n');
}

/** Accounts and agents are retired, never deleted; instruments stay, since positions were sized by them; snapshots are corrected, and go by the month. "All tables" takes the months in; they are reached through their parents, so the writer needs nothing on them. */
function grantScript(client: WatchedClient, writer: string): string {
  const role = client.escapeIdentifier(writer);
  const history = APPEND_ONLY_TABLES.join(', ');
  return `
    grant usage on schema public to ${role};
    revoke create on schema public from public, ${role};
    grant select, insert, update, delete on all tables in schema public to ${role};
    revoke update, delete, truncate on ${history} from ${role};
    revoke insert, update, delete on migrations from ${role};
    revoke delete, truncate on ${NEVER_DELETED_TABLES.join(', ')} from ${role};
    revoke insert, update, delete, truncate on ${OWNER_WRITTEN_TABLES.join(', ')} from ${role};
    revoke update, truncate on decision_archives, decision_archive_rows from ${role};
    grant update (verified_at) on decision_archives to ${role};
    revoke insert, update, delete on archived_decisions from ${role};
    do $grants$ declare part regclass; begin
      for part in select inhrelid::regclass from pg_inherits join pg_class c on c.oid = inhrelid where c.relkind = 'r' loop
        execute format('revoke all on %s from %I', part, ${client.escapeLiteral(writer)});
      end loop;
    end $grants$;
    grant usage, select on all sequences in schema public to ${role};
    revoke execute on function ensure_months(date, date), ensure_snapshot_months(text, date[]) from public;
    grant execute on function ensure_months(date, date), ensure_snapshot_months(text, date[]) to ${role};
    grant execute on function begin_fresh_months(text, date[]), keep_fresh_months(text) to ${role};
    grant execute on function retention_hold(text, date, timestamptz), retention_drop_month(text, date, timestamptz, uuid), retention_thin_some(date, integer), retention_thin_swap(date),
      retention_prune_refs(timestamptz, timestamptz, uuid, integer) to ${role}`;
}

/**
 * Whether the connected role owns the tables, and so could change history but for the triggers. Asked of the catalogue:
 * the server usually knows the writer's URL only, and cannot tell from it.
 */
export async function rolesOf(query: (text: string) => Promise<unknown>): Promise<'single' | 'separate'> {
  const rows = (await query(`select exists (select 1 from pg_class c join pg_roles r on r.rolname = current_user
    where c.relname = 'events' and c.relnamespace = 'public'::regnamespace and (c.relowner = r.oid or r.rolsuper)) as owns`)) as { owns: boolean }[];
  return rows[0]?.owns === false ? 'separate' : 'single';
}
