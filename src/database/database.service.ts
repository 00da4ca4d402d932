import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { SessionShared } from './kept-session.js';
import { migrateUp, migrationStatus } from './migrate.js';
import { POOL, type PooledOptions } from './options.js';
import type { PoolStats } from './pool.js';
import { type DatabaseReport, DatabaseProbe } from './probe.js';
import { identityOf, rolesOf } from './roles.js';
import { plainReason } from './sql-state.js';
import { type DatabaseUrls, databaseUrls } from './urls.js';

const RETRY_MS = { first: 250, most: 5_000 };

/** Of what is pending, by name. */
const NAMED_MOST = 5;

/**
 * Brings the database up behind a server that already listens: starts the embedded one or reaches the given one,
 * migrates, connects the pool, and keeps trying until it succeeds. Parts that need it say what to do in `onReady`.
 */
@Injectable()
export class DatabaseService {
  private readonly log = new Logger('Database');
  private readonly probe = new DatabaseProbe();
  private readonly hooks: (() => Promise<void>)[] = [];
  private urls?: DatabaseUrls;
  /** Once: with a schema that is behind it is tried until it is not. */
  private saidShared = false;
  private connecting?: Promise<void>;
  private readonly stopping = new AbortController();
  ready = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    @Inject(POOL) private readonly pooled: PooledOptions,
    private readonly dataSource: DataSource,
  ) {}

  /**
   * Runs once the schema is there and the pool connected, before requests are let in. A failure is tried again, with
   * the hooks that ran before it: they must be repeatable.
   */
  onReady(hook: () => Promise<void>): void {
    this.hooks.push(hook);
  }

  /** Returns at once; `ready` turns true later. */
  start(): void {
    this.connecting ??= this.keepTrying();
  }

  /** Resolves when the database is ready; for tests. */
  async whenReady(): Promise<void> {
    this.start();
    await this.connecting;
  }

  /** One attempt for a command that ends: no migration, no hooks, and an error instead of patience. */
  async connect(urls: DatabaseUrls): Promise<void> {
    this.urls = urls;
    await this.connectPool();
    this.ready = true;
  }

  private async keepTrying(): Promise<void> {
    let said = '';
    for (let delay = RETRY_MS.first; !this.stopping.signal.aborted; delay = Math.min(delay * 2, RETRY_MS.most)) {
      try {
        await this.bringUp();
        if (this.stopping.signal.aborted) return;
        this.ready = true;
        this.log.log('database ready');
        return;
      } catch (error) {
        const reason = (error as Error).message || plainReason(error);
        // Once for each reason: a database that is away for a night would fill the log.
        if (reason !== said && !this.stopping.signal.aborted) this.log.error(`database not ready, trying until it is: ${reason}`);
        said = reason;
      }
      await pause(delay, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async bringUp(): Promise<void> {
    this.urls ??= await databaseUrls(this.env, (line) => this.log.log(line));
    const { signal } = this.stopping;
    if (this.env.MIGRATE_ON_START && !signal.aborted) await this.migrate(this.urls);
    signal.throwIfAborted();
    await this.connectPool();
    await this.compareWithServer();
    for (const hook of this.hooks) await hook();
    if (this.urls.roles === 'single') {
      this.log.warn('one role owns and writes (roles: single): "npm run cli -- roles" makes a writer that cannot change history');
    }
  }

  private async migrate({ url, ownerUrl }: DatabaseUrls): Promise<void> {
    try {
      const { applied, notes } = await migrateUp(ownerUrl, { writer: identityOf(url).user, signal: this.stopping.signal, log: (line) => this.log.log(line) });
      if (applied.length > 0) this.log.log(`migrated: ${applied.join(', ')}`);
      for (const note of notes) this.log.warn(note);
    } catch (error) {
      // A schema that is not behind needs nothing of it; one that is behind is refused in a moment.
      if (!(error instanceof SessionShared)) throw error;
      if (!this.saidShared) this.log.warn(`not migrated: ${error.message}`);
      this.saidShared = true;
    }
  }

  private async connectPool(): Promise<void> {
    if (!this.urls) throw new Error('the database has not been looked for yet');
    if (!this.dataSource.isInitialized) {
      this.dataSource.setOptions({ ...this.pooled.options, url: this.urls.url } as DataSourceOptions);
      await this.dataSource.initialize();
    }
    const { pending } = await migrationStatus((text) => this.dataSource.query(text));
    if (pending.length > 0) throw new Error(`the schema is behind by ${pending.length > NAMED_MOST ? `${pending.length} migrations` : pending.join(', ')}: run "npm run cli -- migrate"`);
    this.urls.roles = await rolesOf((text) => this.dataSource.query(text));
  }

  /** Every instance may open its maximum: say so before PostgreSQL says "too many clients". */
  private async compareWithServer(): Promise<void> {
    const rows: { limit: number }[] = await this.dataSource.query(`select current_setting('max_connections')::int as "limit"`);
    const { max } = this.pooled.poolStats();
    const limit = rows[0]?.limit ?? 0;
    if (max * 2 > limit) {
      this.log.warn(`a pool of up to ${max} connections fits ${Math.floor(limit / max)} instance(s) into max_connections ${limit}`);
    }
  }

  get roles(): 'separate' | 'single' | 'unknown' {
    return this.urls?.roles ?? 'unknown';
  }

  /** All addresses; undefined until the database was looked for. */
  get addresses(): DatabaseUrls | undefined {
    return this.urls;
  }

  /** The writer's; undefined until the database was looked for. */
  get url(): string | undefined {
    return this.urls?.url;
  }

  /** Of whoever owns the tables, where the settings say one; else the writer's. */
  get ownerUrl(): string | undefined {
    return this.urls?.ownerUrl;
  }

  get unpooledUrl(): string | undefined {
    return this.urls?.unpooledUrl;
  }

  /** Where the embedded one's files lie. */
  get folder(): string | undefined {
    return this.urls?.folder;
  }

  pool(): PoolStats {
    return this.pooled.poolStats();
  }

  look(): Promise<DatabaseReport> {
    return this.probe.look(this.urls?.url, this.dataSource.isInitialized ? (text) => this.dataSource.query(text) : null);
  }

  /** It gives no answer at all within a second. An exhausted pool, a lock, or a schema that is behind is not that. */
  async isAway(): Promise<boolean> {
    return (await this.look()).migrations === null;
  }

  /** Called last in a shutdown: ends the pool, then gives the embedded database back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.connecting;
    this.ready = false;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.urls?.release();
  }
}
