import { createHash, randomUUID } from 'node:crypto';
import { PgToolFailed } from '../backup/pg-tools.js';
import type { Backup } from '../backup/read-backup.js';
import { restoreInto } from '../backup/restore-into.js';
import { WatchedClient, withClient } from '../database/client.js';
import { mustKeepSession } from '../database/kept-session.js';
import { ensureRole, identityOf, roleExists, setRoleSettings, withIdentity } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import type { Arrived } from './arrival.service.js';
import { type Arrive, bringUp, firstOf } from './bring-up.js';
import { isMade, nameBefore, newName, type Purpose } from './database-names.js';
import { mark, type Marked, marked } from './database-marks.js';
import { connectionsTo, copySettings, createDatabase, dropDatabase, factsOf, inWords, mustMayMake, type ServerFacts } from './database-server.js';
import { RestoreFailed } from './failed.js';
import { numbersOf } from './numbers-ahead.js';
import type { Steps } from './steps.js';
import { swapDatabases } from './swap.js';

/** Beside the lock of a name: whoever restores a database of this server. */
const LOCK = 726_341;

export interface RestoreTask {
  urls: DatabaseUrls;
  steps: Steps;
  arrive: Arrive;
}

export interface Restored {
  backup: string;
  backupAt: string;
  database: string;
  /** What was live is called so now; null: there was none, or nothing was swapped. */
  before: string | null;
  arrived: Arrived | null;
  migrations: string[];
  notes: string[];
}

/**
 * One at a time for each live database, by a lock of the server: it ends with its holder.
 * @throws {RestoreFailed} RESTORE_RUNNING
 */
export async function alone<T>(adminUrl: string, live: string, work: () => Promise<T>): Promise<T> {
  const holder = new WatchedClient({ connectionString: adminUrl, application_name: 'tradewarden-restore' });
  try {
    await holder.connect();
    await mustKeepSession(holder, adminUrl, 'DATABASE_OWNER_URL (DATABASE_URL where that is not set)');
    await holder.query(`set idle_session_timeout = 0`);
    const { rows: [lock] } = await holder.query<{ got: boolean }>('select pg_try_advisory_lock($1, $2) as got', [LOCK, createHash('sha256').update(live).digest().readInt32BE(0)]);
    if (!lock?.got) throw new RestoreFailed('RESTORE_RUNNING', `Another restore of ${live} is running on this server.`);
    return await work();
  } finally {
    await holder.end().catch(() => undefined);
  }
}

const urlsOf = (urls: DatabaseUrls, database: string): DatabaseUrls => {
  const on = (url: string) => withIdentity(url, { database });
  // A pooler at the address of the writer does not know the new name: what is done here is done past it.
  const url = on(withIdentity(urls.ownerUrl, { ...identityOf(urls.url) }));
  return { ...urls, url, unpooledUrl: url, ownerUrl: on(urls.ownerUrl), release: async () => undefined };
};

/** Into a new database beside the live one; that is swapped in at the end, and the old one kept. @throws {RestoreFailed} with nothing changed */
export function restoreDatabase({ urls, steps, arrive }: RestoreTask, backup: Backup, given: { into: string | null; disconnect: boolean; otherSystem: boolean }): Promise<Restored> {
  const live = identityOf(urls.ownerUrl).database;
  return alone(urls.adminUrl, live, async () => {
    const facts = await steps.run('looking', () => mayBegin(urls, backup, live));
    if (given.into !== null) await mustBeFree(urls, given.into);
    else if (facts.live && !given.disconnect) await mustBeEmptyOfPeople(urls, live);
    await removeLeftovers(urls, live, steps);
    const restoreId = randomUUID();
    const name = newName('restore', new Date());
    const state = { of: live, restoreId, backup: backup.manifest.id };
    try {
      const built = await build({ urls, steps, arrive }, backup, { name, restoreId, drill: false, facts, otherSystem: given.otherSystem, state });
      if (given.into !== null) {
        await renameTo(urls.adminUrl, name, given.into);
        return { ...built, database: given.into, before: null };
      }
      const before = await swapIn({ urls, steps }, { ...state, name, hasLive: facts.live !== null, disconnect: given.disconnect });
      return { ...built, database: live, before };
    } catch (error) {
      // A finished one that could not be swapped in stays for --continue.
      if (!(error instanceof RestoreFailed && error.code === 'IN_USE')) await dropDatabase(urls.adminUrl, name).catch((failure: Error) => steps.note(`${name} is left: ${failure.message}`));
      throw error instanceof PgToolFailed ? new RestoreFailed('RESTORE_FAILED', `${error.message}. Nothing was changed.`, { cause: error }) : error;
    }
  });
}

/** Goes on with a restored database that was not swapped in, because the server was in it or the restore was killed. */
export function continueRestore({ urls, steps }: Omit<RestoreTask, 'arrive'>, disconnect: boolean): Promise<Restored> {
  const live = identityOf(urls.ownerUrl).database;
  return alone(urls.adminUrl, live, async () => {
    const ready = (await marked(urls.adminUrl)).find((each) => each.of === live && each.tradewarden === 'ready' && isMade('restore', each.name));
    if (!ready) throw new RestoreFailed('NOTHING_TO_CONTINUE', `There is no restored database that waits to take the place of ${live}.`);
    const facts = await factsOf(urls.adminUrl, live);
    mustMayMake(facts, live);
    const arrived = await arrivalIn(urlsOf(urls, ready.name).ownerUrl, ready);
    const before = await swapIn({ urls, steps }, { ...ready, hasLive: facts.live !== null, disconnect });
    return { backup: ready.backup, backupAt: arrived, database: live, before, arrived: null, migrations: [], notes: [] };
  });
}

/**
 * In a scratch database of its own, which is dropped whatever comes of it.
 * @param elsewhere a role that may make databases, on the same server or another one, where the owner may not
 */
export async function inScratch<T>(task: RestoreTask, backup: Backup, elsewhere: string | undefined, work: (urls: DatabaseUrls, arrived: Arrived) => Promise<T>): Promise<T> {
  const { steps, arrive } = task;
  const live = identityOf(task.urls.ownerUrl).database;
  const urls: DatabaseUrls = elsewhere === undefined ? task.urls : { ...task.urls, url: elsewhere, unpooledUrl: elsewhere, ownerUrl: elsewhere, adminUrl: elsewhere, roles: 'single' };
  const found = await factsOf(urls.adminUrl, live);
  // What has that name on another server is nobody's whose place is taken.
  const facts = elsewhere === undefined ? found : { ...found, live: null };
  mustFit(facts, backup, live);
  await removeLeftovers(urls, live, steps, 'drill');
  const name = newName('drill', new Date());
  const restoreId = randomUUID();
  try {
    const { arrived } = await build({ urls, steps, arrive }, backup, { name, restoreId, drill: true, facts, otherSystem: false, state: { of: live, restoreId, backup: backup.manifest.id } });
    if (!arrived) throw new Error('the drill did not arrive');
    return await work(urlsOf(urls, name), arrived);
  } finally {
    await dropDatabase(urls.adminUrl, name).catch((failure: Error) => steps.note(`${name} is left: ${failure.message}`));
  }
}

interface Building {
  name: string;
  restoreId: string;
  drill: boolean;
  facts: ServerFacts;
  otherSystem: boolean;
  state: { of: string; restoreId: string; backup: string };
}

async function build({ urls, steps, arrive }: RestoreTask, backup: Backup, { name, restoreId, drill, facts, otherSystem, state }: Building): Promise<Restored> {
  const own = urlsOf(urls, name);
  const owner = identityOf(urls.ownerUrl).user;
  const writer = identityOf(urls.url);
  const marking = (tradewarden: 'building' | 'ready' | 'drill') => withClient(urls.adminUrl, (client) => mark(client, name, { tradewarden, ...state, at: new Date().toISOString() }));
  const notes = await steps.run(`making ${name}`, async () => {
    if (writer.user !== owner && !(await roleExists(urls.adminUrl, writer.user))) await ensureRole(urls.adminUrl, writer);
    await createDatabase(urls.adminUrl, name, owner);
    await marking(drill ? 'drill' : 'building');
    return facts.live && !drill ? copySettings(urls.adminUrl, state.of, name) : [];
  });
  await steps.run('restoring', () => restoreInto(backup, own.ownerUrl, { signal: steps.signal }));
  await setRoleSettings(urls.adminUrl, writer.user, name).catch(() => undefined);
  const live = facts.live ? await knownOf(urls.ownerUrl) : null;
  const brought = await bringUp({ backup, urls: own, restoreId, drill, live, otherSystem, steps, arrive });
  if (!drill) await marking('ready');
  return { backup: backup.manifest.id, backupAt: backup.manifest.snapshotAt, database: name, before: null, arrived: brought.arrived, migrations: brought.migrations, notes: [...notes, ...brought.notes, ...(live?.retired ? [RETIRED] : [])] };
}

interface Known {
  first: string | null;
  numbers: ReadonlyMap<string, number>;
  retired: boolean;
}

/** What can still be read of the database that is replaced: it may be broken, which is why it is replaced. */
async function knownOf(url: string): Promise<Known | null> {
  try {
    const retired = await withClient(url, async (client) => (await client.query(`select 1 from halts where source = 'retirement' and released_at is null`)).rowCount);
    return { first: await firstOf(url), numbers: await numbersOf(url), retired: retired !== 0 };
  } catch {
    return null;
  }
}

const RETIRED = 'What was live is retired: another system trades. Unless the backup is of after that, run "tradewarden retire" before anybody releases this one.';

async function mayBegin(urls: DatabaseUrls, backup: Backup, live: string): Promise<ServerFacts> {
  const facts = await factsOf(urls.adminUrl, live);
  mustFit(facts, backup, live);
  return facts;
}

function mustFit(facts: ServerFacts, { manifest }: Backup, live: string): void {
  mustMayMake(facts, live);
  const [server, was] = [facts.versionNum, manifest.serverVersionNum].map((num) => Math.floor(num / 10_000));
  if ((server ?? 0) < (was ?? 0)) throw new RestoreFailed('SERVER_OLDER', `${manifest.id} comes from PostgreSQL ${manifest.serverVersion}, and this server is ${facts.version}: it takes version ${was} or a newer one.`);
}

async function mustBeEmptyOfPeople(urls: DatabaseUrls, live: string): Promise<void> {
  const others = await withClient(urls.adminUrl, (client) => connectionsTo(client, live));
  if (others.length > 0) throw new RestoreFailed('IN_USE', `The database ${live} is in use by ${inWords(others)}: stop the servers, or say --disconnect, which ends their connections.`);
}

async function mustBeFree(urls: DatabaseUrls, name: string): Promise<void> {
  const { live } = await factsOf(urls.adminUrl, name);
  if (live) throw new RestoreFailed('NAME_TAKEN', `There is a database ${name} already: --into takes a new name.`);
}

const renameTo = (adminUrl: string, from: string, to: string): Promise<void> => withClient(adminUrl, async (client) => {
  await client.query(`begin; alter database ${client.escapeIdentifier(from)} rename to ${client.escapeIdentifier(to)}`);
  await mark(client, to, null);
  await client.query('commit');
});

async function swapIn({ urls, steps }: Pick<RestoreTask, 'urls' | 'steps'>, { of: live, restoreId, backup, name, hasLive, disconnect }: { of: string; restoreId: string; backup: string; name: string; hasLive: boolean; disconnect: boolean }): Promise<string | null> {
  const now = new Date();
  const before = nameBefore(live, now);
  await steps.run('swapping', () => swapDatabases(urls.adminUrl, { live, hasLive, next: name, before, disconnect, kept: { tradewarden: 'before', of: live, restoreId, backup, at: now.toISOString() } }));
  return hasLive ? before : null;
}

/** Of runs that were killed: while this one holds the lock nobody works on them. */
async function removeLeftovers(urls: DatabaseUrls, live: string, steps: Steps, purpose: Purpose = 'restore'): Promise<void> {
  const left = (await marked(urls.adminUrl)).filter((each) => each.of === live && isMade(purpose, each.name) && each.tradewarden !== 'before');
  for (const { name, tradewarden, backup } of left) {
    await dropDatabase(urls.adminUrl, name);
    steps.note(`removed ${name}, which a restore of ${backup} ${tradewarden === 'ready' ? 'had finished and not swapped in' : 'left half done'}`);
  }
}

async function arrivalIn(url: string, { restoreId, name }: Marked): Promise<string> {
  const found = await withClient(url, async (client) => (await client.query<{ at: Date }>(`select backup_at as at from restores where id = $1`, [restoreId])).rows[0]);
  if (!found) throw new RestoreFailed('NOTHING_TO_CONTINUE', `${name} is not as a restore leaves it: restore anew.`);
  return found.at.toISOString();
}
