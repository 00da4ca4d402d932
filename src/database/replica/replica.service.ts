import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { DatabaseService } from '../database.service.js';
import { dataSourceOptions } from '../options.js';
import { plainReason } from '../sql-state.js';
import { LagSamples, lsnOf, type Sample } from './lag.js';

/** Why a report is read from the primary. */
export const FALLBACK_REASONS = ['unknown', 'away', 'behind', 'failed'] as const;
export type FallbackReason = (typeof FALLBACK_REASONS)[number];

export interface ReplicaState {
  /** Null: it may be read from. */
  reason: Exclude<FallbackReason, 'failed'> | null;
  /** Null: not known. */
  lagSeconds: number | null;
  /** What it shows is at least of this moment, by the primary's clock. */
  asOf: string | null;
  /** For how long nothing could be read from it; null while it can. */
  unusableSeconds: number | null;
}

const LOOK_EVERY_MS = 1_000;
const LOOK_WITHIN_MS = 900;
/** Nobody has looked for so long: what was seen then is no longer known. */
const LOOK_KEPT_MS = 4_000;
const CONNECTIONS = 4;

const PRIMARY = `select pg_current_wal_insert_lsn()::text as lsn, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) as timeline, app_clock() as as_of, (select system_identifier::text from pg_control_system()) as system`;
/** A server that was promoted goes its own way: it is no replica any more. Which history it is sent is told to members of pg_read_all_stats. */
const REPLICA = `select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end as lsn, (select received_tli from pg_stat_wal_receiver) as timeline, (select system_identifier::text from pg_control_system()) as system`;

interface Primary {
  system: string;
  timeline: number;
}

interface Copy {
  lsn: string | null;
  timeline: number | null;
  system: string;
}

/** The streaming replica of DATABASE_REPLICA_URL, looked at every second: how old is what it shows? Unknown is not new enough. */
@Injectable()
export class Replica implements OnApplicationShutdown {
  private readonly log = new Logger('Replica');
  private readonly samples = new LagSamples();
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private asking: Promise<Primary | null> | null = null;
  private connecting: Promise<DataSource> | null = null;
  private opened: DataSource | null = null;
  /** Of the last look that said something. */
  private seen: { atMs: number; reachedMs: number; asOf: string } | null = null;
  private isAway = true;
  private unusableSinceMs: number | null = performance.now();
  private said = '';

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly primary: DataSource,
    database: DatabaseService,
  ) {
    if (this.isConfigured) database.onReady(async () => void (this.running ??= this.keepLooking()));
  }

  get isConfigured(): boolean {
    return this.env.DATABASE_REPLICA_URL !== undefined;
  }

  /** To read from while `state` has no reason against it. */
  get db(): DataSource | null {
    return this.opened;
  }

  state(): ReplicaState {
    const now = performance.now();
    const { seen } = this;
    const known = seen && now - seen.atMs < LOOK_KEPT_MS ? seen : null;
    const lagSeconds = known && (now - known.reachedMs) / 1_000;
    const reason = this.isAway || !this.opened ? 'away' : lagSeconds === null ? 'unknown' : lagSeconds > this.env.REPLICA_LAG_MAX_SECONDS ? 'behind' : null;
    if (reason === null) this.unusableSinceMs = null;
    else this.unusableSinceMs ??= now;
    return { reason, lagSeconds, asOf: known?.asOf ?? null, unusableSeconds: this.unusableSinceMs === null ? null : (now - this.unusableSinceMs) / 1_000 };
  }

  /** A connection broke: a server that was killed comes back with less than it had shown, until it has read its log again. */
  doubt(): void {
    this.seen = null;
  }

  private async keepLooking(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.look();
      this.say();
      await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The primary first: what it had then and the replica has now, the replica has had since. */
  private async look(): Promise<void> {
    const primary = await this.whatPrimaryHas();
    try {
      const [replica] = await inTime(this.connected().then((db) => db.query(REPLICA) as Promise<Copy[]>));
      this.isAway = false;
      const replayed = lsnOf(replica?.lsn ?? null);
      if (primary === null) return;
      // Asked again, after it: what it was sent meanwhile.
      if (replayed !== null && this.samples.lacks(replayed) && (await this.whatPrimaryHas()) === null) return;
      const isOne = replica?.system === primary.system && (replica.timeline ?? primary.timeline) === primary.timeline;
      const reached = isOne && replayed !== null ? this.reachedBy(replayed) : null;
      this.seen = reached && { atMs: performance.now(), reachedMs: reached.atMs, asOf: reached.asOf };
    } catch {
      this.isAway = true;
    }
  }

  /**
   * Who has what the primary has not follows another one: a promoted server goes on from a place that this one had passed. It
   * stands still there while the primary's log comes by, so nothing from before then says how old it is.
   */
  private reachedBy(replayed: bigint): Sample | null {
    if (this.samples.lacks(replayed)) this.samples.forget();
    return this.samples.reached(replayed);
  }

  private whatPrimaryHas(): Promise<Primary | null> {
    return inTime((this.asking ??= this.askPrimary())).catch(() => null);
  }

  /** Which system it is. One that waits for a connection is not asked again: a late answer is of when it was asked for. */
  private async askPrimary(): Promise<Primary | null> {
    const atMs = performance.now();
    try {
      const [row] = (await this.primary.query(PRIMARY)) as { lsn: string; timeline: string; as_of: string; system: string }[];
      const lsn = lsnOf(row?.lsn ?? null);
      if (!row || lsn === null) return null;
      const timeline = Number.parseInt(row.timeline, 16);
      this.samples.add({ lsn, timeline, atMs, asOf: row.as_of });
      return { system: row.system, timeline };
    } finally {
      this.asking = null;
    }
  }

  /** One at a time: a look gives up sooner than a server that hangs, and what it left would be opened beside the next one's. */
  private connected(): Promise<DataSource> {
    if (this.opened) return Promise.resolve(this.opened);
    this.connecting ??= this.connect().finally(() => (this.connecting = null));
    return this.connecting;
  }

  private async connect(): Promise<DataSource> {
    const policy = {
      type: 'pooled' as const, size: 1, overflow: CONNECTIONS - 1, timeoutSeconds: 1, recycleSeconds: this.env.DB_POOL_RECYCLE, prePing: true,
      // Half of the time goes to the replica: the primary has the other half when nothing comes.
      queryTimeoutSeconds: Math.max(1, Math.floor(this.env.DB_QUERY_TIMEOUT / 2)),
    };
    const { options } = dataSourceOptions(this.env.DATABASE_REPLICA_URL ?? '', policy, 'tradewarden-report');
    const db = await new DataSource({ ...options, poolErrorHandler: () => this.doubt() } as DataSourceOptions).initialize();
    if (this.stopping.signal.aborted) await db.destroy();
    else this.opened = db;
    return db;
  }

  /** Once for each change: a replica that is away for a night would fill the log. */
  private say(): void {
    const { reason, lagSeconds } = this.state();
    const text = reason === null ? 'reports are read from the replica' : `reports are read from the primary: the replica is ${reason === 'behind' ? 'behind' : reason === 'away' ? 'away' : 'there, and how far it is is not known'}`;
    if (text === this.said || this.stopping.signal.aborted) return;
    this.said = text;
    if (reason === null) this.log.log(text);
    else this.log.warn(reason === 'behind' ? `${text} by ${Math.round(lagSeconds ?? 0)} s` : text);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.opened?.destroy().catch((error: unknown) => this.log.warn(plainReason(error)));
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const enough = new AbortController();
  const late = pause(LOOK_WITHIN_MS, undefined, { signal: enough.signal }).then(() => Promise.reject(new Error('no answer in time')), () => new Promise<never>(() => undefined));
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => enough.abort());
}
