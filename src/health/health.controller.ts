import { Controller, Get, Header, HttpCode, Res } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Allow } from '../auth/access.js';
import { BackupsShown } from '../backup/backups-shown.js';
import { Answers } from '../common/http/answers.js';
import { Draining } from '../common/draining.js';
import { DatabaseService } from '../database/database.service.js';
import { shownOf } from '../system-monitor/system-monitor.schemas.js';
import { SystemMonitor } from '../system-monitor/system-monitor.service.js';
import { healthSchema, liveSchema, readySchema, unreadySchema } from './health.schemas.js';
import { MirrorsShown } from './mirrors-shown.js';
import { APP_VERSION } from '../common/version.js';

const RETRY_AFTER_SECONDS = '2';

/** The probes. Every answer comes within a second, also while the database hangs, and is true. */
@Controller()
@Allow({ public: true, offline: true })
export class HealthController {
  constructor(
    private readonly database: DatabaseService,
    private readonly draining: Draining,
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly mirrors: MirrorsShown,
    private readonly monitor: SystemMonitor,
    private readonly backups: BackupsShown,
  ) {}

  /** The process turns; looks at no dependency, since restarting it would not mend one. */
  @Get('livez')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  @Answers(liveSchema)
  livez() {
    return { status: 'ok', uptimeSeconds: uptimeSeconds() };
  }

  /** May requests be sent here? */
  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  @Answers(readySchema)
  @Answers(unreadySchema, 503)
  async readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const reason = await this.unreadyReason();
    if (reason !== null) void reply.status(503).header('Retry-After', RETRY_AFTER_SECONDS);
    return reason === null ? { status: 'ok' } : { status: 'unavailable', reason };
  }

  /** `error` says why it is not available, and is null when it is: one never comes with the other. */
  @Get('health')
  @Header('Cache-Control', 'no-store')
  @Answers(healthSchema)
  @Answers(healthSchema, 503)
  async report(@Res({ passthrough: true }) reply: FastifyReply) {
    const { migrations: _migrations, ...database } = await this.database.look();
    // A database that hangs is asked once, and the answer comes within a second.
    const [mirrors, backup] = database.available ? await Promise.all([this.mirrors.soon(), this.backups.soon()]) : [null, null];
    const pool = this.database.pool();
    const system = shownOf(this.monitor.seen);
    const result = await this.health
      .check([
        () => {
          const check = this.indicators.check('database');
          return database.available ? check.up() : check.down(database.error ?? undefined);
        },
        () => {
          const check = this.indicators.check('instance');
          return this.draining.begun ? check.down('the instance is draining') : check.up();
        },
      ])
      .catch((error: { getResponse(): { status: string } }) => error.getResponse());
    if (result.status !== 'ok') void reply.status(503).header('Retry-After', RETRY_AFTER_SECONDS);
    return {
      ...result,
      database: { ...database, pool_size: pool.size, roles: this.database.roles },
      pool,
      // Told, and no reason to send requests elsewhere: a mirror that is behind holds up nobody. Where it lies and what
      // went wrong there, with paths in it, is for people who signed in (GET /system): anybody may read this.
      mirrors: mirrors && mirrors.map(({ place: _place, error, ...figures }) => ({ ...figures, failing: error !== null })),
      // Levels alone, for the same reason.
      system: system && { level: system.level, cause: system.cause, openingsSuspended: system.suspension !== null, parts: Object.fromEntries(system.parts.map(({ name, level }) => [name, level])) },
      // Null: not known.
      backup,
      version: APP_VERSION,
      uptimeSeconds: uptimeSeconds(),
    };
  }

  private async unreadyReason(): Promise<string | null> {
    if (this.draining.begun) return 'the instance is draining';
    const { available, error } = await this.database.look();
    if (!available) return error ?? 'the database is not available';
    return this.database.ready ? null : 'the instance is starting';
  }
}

const uptimeSeconds = () => Math.floor(process.uptime());
