import { type WatchedClient, withClient } from '../database/client.js';
import { CLIENT_SESSIONS } from '../database/client-sessions.js';
import { RestoreFailed } from './failed.js';

export interface Connected {
  application: string;
  count: number;
}

export interface ServerFacts {
  versionNum: number;
  version: string;
  /** Of the role: it may make databases and rename those that it owns. */
  mayMake: boolean;
  role: string;
  /** The live database; null: there is none (a new machine). */
  live: { owned: boolean; owner: string } | null;
}

export function factsOf(adminUrl: string, live: string): Promise<ServerFacts> {
  return withClient(adminUrl, async (client) => {
    const { rows: [server] } = await client.query<{ num: number; version: string; role: string; makes: boolean }>(
      `select current_setting('server_version_num')::int as num, current_setting('server_version') as version, current_user as role, r.rolcreatedb or r.rolsuper as makes from pg_roles r where r.rolname = current_user`);
    const { rows: [database] } = await client.query<{ owned: boolean; owner: string }>(`select pg_has_role(datdba, 'usage') as owned, pg_get_userbyid(datdba) as owner from pg_database where datname = $1`, [live]);
    if (!server) throw new Error('the server did not say who it is');
    return { versionNum: server.num, version: server.version, role: server.role, mayMake: server.makes, live: database ?? null };
  });
}

/** @throws {RestoreFailed} NO_RIGHTS with the statement that gives them */
export function mustMayMake({ mayMake, role, live }: ServerFacts, name: string): void {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  if (live && !live.owned) throw new RestoreFailed('NO_RIGHTS', `${role} does not own the database ${name}: set DATABASE_OWNER_URL, of its owner ${live.owner}.`);
  if (!mayMake) throw new RestoreFailed('NO_RIGHTS', `${role} may not create databases, and a backup is restored into a new one. As a superuser: alter role ${quoted(role)} createdb`);
}

/** Who is in a database, by what it calls itself. */
export function connectionsTo(client: WatchedClient, database: string): Promise<Connected[]> {
  return client.query<Connected>(
    `select coalesce(nullif(application_name, ''), 'without a name') as application, count(*)::int as count from pg_stat_activity
     where datname = $1 and ${CLIENT_SESSIONS} and pid <> pg_backend_pid() group by 1 order by 2 desc, 1`, [database]).then(({ rows }) => rows);
}

export const inWords = (connected: readonly Connected[]): string => connected.map(({ application, count }) => `${application}${count > 1 ? ` (${count})` : ''}`).join(', ');

export async function createDatabase(adminUrl: string, name: string, owner: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`create database ${client.escapeIdentifier(name)} template template0 encoding 'UTF8' owner ${client.escapeIdentifier(owner)}`));
}

/** What was set for the live database and who may connect to it holds for the one that takes its place. Answers what could not be taken over. */
export function copySettings(adminUrl: string, from: string, to: string): Promise<string[]> {
  return withClient(adminUrl, async (client) => {
    const notes: string[] = [];
    const tried = (statement: string) => client.query(statement).catch((error: Error) => void notes.push(`not taken over from ${from}: ${statement} (${error.message})`));
    const { rows } = await client.query<{ name: string; value: string }>(
      `select split_part(each, '=', 1) as name, substr(each, strpos(each, '=') + 1) as value from pg_db_role_setting s, unnest(s.setconfig) as each
       where s.setrole = 0 and s.setdatabase = (select oid from pg_database where datname = $1)`, [from]);
    const target = client.escapeIdentifier(to);
    for (const { name, value } of rows) await tried(`alter database ${target} set ${client.escapeIdentifier(name)} = ${client.escapeLiteral(value)}`);
    const { rows: rights } = await client.query<{ grantee: string | null; right: string }>(
      `select case when a.grantee = 0 then null else pg_get_userbyid(a.grantee)::text end as grantee, a.privilege_type as right from pg_database d, aclexplode(d.datacl) a where d.datname = $1`, [from]);
    if (rights.length === 0) return notes;
    await tried(`revoke all on database ${target} from public`);
    for (const { grantee, right } of rights) await tried(`grant ${right} on database ${target} to ${grantee === null ? 'public' : client.escapeIdentifier(grantee)}`);
    return notes;
  });
}

/** Whoever is in it is put out of it: it is ours, and nobody else's. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`));
}
