import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MirrorPlace } from '../../config/mirror-place.js';
import { FolderStore, isOurFolder } from '../shapes/folder-store.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Shape } from '../shapes/shape.js';
import { isOurSqlite, SqliteStore } from '../shapes/sqlite-store.js';

/** Left by a process that was killed between writing a file and giving it its name. */
const UNNAMED = /\.\d+\.tmp$/;

/** @throws when something stands there that was not written here: it may be the old system's own. */
export function openPlace(place: MirrorPlace, shape: Shape): OldStore {
  if (place.medium !== shape.medium) throw new Error(`${place.text}: the files of ${shape.system} are ${shape.medium === 'sqlite' ? 'one SQLite file: say sqlite:' : 'a folder: say csv:'}`);
  const store = place.medium === 'sqlite' ? openSqlite(place) : openFolder(place);
  try {
    // Marked as ours before the first row: after a kill it is known again.
    store.putState('shape', shape.system);
    store.commit();
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

function openSqlite({ path }: MirrorPlace): OldStore {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) && statSync(path).size > 0 && !isOurSqlite(path)) throw notOurs(path);
  return new SqliteStore(path, false);
}

function openFolder({ path, ownFolder }: MirrorPlace): OldStore {
  mkdirSync(path, { recursive: true });
  const names = readdirSync(path).filter((name) => name !== basename(ownFolder));
  if (names.length > 0 && !isOurFolder(path)) throw notOurs(path);
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) if (UNNAMED.test(name)) rmSync(join(path, name), { force: true });
  return new FolderStore(path);
}

const notOurs = (path: string) => new Error(`${path} was not written by a mirror or an export: it is left alone. Name a place that is empty`);
