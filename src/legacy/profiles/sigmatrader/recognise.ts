import { own } from '../../../common/own.js';
import type { Source, SourceTable } from '../../source/cell.js';

/** Any system has these: they tell nothing. */
const COMMON = new Set(['id', 'created_at', 'updated_at', 'user_id', 'name', 'description', 'symbol', 'status', 'enabled', 'version_num']);
/** Of its own columns so many must be known here, for revisions differ by a few. */
const KNOWN_LEAST = 0.6;
const TELLING_LEAST = 3;

/** By its columns, not by its name alone: each trading system has an `orders`. */
export function isOfTable(table: SourceTable, known: Readonly<Record<string, readonly string[]>>): boolean {
  const columns = own(known, table.base);
  if (columns === undefined) return false;
  const telling = columns.filter((name) => !COMMON.has(name));
  const found = telling.filter((name) => table.columns.includes(name)).length;
  const shared = table.columns.filter((name) => columns.includes(name)).length;
  return found > 0 && found >= Math.min(TELLING_LEAST, telling.length) && shared >= table.columns.length * KNOWN_LEAST;
}

const REVISION = /^\w{1,60}$/;

/** `alembic 0080` where its migrations made it; `create_all` where the application made the tables and no revision was written down. */
export function shapeOf(source: Source): string {
  const versions = source.tables.find(({ base }) => base === 'alembic_version');
  if (versions === undefined) return 'partial';
  for (const { cells } of versions.rows()) {
    const version = cells['version_num'];
    if (typeof version === 'string' && REVISION.test(version)) return `alembic ${version}`;
  }
  return 'create_all';
}
