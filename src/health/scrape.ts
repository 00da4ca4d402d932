import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { type BackupFigures, backupFigures } from '../backup/backup-figures.js';
import { COUNTED_TO, type QueueFigures, queueFigures } from '../commands/queue-figures.js';
import { Metrics } from '../common/metrics.js';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';
import { Schedules } from '../database/schedules.js';
import { type MigrationStatus, migrationStatus } from '../database/migrate.js';
import type { PoolStats } from '../database/pool.js';
import { Replica } from '../database/replica/replica.service.js';
import { ReportReading } from '../database/replica/report-reading.js';
import { type DrillFigures, drillFigures } from '../restore/drill-figures.js';
import { type NotificationFigures, notificationFigures } from '../notifications/notification-figures.js';
import { ALERTS_COUNTED_TO, type InboxFigures, inboxFigures } from '../webhooks/inbox/inbox-figures.js';
import { type DatabaseFigures, databaseFigures, describeDatabaseFigures } from './database-figures.js';
import { describeDisks, Disks } from './disks.service.js';
import { countsOf, gaugesOf } from './gauges.js';
import { type RetentionFigures, retentionFigures } from '../retention/retention-figures.js';
import { type MirrorFigures, mirrorFigures } from './mirror-figures.js';
import { describeMonitor } from '../system-monitor/monitor-metrics.js';
import { SystemMonitor } from '../system-monitor/system-monitor.service.js';
import { APP_VERSION } from '../common/version.js';
import { describeSizes, SizesShown } from './sizes.service.js';
import { describeTrading, type TradingFigures, tradingFigures } from './trading-figures.js';
import { describeReplica } from './replica-figures.js';

/** What could be read in time. What could not is absent: a 0 in its place would look like an empty queue. */
interface Seen {
  up: boolean;
  migrations?: MigrationStatus;
  queue?: QueueFigures;
  inbox?: InboxFigures;
  notifications?: NotificationFigures[];
  mirrors?: MirrorFigures[];
  trading?: TradingFigures;
  server?: DatabaseFigures;
  backups?: BackupFigures;
  drills?: DrillFigures;
  retention?: RetentionFigures;
}

const OF_DATABASE = 'of the database, the same on every instance: take max(), not sum()';

/** The text of a scrape: what this instance has counted, its pool, and what the database says within a second. */
@Injectable()
export class Scrape {
  private making: Promise<string> | null = null;

  constructor(
    private readonly metrics: Metrics,
    private readonly database: DatabaseService,
    private readonly monitor: SystemMonitor,
    private readonly schedules: Schedules,
    private readonly sizes: SizesShown,
    private readonly disks: Disks,
    private readonly replica: Replica,
    private readonly reading: ReportReading,
  ) {}

  /** Scrapes that arrive together get the same text, so that a flood of them opens one connection. */
  text(): Promise<string> {
    this.making ??= this.make().finally(() => (this.making = null));
    return this.making;
  }

  private async make(): Promise<string> {
    const [seen, disks] = await Promise.all([lookAt(this.database.url, this.schedules.known), this.disks.get()]);
    // Not beside it: a database that hangs would be asked twice.
    const sizes = seen.up ? this.sizes.lately() : null;
    // Made anew for each scrape: nothing of an earlier one can stay in it.
    const now = new Registry();
    describePool(now, this.database.pool());
    describeDatabase(now, seen);
    describeMonitor(now, this.monitor.seen);
    if (sizes) describeSizes(gaugesOf(now), sizes);
    if (disks) describeDisks(gaugesOf(now), disks);
    if (this.replica.isConfigured) describeReplica([now], this.replica.state().lagSeconds, this.reading.counts().fallbacks);
    return `${await now.metrics()}\n${await this.metrics.registry.metrics()}`;
  }
}

async function lookAt(url: string | undefined, schedules: Schedules['known']): Promise<Seen> {
  const seen: Seen = { up: false };
  if (url === undefined) return seen;
  try {
    await askAside(url, 'tradewarden-metrics', async (client) => {
      seen.migrations = await migrationStatus(async (text) => (await client.query(text)).rows);
      seen.up = true;
      seen.queue = await queueFigures((text) => client.query(text));
      seen.inbox = await inboxFigures((text) => client.query(text));
      seen.notifications = await notificationFigures((text) => client.query(text));
      seen.mirrors = await mirrorFigures((text) => client.query(text));
      seen.trading = await tradingFigures((text) => client.query(text), schedules, process.uptime());
      seen.server = await databaseFigures((text) => client.query(text));
      seen.backups = await backupFigures((text) => client.query(text));
      seen.drills = await drillFigures((text) => client.query(text));
      seen.retention = await retentionFigures((text) => client.query(text));
    });
  } catch {
    // Away, late, or without the tables: what was read until then is true.
  }
  return { ...seen };
}

function describePool(registry: Registry, stats: PoolStats): void {
  const { type } = stats;
  const registers = [registry];
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `tradewarden_db_pool_${name}`, help, labelNames: ['type'], registers }).set({ type }, value);
  gauge('size', 'DB_POOL_SIZE of this instance: the connections that a pool of type pooled keeps.', stats.size);
  gauge('max', 'Connections that the pool of this instance may have at most.', stats.max);
  gauge('waiting', 'Requests of this instance that wait for a connection now.', stats.waiting);
  const connections = new Gauge({
    name: 'tradewarden_db_pool_connections', help: 'Connections of this instance by state (idle, active); their sum is what the pool has.', labelNames: ['type', 'state'], registers,
  });
  connections.set({ type, state: 'idle' }, stats.idle);
  connections.set({ type, state: 'active' }, stats.active);
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name: `tradewarden_db_pool_${name}_total`, help, labelNames: ['type'], registers }).inc({ type }, value);
  counter('acquired', 'Times that a connection was given out.', stats.acquiredTotal);
  counter('timeouts', 'Times that none could be had within DB_POOL_TIMEOUT.', stats.timeoutsTotal);
}

function describeDatabase(registry: Registry, { up, migrations, queue, inbox, notifications, mirrors, trading, server, backups, drills, retention }: Seen): void {
  const registers = [registry];
  new Gauge({ name: 'tradewarden_build_info', help: 'Always 1; the version that runs.', labelNames: ['version', 'node'], registers }).set({ version: APP_VERSION, node: process.version }, 1);
  new Gauge({ name: 'tradewarden_database_up', help: 'Whether the database answered this instance within 0.9 s.', registers }).set(up ? 1 : 0);
  if (migrations) describeSchema(registers, migrations);
  if (queue) describeQueue(registers, queue);
  if (inbox) describeInbox(registers, inbox);
  if (notifications) describeNotifications(registers, notifications);
  if (mirrors) describeMirrors(registers, mirrors);
  if (trading) describeTrading(gaugesOf(registry), trading);
  if (server) describeDatabaseFigures(gaugesOf(registry), countsOf(registry), server);
  if (backups) describeBackups(registers, backups);
  if (drills && drills.lastGoodAt !== null) new Gauge({ name: 'tradewarden_restore_drill_last_success_timestamp_seconds', help: `When a backup was last restored for the proof that it can be, absent while none was; ${OF_DATABASE}.`, registers }).set(drills.lastGoodAt);
  if (retention) describeRetention(registers, retention);
}

function describeSchema(registers: Registry[], { applied, pending }: MigrationStatus): void {
  const version = applied.at(-1);
  if (version !== undefined) new Gauge({ name: 'tradewarden_schema_info', help: 'Always 1; the newest migration that the database has.', labelNames: ['version'], registers }).set({ version }, 1);
  new Gauge({ name: 'tradewarden_schema_pending_migrations', help: 'Migrations that this version has and the database has not.', registers }).set(pending.length);
}

function describeQueue(registers: Registry[], { byStatus, due, oldestDueSeconds }: QueueFigures): void {
  const counted = `counted to ${COUNTED_TO}, which means that many or more; ${OF_DATABASE}`;
  const commands = new Gauge({ name: 'tradewarden_queue_commands', help: `Commands by status, ${counted}.`, labelNames: ['status'], registers });
  for (const [status, count] of Object.entries(byStatus)) commands.set({ status }, count);
  new Gauge({ name: 'tradewarden_queue_due_commands', help: `Commands that an agent could take now, ${counted}.`, registers }).set(due);
  new Gauge({ name: 'tradewarden_queue_oldest_due_seconds', help: `How long the longest of those has waited, 0 when there is none; ${OF_DATABASE}.`, registers }).set(oldestDueSeconds);
}

function describeInbox(registers: Registry[], { waiting, oldestSeconds }: InboxFigures): void {
  new Gauge({ name: 'tradewarden_inbox_alerts', help: `Alerts that were accepted and not carried out yet, counted to ${ALERTS_COUNTED_TO}, which means that many or more; ${OF_DATABASE}.`, registers }).set(waiting);
  new Gauge({ name: 'tradewarden_inbox_oldest_seconds', help: `How long the longest of those has waited, 0 when there is none; ${OF_DATABASE}.`, registers }).set(oldestSeconds);
}

function describeNotifications(registers: Registry[], channels: NotificationFigures[]): void {
  const waiting = new Gauge({ name: 'tradewarden_notifications_waiting', help: `Incidents that people are still to be told of, by channel that is switched on; ${OF_DATABASE}.`, labelNames: ['channel'], registers });
  const failing = new Gauge({ name: 'tradewarden_notifications_failing_seconds', help: `Since when a channel does not reach everybody, 0 when it does; ${OF_DATABASE}.`, labelNames: ['channel'], registers });
  for (const { channel, waiting: count, failingSeconds } of channels) {
    waiting.set({ channel }, count);
    failing.set({ channel }, failingSeconds);
  }
}

function describeMirrors(registers: Registry[], mirrors: MirrorFigures[]): void {
  const labelNames = ['mirror', 'shape'];
  const lag = new Gauge({ name: 'tradewarden_mirror_lag_seconds', help: `Since when a mirror may lack something, absent while it was never whole; ${OF_DATABASE}.`, labelNames, registers });
  const events = new Gauge({ name: 'tradewarden_mirror_lag_events', help: `Numbers of the event log that a mirror has not looked at; ${OF_DATABASE}.`, labelNames, registers });
  const failing = new Gauge({ name: 'tradewarden_mirror_failing', help: `1 while a mirror says that it cannot write; ${OF_DATABASE}.`, labelNames, registers });
  for (const { id: mirror, shape, behindSeconds, behindEvents, error } of mirrors) {
    if (behindSeconds !== null) lag.set({ mirror, shape }, behindSeconds);
    events.set({ mirror, shape }, behindEvents);
    failing.set({ mirror, shape }, error === null ? 0 : 1);
  }
}

/** What never was is absent: a 0 would be a backup of 1970. */
function describeBackups(registers: Registry[], { verifiedAt, offsiteAt, seconds, bytes, failures }: BackupFigures): void {
  const gauge = (name: string, help: string, value: number | null) => value !== null && new Gauge({ name: `tradewarden_backup_last_${name}`, help: `${help}, absent while there was none; ${OF_DATABASE}.`, registers }).set(value);
  gauge('verified_timestamp_seconds', 'Up to when the last backup reaches that was proven by restoring it', verifiedAt);
  gauge('offsite_timestamp_seconds', 'Up to when the last backup reaches that was copied to another machine', offsiteAt);
  gauge('duration_seconds', 'How long the last proven backup took, with its proof', seconds);
  gauge('size_bytes', 'Size of the last proven backup', bytes);
  new Counter({ name: 'tradewarden_backup_failures_total', help: `Backups that failed; ${OF_DATABASE}.`, registers }).inc(failures);
}

function describeRetention(registers: Registry[], { lastSuccessAt, removed }: RetentionFigures): void {
  if (lastSuccessAt !== null) new Gauge({ name: 'tradewarden_retention_last_success_timestamp_seconds', help: `When a run of retention last ended well, absent while none has; ${OF_DATABASE}.`, registers }).set(Date.parse(lastSuccessAt) / 1_000);
  const rows = new Counter({ name: 'tradewarden_retention_rows_removed_total', help: `Rows that retention has removed or archived; ${OF_DATABASE}.`, labelNames: ['table'], registers });
  for (const { table, rows: count } of removed) rows.inc({ table }, count);
}
