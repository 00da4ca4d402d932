import { withClient } from '../database/client.js';
import { type Marked, marked } from './database-marks.js';
import { connectionsTo, dropDatabase, inWords } from './database-server.js';
import { RestoreFailed } from './failed.js';

/** Databases that were live before a restore, newest first. */
export const keptDatabases = async (adminUrl: string, live: string): Promise<Marked[]> => (await marked(adminUrl)).filter((each) => each.tradewarden === 'before' && each.of === live && each.name !== live);

/** For good. Only what a restore has put aside, and nobody is in. @throws {RestoreFailed} NOT_KEPT, IN_USE */
export async function dropKept(adminUrl: string, live: string, name: string): Promise<void> {
  const kept = (await keptDatabases(adminUrl, live)).find((each) => each.name === name);
  if (!kept) throw new RestoreFailed('NOT_KEPT', `${name} is no database that a restore of ${live} has put aside: "tradewarden restore:old" lists them.`);
  const others = await withClient(adminUrl, (client) => connectionsTo(client, name));
  if (others.length > 0) throw new RestoreFailed('IN_USE', `The database ${name} is in use by ${inWords(others)}.`);
  await dropDatabase(adminUrl, name);
}
