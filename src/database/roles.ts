import pg from 'pg';
import { APPEND_ONLY_TABLES } from './migrations.js';

/** A statement of the application that runs longer than this is a fault; set on the role, since PgBouncer refuses startup parameters. */
const ROLE_TIMEOUTS = { statement_timeout: '15s', lock_timeout: '5s', idle_in_transaction_session_timeout: '30s' };

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

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'tradewarden-setup', connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const exists = async (client: pg.Client, query: string, name: string) => ((await client.query(query, [name])).rowCount ?? 0) > 0;

/** Creates a login role, or gives it this password when it is there. Needs CREATEROLE. Returns whether it was made. */
export function ensureRole(adminUrl: string, role: { user: string; password: string }): Promise<boolean> {
  return withClient(adminUrl, async (client) => {
    const name = client.escapeIdentifier(role.user);
    const secret = client.escapeLiteral(role.password);
    const there = await exists(client, 'select 1 from pg_roles where rolname = $1', role.user);
    try {
      await client.query(`${there ? 'alter' : 'create'} role ${name} login password ${secret}`);
    } catch (error) {
      // Two servers that start together both find the role missing; the second finds it there.
      if (!['42710', '23505', 'XX000'].includes((error as { code?: string }).code ?? '')) throw error;
    }
    return !there;
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
      if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
      return false;
    }
  });
}

/** Timeouts of a role in a database; needs the role itself or ADMIN on it. */
export function setRoleTimeouts(url: string, role: string, database: string): Promise<void> {
  return withClient(url, async (client) => {
    const target = `role ${client.escapeIdentifier(role)} in database ${client.escapeIdentifier(database)}`;
    for (const [key, value] of Object.entries(ROLE_TIMEOUTS)) await client.query(`alter ${target} set ${key} = '${value}'`);
  });
}

/**
 * Gives the writer what the application needs and no more: no DDL, no change of history. Repeatable, and run after
 * every migration. With one role for both, the triggers alone guard the history.
 * @returns sentences about what could not be done
 */
export async function applyGrants(ownerUrl: string, writer: string): Promise<string[]> {
  const { user: owner, database } = identityOf(ownerUrl);
  if (owner !== writer) {
    await withClient(ownerUrl, (client) => client.query(grantScript(client.escapeIdentifier(writer), client.escapeLiteral(writer))));
  }
  if (await hasTimeouts(ownerUrl, writer)) return [];
  try {
    await setRoleTimeouts(ownerUrl, writer, database);
    return [];
  } catch (error) {
    return [`the timeouts of role ${writer} could not be set (${(error as Error).message})`];
  }
}

function hasTimeouts(url: string, role: string): Promise<boolean> {
  return withClient(url, (client) =>
    exists(
      client,
      `select 1 from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
       where r.rolname = $1 and s.setconfig::text like '%statement_timeout%' and s.setconfig::text like '%idle_in_transaction%'`,
      role,
    ),
  );
}

/** "All tables" takes the months in; they are reached through their parents, so the writer needs nothing on them. */
function grantScript(writer: string, writerText: string): string {
  const history = APPEND_ONLY_TABLES.join(', ');
  return `begin;
    grant usage on schema public to ${writer};
    revoke create on schema public from public, ${writer};
    grant select, insert, update, delete on all tables in schema public to ${writer};
    revoke update, delete, truncate on ${history} from ${writer};
    revoke insert, update, delete on migrations from ${writer};
    do $$ declare part regclass; begin
      for part in select inhrelid::regclass from pg_inherits join pg_class c on c.oid = inhrelid where c.relkind = 'r' loop
        execute format('revoke all on %s from %I', part, ${writerText});
      end loop;
    end $$;
    grant usage, select on all sequences in schema public to ${writer};
    grant execute on function ensure_months(date, date) to ${writer};
    commit`;
}
