import { Inject, Injectable } from '@nestjs/common';
import { BackupsShown } from '../backup/backups-shown.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { Listener } from '../database/listener.js';
import { Replica } from '../database/replica/replica.service.js';
import { ReportReading } from '../database/replica/report-reading.js';
import { Schedules } from '../database/schedules.js';
import { Disks } from '../health/disks.service.js';
import { MirrorsShown } from '../health/mirrors-shown.js';
import { APP_VERSION } from '../common/version.js';
import { SizesShown } from '../health/sizes.service.js';
import { DrillsShown } from '../restore/drills-shown.js';
import { RetentionShown } from '../retention/retention-shown.js';
import { Streams } from '../live/streams.js';
import { shownOf } from '../system-monitor/system-monitor.schemas.js';
import { SystemMonitor } from '../system-monitor/system-monitor.service.js';
import { PoolHistory } from './pool-history.js';
import { replicaShown } from './replica-shown.js';
import { type ScheduleRow, SystemRepository } from './system.repository.js';
import { SAMPLE_SECONDS, type System } from './system.schemas.js';

/** A schedule that has never run by now has nobody who runs it. */
const FIRST_RUN_SECONDS = 120;

/** This instance and what it sees of the database. Nothing of it is believed from before: what cannot be read now is null. */
@Injectable()
export class SystemService {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly database: DatabaseService,
    private readonly repository: SystemRepository,
    private readonly history: PoolHistory,
    private readonly streams: Streams,
    private readonly listener: Listener,
    private readonly recurring: Schedules,
    private readonly mirrors: MirrorsShown,
    private readonly monitor: SystemMonitor,
    private readonly sizes: SizesShown,
    private readonly disks: Disks,
    private readonly replica: Replica,
    private readonly reading: ReportReading,
    private readonly backups: BackupsShown,
    private readonly drills: DrillsShown,
    private readonly retention: RetentionShown,
  ) {}

  async get(): Promise<System> {
    // In the order in which they are asked over one connection: those that may take long are last.
    const [report, disks, schedules, mirrors, backup, restoreDrill, retention, statements, sizes] = await Promise.all([
      this.database.look(), this.disks.get(), this.repository.schedules(), this.mirrors.get(), this.backups.get(), this.drills.get(), this.retention.get(), this.repository.statements(), this.sizes.get(),
    ]);
    const uptimeSeconds = Math.floor(process.uptime());
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { available, error, latency_ms: latencyMs, connections, migrations } = report;
    return {
      at: new Date().toISOString(),
      instance: {
        startedAt: new Date(Date.now() - process.uptime() * 1_000).toISOString(), uptimeSeconds, version: APP_VERSION, node: process.version,
        memory: { rssBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal, externalBytes: external },
      },
      database: { available, error, latencyMs, roles: this.database.roles, connections, bytes: sizes?.bytes ?? null, tables: sizes?.tables ?? null, sizesAsOf: sizes?.asOf ?? null },
      schema: migrations && { version: migrations.applied.at(-1) ?? null, applied: migrations.applied.length, pending: migrations.pending },
      pool: this.database.pool(),
      samples: { everySeconds: SAMPLE_SECONDS, items: [...this.history.samples] },
      events: { streams: this.streams.count, behindSeconds: this.streams.behindSeconds, listen: this.env.DB_LISTEN ? (this.listener.connected ? 'on' : 'lost') : 'off' },
      schedules: schedules && this.shown(schedules, uptimeSeconds),
      monitor: shownOf(this.monitor.seen),
      mirrors,
      disk: disks && { minPercent: this.env.DISK_FREE_MIN_PERCENT, folders: disks.map(({ device: _device, ...disk }) => disk) },
      statements,
      replica: replicaShown(this.replica, this.reading, this.env.REPLICA_LAG_MAX_SECONDS),
      backup,
      restoreDrill,
      retention,
    };
  }

  /** With those of this version that have never run. */
  private shown(rows: readonly ScheduleRow[], uptimeSeconds: number): NonNullable<System['schedules']> {
    const known = new Map(this.recurring.known.map((schedule) => [schedule.name, schedule]));
    const never = [...known].filter(([name]) => !rows.some((row) => row.name === name))
      .map(([name, { everySeconds }]) => ({ name, everySeconds, lastRunAt: null, nextRunAt: null, isRunning: false, isLate: uptimeSeconds > FIRST_RUN_SECONDS, lastError: null }));
    // What this version does not run, another one may; it is late for nobody.
    return [...rows.map((row) => ({
      name: row.name, everySeconds: known.get(row.name)?.everySeconds ?? null, lastRunAt: row.last_run_at, nextRunAt: row.next_run_at, isRunning: row.is_running, isLate: row.overdue_seconds > (known.get(row.name)?.lateSeconds ?? Infinity), lastError: row.last_error,
    })), ...never].sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}
