import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { MirrorPlace } from '../../config/mirror-place.js';
import { FolderStore, isOurFolder, MARK } from '../shapes/folder-store.js';
import type { OldStore } from '../shapes/old-store.js';
import type { Shape } from '../shapes/shape.js';
import { isOurSqlite, SqliteStore } from '../shapes/sqlite-store.js';

/** Left by a process that was killed between writing a file and giving it its name. */
const UNNAMED = /\.\d+\.tmp$/;

/** There is nothing to look at. */
export class NoMirror extends Error {}

/**
 * @param writes false: it is only read, also while a mirror writes there
 * @throws when something stands there that was not written here: it may be the old system's own.
 */
export function openPlace(place: MirrorPlace, shape: Shape, writes = true): OldStore {
  if (place.medium !== shape.medium) throw new Error(`${place.text}: the files of ${shape.system} are ${shape.medium === 'sqlite' ? 'one SQLite file: say sqlite:' : 'a folder: say csv:'}`);
  if (!writes && !isThere(place)) throw new NoMirror(`Nothing was written to ${place.path} yet: "tradewarden mirror" does.`);
  const store = place.medium === 'sqlite' ? openSqlite(place) : openFolder(place, writes);
  const other = store.state('shape');
  if (other !== null && other !== shape.system) {
    store.close();
    throw new Error(`${place.path} is a mirror of ${other}: it is left alone. Name a place that is empty for ${shape.system}`);
  }
  if (!writes) return store;
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

const isThere = ({ medium, path }: MirrorPlace): boolean => (medium === 'sqlite' ? existsSync(path) && statSync(path).size > 0 : isOurFolder(path) || (existsSync(path) && readdirSync(path).length > 0));

function openFolder({ path, ownFolder }: MirrorPlace, writes: boolean): OldStore {
  mkdirSync(path, { recursive: true });
  const names = readdirSync(path).filter((name) => name !== basename(ownFolder) && !(name.startsWith(MARK) && UNNAMED.test(name)));
  if (names.length > 0 && !isOurFolder(path)) throw notOurs(path);
  if (writes) for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) if (UNNAMED.test(name)) rmSync(join(path, name), { force: true });
  return new FolderStore(path);
}

const notOurs = (path: string) => new Error(`${path} was not written by a mirror or an export: it is left alone. Name a place that is empty`);
