import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { APP_VERSION } from '../common/version.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { lockFileNow } from '../config/file-lock.js';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { BackupIncidents } from './backup-incidents.js';
import { BackupsRepository, LEASE_SECONDS } from './backups.repository.js';
import { dropUnproven, keepBackups } from './keep-backups.js';
import { type Manifest, PARTIAL_NAME, VERIFIED } from './manifest.js';
import { backupDir, openBackupDir, type Plan, planBackup } from './place.js';
import { dropLeftovers, proveBackup, removeScratchFolders } from './prove-backup.js';
import { redacted } from './redacted.js';
import { upload, UploadFailed } from './upload.js';
import { writeBackup } from './write-backup.js';

export interface BackupAsk {
  origin: 'schedule' | 'command';
  /** Instead of BACKUP_DIR. */
  dir?: string | undefined;
  signal?: AbortSignal | undefined;
  onStep?: (line: string) => void;
}

export interface BackupDone {
  folder: string;
  manifest: Manifest;
  bytes: number;
  seconds: number;
  /** What BACKUP_RETENTION_DAYS took away. */
  removed: string[];
  /** Null: nothing is copied elsewhere by BACKUP_UPLOAD_COMMAND. */
  offsite: 'copied' | 'failed' | null;
  offsiteError: string | null;
}

/** One runs already, here or on another instance. */
export class BackupRuns extends Error {}

/** It was told to end, with its server or its command. */
export class Interrupted extends Error {
  constructor() {
    super('it was interrupted');
  }
}

/** A dump that takes longer hangs. */
const RUN_MS = 24 * 3_600_000;
const LOCK = '.tradewarden-backups.lock';
/** Of what is copied elsewhere: that takes hours, in which a backup may be made. */
const COPY_LOCK = '.tradewarden-copies.lock';
/** What failed does not wait for tomorrow, and does not fill a night either. */
export const AGAIN_AFTER_SECONDS = 3_600;

/**
 * One backup from its claim to its proof. Only one runs for a database, whichever instance or command runs it: the claim
 * is a row with a lease, no session of the database, so that a pooler between them does no harm, and lapses with its holder.
 */
@Injectable()
export class Backups {
  private readonly log = new Logger('Backups');

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly backups: BackupsRepository,
    private readonly events: Events,
    private readonly incidents: BackupIncidents,
  ) {}

  /** @throws {BackupRuns} {Interrupted} and an Error of one line, without passwords, for everything else; the run is recorded as failed */
  async run(ask: BackupAsk): Promise<BackupDone> {
    const started = performance.now();
    const id = await this.claim(ask);
    const run = new AbortController();
    const signal = AbortSignal.any([run.signal, AbortSignal.timeout(RUN_MS), ...(ask.signal ? [ask.signal] : [])]);
    const renewing = this.keepClaim(id, run);
    let done: { folder: string; manifest: Manifest; bytes: number; dir: string };
    try {
      done = await this.makeAndProve(id, ask, signal);
    } catch (error) {
      clearInterval(renewing);
      throw await this.failed(id, ask, error);
    }
    clearInterval(renewing);
    const seconds = Math.round(performance.now() - started) / 1_000;
    await this.verified(id, done, seconds);
    const removed = await this.keep(done.dir);
    return { folder: done.folder, manifest: done.manifest, bytes: done.bytes, seconds, removed, ...(await this.copyElsewhere(id, done.folder, ask.signal)) };
  }

  private claim({ origin, dir }: BackupAsk): Promise<string> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.incidents.endLapsed(tx);
      const id = await this.backups.claim(tx, origin, dir === undefined ? backupDir(this.env) : resolve(dir));
      if (id === null) {
        const running = await this.backups.running(tx);
        throw new BackupRuns(`another backup runs${running ? ` since ${running.started_at}` : ''}: there is one at a time; one that was killed blocks for ${LEASE_SECONDS} s at most`);
      }
      await this.events.append(tx, null, [{ type: 'backup.started', subjectId: id, data: { origin } }]);
      return id;
    });
  }

  /** Without its claim it must end: somebody else may have begun. */
  private keepClaim(id: string, run: AbortController): NodeJS.Timeout {
    let renewedAt = performance.now();
    return setInterval(() => {
      this.backups.renew(id).then((still) => {
        if (still) renewedAt = performance.now();
        else run.abort(new Error('its claim lapsed'));
      }, () => {
        if (performance.now() - renewedAt > LEASE_SECONDS * 1_000) run.abort(new Error('the database did not answer any more'));
      });
    }, (LEASE_SECONDS / 3) * 1_000).unref();
  }

  private async makeAndProve(id: string, { dir: named, onStep }: BackupAsk, signal: AbortSignal) {
    const dir = openBackupDir(this.env, named);
    const lock = lockFileNow(join(dir, LOCK));
    if (!lock) throw new Error(`another process backs up into ${dir}`);
    try {
      // Nobody else writes here: these are of runs that were killed.
      for (const name of readdirSync(dir)) if (PARTIAL_NAME.test(name)) rmSync(join(dir, name), { recursive: true, force: true });
      const { ownerUrl } = this.database;
      if (ownerUrl === undefined) throw new Error('the database has not been looked for yet');
      const plan = await planBackup(this.env, ownerUrl);
      await this.clearScratch(plan);
      await this.told(dropUnproven(dir, await this.backups.unproven()));
      const { folder, manifest } = await writeBackup({ dir, source: plan.source, appVersion: APP_VERSION, archiveDir: this.env.ARCHIVE_DIR, signal, onStep });
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      await inTransaction(this.dataSource, (tx) => this.backups.written(tx, id, { kind: manifest.kind, name: manifest.id, bytes, snapshotAt: manifest.snapshotAt }));
      await proveBackup(folder, plan.scratch, { signal, onStep });
      return { folder, manifest, bytes, dir };
    } finally {
      lock.release();
    }
  }

  private async clearScratch({ scratch }: Plan): Promise<void> {
    if (scratch.kind === 'base') removeScratchFolders(scratch.cluster);
    else for (const name of await dropLeftovers(scratch.adminUrl)) this.log.warn(`dropped ${name}, which a backup that was killed left`);
  }

  private async failed(id: string, ask: BackupAsk, error: unknown): Promise<Error> {
    const isInterrupted = ask.signal?.aborted === true;
    const message = redacted((error as Error).message, this.env);
    const told = isInterrupted ? new Interrupted() : new Error(message, { cause: error });
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.backups.finish(tx, id, isInterrupted ? 'interrupted' : 'failed', told.message))) return;
      await this.events.append(tx, null, [{ type: 'backup.failed', subjectId: id, data: { error: told.message, interrupted: isInterrupted } }]);
      await this.incidents.judge(tx);
    }).catch((unsaid: Error) => this.log.warn(`that the backup failed could not be stored: ${unsaid.message}`));
    return told;
  }

  private verified(id: string, { manifest, bytes }: { manifest: Manifest; bytes: number }, seconds: number): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      if (!(await this.backups.finish(tx, id, 'verified', null))) throw new Error('its claim lapsed before it was proven');
      await this.events.append(tx, null, [{ type: 'backup.finished', subjectId: id, data: { name: manifest.id, kind: manifest.kind, bytes, seconds, snapshotAt: manifest.snapshotAt } }]);
      await this.incidents.judge(tx);
    });
  }

  /** A backup is good whether or not old ones can be removed; that the disk fills is told by who watches the disk. */
  private async keep(dir: string): Promise<string[]> {
    try {
      const removed = keepBackups(dir, await this.backups.clock(), this.env.BACKUP_RETENTION_DAYS);
      await this.told(removed);
      return removed;
    } catch (error) {
      this.log.warn(`old backups could not be removed: ${(error as Error).message}`);
      return [];
    }
  }

  private async told(removed: readonly string[]): Promise<void> {
    if (removed.length === 0) return;
    await inTransaction(this.dataSource, async (tx) => {
      await this.backups.removed(tx, removed);
      await this.events.append(tx, null, removed.map((name) => ({ type: 'backup.removed', data: { name } })));
    });
  }

  /** The newest one, where its copy failed or did not end an hour ago; only on a machine that has it. Its name; null: there is nothing to do. */
  async copyAgain(signal?: AbortSignal): Promise<{ name: string; error: string | null } | null> {
    const { BACKUP_UPLOAD_COMMAND: command } = this.env;
    const newest = command === undefined ? null : await this.backups.uncopied(AGAIN_AFTER_SECONDS);
    if (command === undefined || !newest || !existsSync(join(newest.folder, newest.name, VERIFIED))) return null;
    const lock = lockFileNow(join(newest.folder, COPY_LOCK));
    // Another is at it since.
    if (!lock) return null;
    try {
      return { name: newest.name, error: await this.copy(newest.id, command, join(newest.folder, newest.name), signal) };
    } finally {
      lock.release();
    }
  }

  private async copyElsewhere(id: string, folder: string, signal: AbortSignal | undefined): Promise<Pick<BackupDone, 'offsite' | 'offsiteError'>> {
    const command = this.env.BACKUP_UPLOAD_COMMAND;
    if (command === undefined) return { offsite: null, offsiteError: null };
    const lock = lockFileNow(join(dirname(folder), COPY_LOCK));
    try {
      const offsiteError = lock ? await this.copy(id, command, folder, signal) : await this.copied(id, 'another backup is being copied at this moment');
      return { offsite: offsiteError === null ? 'copied' : 'failed', offsiteError };
    } finally {
      lock?.release();
    }
  }

  private async copy(id: string, command: string, folder: string, signal = new AbortController().signal): Promise<string | null> {
    return this.copied(id, await upload(command, folder, signal).then(
      () => null, (error: Error) => redacted(signal.aborted ? 'it was interrupted' : error.message, this.env, error instanceof UploadFailed ? error.secrets : []),
    ));
  }

  private async copied(id: string, error: string | null): Promise<string | null> {
    await inTransaction(this.dataSource, async (tx) => {
      await this.backups.copied(tx, id, error);
      await this.events.append(tx, null, [error === null ? { type: 'backup.copied', subjectId: id } : { type: 'backup.copy_failed', subjectId: id, data: { error } }]);
      await this.incidents.judge(tx);
    });
    return error;
  }
}
