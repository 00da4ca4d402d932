import { compareWithManifest } from '../backup/compare.js';
import type { Backup } from '../backup/read-backup.js';
import { withClient } from '../database/client.js';
import { migrateUp } from '../database/migrate.js';
import { identityOf } from '../database/roles.js';
import type { DatabaseUrls } from '../database/urls.js';
import type { Arrived, Arriving } from './arrival.service.js';
import { RestoreFailed } from './failed.js';
import { numbersAhead } from './numbers-ahead.js';
import type { Steps } from './steps.js';

/** Runs the arrival in the database of these URLs, with the application's services: they stand above. */
export type Arrive = (urls: DatabaseUrls, arriving: Arriving) => Promise<Arrived>;

export interface BringUp {
  backup: Backup;
  /** Of the restored database, which nobody else knows. */
  urls: DatabaseUrls;
  restoreId: string;
  drill: boolean;
  /** Of the database that is replaced: to know that it is the same system, and which numbers it has drawn. */
  live: { first: string | null; numbers: ReadonlyMap<string, number> } | null;
  otherSystem: boolean;
  steps: Steps;
  arrive: Arrive;
}

/** What was restored is compared, brought to this build's schema, and arrives. Nothing of it knows yet that it will be live. */
export async function bringUp({ backup, urls, restoreId, drill, live, otherSystem, steps, arrive }: BringUp): Promise<{ arrived: Arrived; migrations: string[]; notes: string[] }> {
  const { manifest } = backup;
  await steps.run('comparing', async () => {
    const found = await compareWithManifest(urls.ownerUrl, manifest, { signal: steps.signal });
    if (found.length > 0) throw new RestoreFailed('NOT_THE_SAME', `Restored, ${manifest.id} is not what was backed up: ${found.slice(0, 3).map(({ detail }) => detail).join('; ')}${found.length > 3 ? `, and ${found.length - 3} more` : ''}. Nothing was changed.`);
  });
  const first = await firstOf(urls.ownerUrl);
  if (live?.first != null && first !== null && first !== live.first && !otherSystem) {
    throw new RestoreFailed('OTHER_SYSTEM', `${manifest.id} is of another system: the first account of the live one is not its first. Say --other-system if that is meant. Nothing was changed.`);
  }
  const { applied, notes } = await steps.run('migrating', () => migrateUp(urls.ownerUrl, { writer: identityOf(urls.url).user, signal: steps.signal }));
  await steps.run('counting on', async () => {
    await withClient(urls.ownerUrl, (client) => client.query(`select ensure_months((app_clock() - interval '1 day')::date, (app_clock() + interval '1 month')::date)`));
    await numbersAhead(urls.ownerUrl, live?.numbers ?? null);
  });
  const arrived = await steps.run('halting', () => arrive(urls, { id: restoreId, backup: manifest.id, backupAt: manifest.snapshotAt, drill }));
  if (!arrived.effective) throw new RestoreFailed('RESTORE_FAILED', 'The restored database was halted, and that did not take effect within a minute. Nothing was changed.');
  return { arrived, migrations: applied, notes };
}

/** The first account names a system: none is ever deleted. Null where there is none yet: a new machine. */
export function firstOf(url: string): Promise<string | null> {
  return withClient(url, async (client) => {
    const { rows: [there] } = await client.query<{ there: boolean }>(`select to_regclass('public.accounts') is not null as there`);
    if (!there?.there) return null;
    const { rows: [first] } = await client.query<{ id: string }>(`select id from accounts order by seq limit 1`);
    return first?.id ?? null;
  });
}
