import { basename, isAbsolute } from 'node:path';
import { isArchive, putArchivesBack } from '../backup/archives.js';
import { backupDir } from '../backup/place.js';
import type { Backup } from '../backup/read-backup.js';
import type { Env } from '../config/env.js';
import { identityOf } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import type { Arrived, Arriving } from '../restore/arrival.service.js';
import { Arrival } from '../restore/arrival.service.js';
import { Drills } from '../restore/drills.service.js';
import { RestoreFailed } from '../restore/failed.js';
import { dropKeptCluster, keptClusters, restoreCluster } from '../restore/restore-cluster.js';
import { dropKept, keptDatabases } from '../restore/kept-databases.js';
import { continueRestore, restoreDatabase, type Restored } from '../restore/restore-database.js';
import { Steps } from '../restore/steps.js';
import { chosenBackup } from '../restore/which-backup.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome, wrongUsage } from './outcome.js';
import { withServices } from './services.js';
import { mustType } from './typed-word.js';

export interface RestoreOptions {
  yes?: boolean;
  into?: string;
  unverified?: boolean;
  disconnect?: boolean;
  otherSystem?: boolean;
  continue?: boolean;
}

/** Into a new database, compared, halted, and then swapped in. Whatever fails, the live one is as it was. */
export function restore(env: Env, say: Say, given: string | undefined, options: RestoreOptions): Promise<Outcome> {
  if ((given === undefined) !== (options.continue ?? false)) throw wrongUsage('Name a backup, its folder or "latest"; or --continue, and none.');
  if (options.into !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(options.into)) throw wrongUsage('--into takes a new name of small letters, digits and _, at most 63.');
  return failing(async () => {
    const steps = new Steps(say);
    if (given === undefined) {
      return withDatabase(env, say, async (urls) => {
        await confirmed(options, `The restored database that waits takes the place of ${identityOf(urls.ownerUrl).database}.`);
        return told(await continueRestore({ urls, steps }, options.disconnect ?? false), steps);
      });
    }
    const backup = await steps.run('reading the backup', () => chosenBackup(given, backupDir(env), { unverified: options.unverified ?? false }));
    const { manifest } = backup;
    if (options.into === undefined) await confirmed(options, `The database goes back to ${manifest.snapshotAt} (${manifest.id}): what came after it is not in it. It comes up halted, and what is live now is kept.`);
    // Before the database that relies on them: while it is another's they harm nobody.
    const notes = await broughtBack(env, steps, backup);
    const done = (result: Restored) => told({ ...result, notes: [...result.notes, ...notes] }, steps);
    if (manifest.kind === 'base') return done(await restoredCluster(env, steps, backup, options));
    return withDatabase(env, say, async (urls) => done(await restored(env, { urls, steps }, backup, options)));
  });
}

async function broughtBack({ ARCHIVE_DIR: folder }: Env, steps: Steps, backup: Backup): Promise<string[]> {
  const lacking = (backup.manifest.missing ?? []).map((name) => `${name}, an archive of decisions, was not to be had when the backup was made.`);
  const archives = backup.manifest.files.filter(isArchive).length;
  if (archives === 0) return lacking;
  if (folder === null) return [...lacking, `The backup has archives of decisions (${archives}), which belong into ARCHIVE_DIR, and that is not set: copy them there, or "why" lacks what they say.`];
  const back = await steps.run('bringing archives back', () => putArchivesBack(backup, folder));
  return back.length > 0 ? [...lacking, `Archives of decisions that were brought back to ${folder}: ${back.length}.`] : lacking;
}

function restoredCluster(env: Env, steps: Steps, backup: Backup, { into, otherSystem }: RestoreOptions): Promise<Restored> {
  if (!env.embedded) throw new RestoreFailed('WRONG_KIND', `${backup.manifest.id} is a copy of an embedded server: it is restored where DATABASE_URL is not set, into DATA_DIR.`);
  if (into !== undefined) throw new RestoreFailed('WRONG_KIND', `${backup.manifest.id} is a copy of a whole server: --into takes a dump.`);
  return restoreCluster({ env, steps, arrive: (own, arriving) => arriveIn(env, own, arriving) }, backup, { otherSystem: otherSystem ?? false });
}

function restored(env: Env, { urls, steps }: { urls: DatabaseUrls; steps: Steps }, backup: Backup, { into, disconnect, otherSystem }: RestoreOptions): Promise<Restored> {
  return restoreDatabase({ urls, steps, arrive: (own, arriving) => arriveIn(env, own, arriving) }, backup, { into: into ?? null, disconnect: disconnect ?? false, otherSystem: otherSystem ?? false });
}

/** With the application's services on that database, and nothing of it running. */
export const arriveIn = (env: Env, urls: DatabaseUrls, arriving: Arriving): Promise<Arrived> =>
  withServices(env, urls, (app) => app.get(Arrival, { strict: false }).arrive(arriving));

async function confirmed({ yes }: RestoreOptions, what: string): Promise<void> {
  if (!yes) await mustType('RESTORE', what, 'say --yes');
}

function told(done: Restored, steps: Steps): Outcome {
  const { backup, backupAt, database, before, arrived, migrations, notes } = done;
  const figures = Object.entries(arrived?.figures ?? {}).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${WORDS[name] ?? name}`);
  return {
    json: { backup, backupAt, database, before, haltId: arrived?.halt_id ?? null, arrival: arrived?.figures ?? null, migrations, notes, seconds: steps.seconds, steps: steps.done },
    text: [
      `Restored ${backup} as ${database} in ${steps.seconds} s. It knows nothing after ${backupAt}.`,
      ...(figures.length > 0 ? [`Since then not known, or ended: ${figures.join(', ')}.`] : []),
      ...(migrations.length > 0 ? [`Brought up to this version: ${migrations.join(', ')}.`] : []),
      'Everything is halted. What was done after the backup is not in it: people and keys that were shut out, limits that were narrowed, agents that were stopped, halts. Look at those first.',
      ...(arrived ? [`Start the server, let agents report, compare, and release: tradewarden release ${arrived.halt_id} --reason … --confirm RELEASE`] : []),
      ...(before === null ? [] : [`What was live is kept as ${before}; once it is needed no more: tradewarden restore:old --drop ${kept(before)} --confirm ${kept(before)}`]),
      ...notes.map((note) => `Note: ${note}`),
    ].join('\n'),
  };
}

/** As `restore:old` lists it: a folder by its name. */
const kept = (before: string): string => (isAbsolute(before) ? basename(before) : before);

const WORDS: Record<string, string> = {
  unknownTrades: 'live trades unknown', expiredCommands: 'commands expired', unknownCommands: 'commands unknown', requeuedCommands: 'commands queued again',
  expiredIdeas: 'ideas expired', agents: 'agents to report', sessions: 'sessions ended', repeatedAnswers: 'answers forgotten', droppedMessages: 'messages dropped',
};

/** What restores have put aside: lists it, or drops one of it for good. */
export function oldDatabases(env: Env, say: Say, { drop, confirm }: { drop?: string; confirm?: string }): Promise<Outcome> {
  return failing(() => withDatabase(env, say, async (urls) => {
    const live = identityOf(urls.ownerUrl).database;
    if (drop === undefined) {
      const kept = [...(env.embedded ? keptClusters(env) : []), ...(await keptDatabases(urls.adminUrl, live))];
      return {
        json: { kept: kept.map(({ name, at, backup }) => ({ name, replacedAt: at, backup })) },
        text: kept.length === 0 ? 'No restore has put anything aside.' : kept.map(({ name, at, backup }) => `${name}  live until ${at}, replaced by ${backup}`).join('\n'),
      };
    }
    if (confirm !== drop) await mustType(drop, `${drop} is dropped for good.`, `say --confirm ${drop}`);
    if (env.embedded && keptClusters(env).some(({ name }) => name === drop)) dropKeptCluster(env, drop);
    else await dropKept(urls.adminUrl, live, drop);
    return { json: { dropped: drop }, text: `Dropped ${drop}.` };
  }));
}

/** Into a scratch place, which is thrown away again; what is live notices nothing. */
export function restoreDrill(env: Env, say: Say): Promise<Outcome> {
  return failing(() => withDatabase(env, say, (urls) => withServices(env, urls, async (app) => {
    const drills = app.get(Drills, { strict: false });
    drills.arriveBy((own, arriving) => arriveIn(env, own, arriving));
    const done = await drills.run({ say });
    return {
      json: done,
      text: [`${done.backup}, which reaches up to ${done.backupAt}, was restored, is what was backed up, and comes up halted: ${done.seconds} s.`, ...done.steps.map(({ name, seconds }) => `  ${name}  ${seconds} s`)].join('\n'),
    };
  })));
}

/** What this command cannot do has a code of its own. */
async function failing(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RestoreFailed) throw new CommandError(error.code, error.message);
    throw error;
  }
}
