import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from '../database/database.service.js';
import { Draining } from '../common/draining.js';

/** What closing the pool and the embedded database may take of SHUTDOWN_TIMEOUT, at least. */
const CLOSING_MS = 3_000;
/** The process ends this much before SHUTDOWN_TIMEOUT, which is when a service manager kills. */
const MARGIN_MS = 200;

/**
 * SIGTERM: stop leasing and end waiting polls (everyone who waits listens to `Draining`), let running requests
 * finish while new ones are refused, close the pool, exit 0 within SHUTDOWN_TIMEOUT. What is still running then is
 * cut: it has not been answered, so its caller repeats it.
 */
@Injectable()
export class Shutdown {
  private readonly log = new Logger('Shutdown');
  private begun = false;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly draining: Draining,
    private readonly database: DatabaseService,
  ) {}

  onSignals(app: NestFastifyApplication): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.run(app, signal));
  }

  private async run(app: NestFastifyApplication, signal: string): Promise<void> {
    if (this.begun) return;
    this.begun = true;
    this.log.log(`${signal}: draining`);
    const limitMs = this.env.SHUTDOWN_TIMEOUT * 1000 - MARGIN_MS;
    setTimeout(() => {
      this.log.warn('SHUTDOWN_TIMEOUT reached: leaving what still runs');
      process.exit(0);
    }, limitMs).unref();
    this.draining.begin();
    const closingMs = Math.min(CLOSING_MS, limitMs / 2);
    const server = app.getHttpServer() as { closeAllConnections(): void };
    const cut = setTimeout(() => {
      this.log.warn('cutting the requests that still run');
      server.closeAllConnections();
    }, limitMs - closingMs);
    try {
      // A module that does not let go must not keep the database from being closed.
      await Promise.race([app.close(), pause(limitMs - closingMs / 2)]);
    } catch (error) {
      this.log.error(`shutdown: ${(error as Error).message}`);
    }
    clearTimeout(cut);
    try {
      await this.database.stop();
      this.log.log('closed');
    } catch (error) {
      this.log.error(`closing the database: ${(error as Error).message}`);
    }
    process.exit(0);
  }
}
