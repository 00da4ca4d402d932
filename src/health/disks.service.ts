import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { diskRoom } from '../common/disk-room.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { isDatabaseAway, plainReason } from '../database/sql-state.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import type { GaugeOf } from './gauges.js';

export interface Disk {
  /** What lies there: `data` DATA_DIR, `backups` BACKUP_DIR, `database` the embedded one's. */
  folder: 'data' | 'backups' | 'database';
  path: string;
  freeBytes: number;
  totalBytes: number;
  /** Of what may be written at all: what is kept for root is not free. */
  freePercent: number;
  isLow: boolean;
  /** Folders on the same disk have the same. */
  device: number;
}

const LOOK_EVERY_MS = 60_000;
const KEPT_MS = 10_000;
/** A file server that hangs answers nothing: then it is not known. */
const ANSWER_MS = 400;

/** How much room is left where this instance writes; every instance looks at its own, and opens and ends the incident of its own. */
@Injectable()
export class Disks implements OnApplicationShutdown {
  private readonly log = new Logger('Disks');
  private timer: NodeJS.Timeout | undefined;
  private kept: Disk[] | null = null;
  private keptAt = -Infinity;
  private looking: Promise<Disk[]> | null = null;
  private running: Promise<void> = Promise.resolve();
  private said = '';
  /** There may be incidents of this machine that are not over: also of the process before this one. */
  private mayBeOpen = true;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly database: DatabaseService,
    private readonly incidents: Incidents,
  ) {
    database.onReady(async () => {
      this.timer ??= setInterval(() => void (this.running = this.watch()), LOOK_EVERY_MS).unref();
    });
  }

  /** Of the folders that are there. Null: not known, for none of them says so in time. */
  async get(): Promise<Disk[] | null> {
    if (this.kept && performance.now() - this.keptAt < KEPT_MS) return this.kept;
    this.looking ??= this.look().finally(() => (this.looking = null));
    const enough = new AbortController();
    const late = pause(ANSWER_MS, null, { signal: enough.signal, ref: false }).catch(() => null);
    return Promise.race([this.looking, late]).finally(() => enough.abort());
  }

  private async look(): Promise<Disk[]> {
    const folders = [['data', this.env.DATA_DIR], ['backups', this.env.BACKUP_DIR], ['database', this.database.folder]] as const;
    const found = await Promise.all(folders.map(async ([folder, path]) => (path === undefined ? null : diskOf(folder, path, this.env.DISK_FREE_MIN_PERCENT).catch(() => null))));
    this.kept = found.filter((disk) => disk !== null);
    this.keptAt = performance.now();
    return this.kept;
  }

  /** Opens an incident for each disk of this machine that is nearly full, and ends those that are not any more. Never fails. */
  async watch(): Promise<void> {
    const disks = await this.get();
    if (disks === null || !this.database.ready) return;
    const host = hostname();
    const distinct = disks.filter((disk, i) => disks.findIndex(({ device }) => device === disk.device) === i);
    const low = distinct.filter(({ isLow }) => isLow);
    if (low.length === 0 && !this.mayBeOpen) return;
    // A database that hangs is asked once, by the probe that all share.
    if (await this.database.isAway()) return;
    try {
      await inTransaction(this.dataSource, async (tx) => {
        await this.incidents.openAll(tx, null, low.map(({ folder, path, freeBytes, totalBytes, freePercent, device }) => ({
          kind: 'DISK_LOW' as const, severity: freePercent < this.env.DISK_FREE_MIN_PERCENT / 2 ? 'critical' as const : 'warning' as const, subjectId: `${host}:${folder}`, agentId: null,
          summary: `${freePercent} % of the disk of ${path} on ${host} is free (${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} GB).`,
          data: { host, path, freeBytes, totalBytes, freePercent, folders: disks.filter((each) => each.device === device).map(({ folder: name }) => name) },
        })));
        const over = (['data', 'backups', 'database'] as const).filter((folder) => !low.some((disk) => disk.folder === folder));
        await this.incidents.resolve(tx, null, 'DISK_LOW', over.map((folder) => `${host}:${folder}`), 'there is room again');
      });
      this.said = '';
      this.mayBeOpen = low.length > 0;
    } catch (error) {
      // Every minute until it can: said once.
      const reason = isDatabaseAway(error) ? plainReason(error) : (error as Error).message;
      if (reason !== this.said) this.log.warn(`the room on the disks was not told: ${reason}`);
      this.said = reason;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await Promise.race([this.running, pause(1_000, undefined, { ref: false })]);
  }
}

async function diskOf(folder: Disk['folder'], path: string, minPercent: number): Promise<Disk> {
  const [room, { dev }] = await Promise.all([diskRoom(path), stat(path)]);
  return { folder, path, ...room, isLow: room.freePercent < minPercent, device: dev };
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

export function describeDisks(gauge: GaugeOf, disks: readonly Disk[]): void {
  const free = gauge('tradewarden_disk_free_bytes', 'What may still be written where this instance keeps its files: data (DATA_DIR), backups, database (the embedded one); folders that are not there are absent.', ['folder']);
  const size = gauge('tradewarden_disk_size_bytes', 'How large those disks are.', ['folder']);
  const percent = gauge('tradewarden_disk_free_percent', 'How much of what may be written is free, as DISK_FREE_MIN_PERCENT counts it.', ['folder']);
  for (const { folder, freeBytes, totalBytes, freePercent } of disks) {
    free.set({ folder }, freeBytes);
    size.set({ folder }, totalBytes);
    percent.set({ folder }, freePercent);
  }
}
