import { copyFileSync, existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cli } from './cli.js';
import type { Fresh } from './fresh-database.js';

/** Data of the old systems lies beside the project, not in it. */
export const LEGACY = join(process.cwd(), '..', 'shared', 'data', 'legacy');
export const isThere = existsSync(LEGACY);

export interface Table {
  name: string;
  read: number;
  imported: number;
  unchanged: number;
  archived: number;
  rejected: number;
}

export interface Report {
  runId: string;
  status: string;
  source: { system: string; shape: string };
  tables: Table[];
  rejects: { table: string; oldId: string; code: string }[];
  notes: Record<string, number>;
  secrets: { table: string; column: string; count: number }[];
  secretsLeft: number;
  proof: { ok: boolean } | null;
  error?: { code: string; message: string } | null;
}

/** A copy, for a report of rejects is written beside the file. */
export function copyOf(path: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'tradewarden-import-')), basename(path));
  copyFileSync(path, copy);
  return copy;
}

export async function importOf(database: Fresh, path: string, ...flags: string[]): Promise<{ code: number | null; report: Report }> {
  const run = await cli<Report>(['import', path, '--json', ...flags], { DATABASE_URL: database.url, DATABASE_OWNER_URL: database.ownerUrl });
  return { code: run.code, report: run.json };
}

/** Read, imported, unchanged, archived, rejected, by table. */
export const sums = ({ tables }: Report): Record<string, number[]> =>
  Object.fromEntries(tables.map(({ name, read, imported, unchanged, archived, rejected }) => [name, [read, imported, unchanged, archived, rejected]]));

export const addsUp = ({ tables }: Report): boolean => tables.every(({ read, imported, unchanged, archived, rejected }) => read === imported + unchanged + archived + rejected);
