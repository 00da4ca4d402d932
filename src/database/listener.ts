import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { WatchedClient } from './client.js';
import { DatabaseService } from './database.service.js';
import { plainReason } from './sql-state.js';

const CHANNEL = 'tradewarden';
const RECONNECT_MS = 1_000;
/** A connection that only listens never notices that a firewall dropped it: it is asked this often. */
const CHECK_MS = 30_000;
const STATEMENT_TIMEOUT_MS = 5_000;

/**
 * One LISTEN connection beside the pool. Notifications are hints: whoever waits for one also re-checks, so a lost
 * connection costs a delay and nothing else. They are sent on this same connection, after commit: notifying inside
 * the transaction halved the commits.
 */
@Injectable()
export class Listener implements OnApplicationShutdown {
  private readonly log = new Logger('Listener');
  private readonly heard = new EventEmitter();
  private readonly stopping = new AbortController();
  private client: WatchedClient | null = null;
  private running: Promise<void> | null = null;
  /** Statements go one after the other: node-postgres warns of those that are queued inside a client. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(ENV) env: Env,
    private readonly database: DatabaseService,
  ) {
    this.database.onReady(async () => {
      if (env.DB_LISTEN) this.running ??= this.keepListening();
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
  notify(payload: string): Promise<boolean> {
    return this.ask('select pg_notify($1, $2)', [CHANNEL, payload]);
  }

  private ask(text: string, values: unknown[] = []): Promise<boolean> {
    const asked = this.last.then(async () => {
      const client = this.client;
      if (!client) return false;
      try {
        await client.query(text, values);
        return true;
      } catch {
        return false;
      }
    });
    this.last = asked;
    return asked;
  }

  private async keepListening(): Promise<void> {
    let said = false;
    while (!this.stopping.signal.aborted) {
      try {
        await this.listenOnce(() => {
          if (said) this.log.log('LISTEN connection is there again');
          said = false;
        });
      } catch (error) {
        if (!said) this.log.warn(`LISTEN connection not there, trying until it is: ${plainReason(error)}`);
        said = true;
      }
      await pause(RECONNECT_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Connects, and returns when the connection has ended. */
  private async listenOnce(listening: () => void): Promise<void> {
    const client = new WatchedClient({
      connectionString: this.database.unpooledUrl ?? '', application_name: 'tradewarden-listen', query_timeout: STATEMENT_TIMEOUT_MS,
    });
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    const end = () => (this.client === client ? void client.end().catch(() => undefined) : client.cut());
    this.stopping.signal.addEventListener('abort', end, { once: true });
    const check = setInterval(() => void this.ask('select 1'), CHECK_MS);
    try {
      client.on('notification', ({ payload }) => this.heard.emit('message', payload ?? ''));
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.client = client;
      listening();
      await ended;
    } finally {
      this.client = null;
      clearInterval(check);
      this.stopping.signal.removeEventListener('abort', end);
      client.cut();
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}
