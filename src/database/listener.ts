import { EventEmitter } from 'node:events';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from './database.service.js';

const RECONNECT_MS = 1_000;
const CHANNEL = 'tradewarden';

/**
 * One LISTEN connection beside the pool. Notifications are hints: whoever waits for one also re-checks, so a lost
 * connection costs a delay and nothing else. They are sent on this same connection, after commit: notifying inside
 * the transaction halved the commits.
 */
@Injectable()
export class Listener implements OnApplicationShutdown {
  private readonly log = new Logger('Listener');
  private readonly heard = new EventEmitter();
  private client: pg.Client | null = null;
  private stopped = false;

  constructor(
    @Inject(ENV) env: Env,
    private readonly database: DatabaseService,
  ) {
    this.database.onReady(async () => {
      if (env.DB_LISTEN) void this.connect();
    });
  }

  /** False while notifications of other instances cannot arrive. */
  get connected(): boolean {
    return this.client !== null;
  }

  onMessage(hear: (payload: string) => void): void {
    this.heard.on('message', hear);
  }

  /** Best effort: false when it was not sent. At most 8,000 bytes. */
  async notify(payload: string): Promise<boolean> {
    try {
      await this.client?.query('select pg_notify($1, $2)', [CHANNEL, payload]);
      return this.client !== null;
    } catch {
      return false;
    }
  }

  private async connect(): Promise<void> {
    if (this.stopped || !this.database.unpooledUrl) return;
    const client = new pg.Client({
      connectionString: this.database.unpooledUrl, application_name: 'tradewarden-listen', keepAlive: true, query_timeout: 5_000,
    });
    const lost = () => {
      if (this.client === client) this.client = null;
      client.removeAllListeners('end');
      if (!this.stopped) setTimeout(() => void this.connect(), RECONNECT_MS).unref();
    };
    client.on('error', () => undefined);
    client.once('end', lost);
    client.on('notification', (message) => this.heard.emit('message', message.payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.client = client;
    } catch (error) {
      this.log.warn(`LISTEN connection not there, trying again: ${(error as { code?: string }).code ?? 'lost'}`);
      await client.end().catch(() => undefined);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    await this.client?.end().catch(() => undefined);
  }
}
