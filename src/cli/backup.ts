import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Backups } from '../backup/backups.service.js';
import { backupDir } from '../backup/place.js';
import { type ListedBackup, listBackups } from '../backup/read-backup.js';
import type { Env } from '../config/env.js';
import { isDatabaseAway } from '../database/sql-state.js';
import { databaseUrls } from '../database/urls.js';
import type { Say } from './database.js';
import { CommandError, databaseUnavailable, type Outcome } from './outcome.js';
import { withServices } from './services.js';

/** Makes one, or with `list` says which there are: that needs no database. */
export async function backup(env: Env, say: Say, { list, dir }: { list?: boolean; dir?: string }): Promise<Outcome> {
  const named = dir === undefined ? undefined : resolve(dir);
  if (list) return listOf(named ?? backupDir(env), named !== undefined || env.BACKUP_DIR !== undefined);
  const stop = new AbortController();
  const interrupted = () => stop.abort(new Error('it was interrupted'));
  // Not at once: what was begun is removed first, and the claim given back.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted);
  const urls = await databaseUrls(env, say);
  try {
    const onStep = process.stderr.isTTY ? say : () => undefined;
    const done = await withServices(env, urls, (app) => app.get(Backups, { strict: false }).run({ origin: 'command', dir: named, signal: stop.signal, onStep }));
    const { folder, manifest, bytes, seconds, removed, offsite, offsiteError } = done;
    const missing = manifest.missing ?? [];
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return {
      json: { folder, name: manifest.id, kind: manifest.kind, bytes, seconds, snapshotAt: manifest.snapshotAt, tables: manifest.tables.length, rows, verified: true, missing, removed, offsite, offsiteError },
      text: [
        `${folder}: ${megabytes(bytes)} MB, restored and compared: ${manifest.tables.length} tables with ${rows} rows are the same. It took ${seconds} s.`,
        ...missing.map((name) => `It lacks ${name}, an archive of decisions that is not in ARCHIVE_DIR as it was written: bring that file back.`),
        ...removed.map((name) => `Removed ${name}, which is older than ${env.BACKUP_RETENTION_DAYS} days.`),
        ...(offsite === 'copied' ? ['Copied by BACKUP_UPLOAD_COMMAND.'] : offsite === 'failed' ? [`It was not copied to another machine: ${offsiteError}`] : []),
      ].join('\n'),
      exitCode: offsite === 'failed' || missing.length > 0 ? 1 : 0,
    };
  } catch (error) {
    throw isDatabaseAway(error) ? databaseUnavailable(error, urls.url) : error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    await urls.release();
  }
}

/** @param isMeant it was named: then it is there, and without its disk nobody knows what it holds */
function listOf(dir: string, isMeant: boolean): Outcome {
  if (isMeant && !existsSync(dir)) throw new CommandError('NO_FOLDER', `There is no folder ${dir} for backups: make it, or mount its disk.`);
  const all = listBackups(dir);
  return {
    json: { dir, backups: all.map((each) => ({ name: each.id, folder: each.folder, createdAt: each.createdAt, kind: each.manifest?.kind ?? null, snapshotAt: each.manifest?.snapshotAt ?? null, bytes: each.bytes, verifiedAt: each.verified?.at ?? null, fault: each.fault })) },
    text: all.length === 0 ? `There are no backups in ${dir}.` : all.map(lineOf).join('\n'),
  };
}

const lineOf = ({ id, bytes, manifest, verified, fault }: ListedBackup): string => [id, manifest?.kind ?? '?', `${megabytes(bytes)} MB`.padStart(10), fault !== null ? `DAMAGED: ${fault}` : verified ? `proven ${verified.at}` : 'NOT PROVEN'].join('  ');

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
