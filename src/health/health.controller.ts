import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Allow } from '../auth/access.js';
import { Draining } from '../common/draining.js';
import { DatabaseService } from '../database/database.service.js';
import { APP_VERSION } from './version.js';

/** The probes. Every answer comes within a second, also while the database hangs, and is true. */
@Controller()
@Allow({ public: true, offline: true })
export class HealthController {
  constructor(
    private readonly database: DatabaseService,
    private readonly draining: Draining,
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /** The process turns; looks at no dependency, since restarting it would not mend one. */
  @Get('livez')
  @HttpCode(200)
  livez() {
    return { status: 'ok', uptimeSeconds: uptimeSeconds() };
  }

  /** May requests be sent here? */
  @Get('readyz')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const reason = await this.unreadyReason();
    if (reason !== null) void reply.status(503).header('Retry-After', '2');
    return reason === null ? { status: 'ok' } : { status: 'unavailable', reason };
  }

  @Get('health')
  async report(@Res({ passthrough: true }) reply: FastifyReply) {
    const { migrations, ...seen } = await this.database.look();
    const pool = this.database.pool();
    const pending = migrations?.pending ?? [];
    const good = seen.available && pending.length === 0;
    const result = await this.health
      .check([
        () => {
          const check = this.indicators.check('database');
          return good ? check.up() : check.down(seen.error ?? `the schema is behind by ${pending.length} migration(s)`);
        },
      ])
      .catch((error: { getResponse(): object }) => error.getResponse());
    if (!good) void reply.status(503).header('Retry-After', '2');
    return {
      ...result,
      database: { ...seen, pool_size: pool.size, roles: this.database.roles },
      pool,
      version: APP_VERSION,
      uptimeSeconds: uptimeSeconds(),
    };
  }

  private async unreadyReason(): Promise<string | null> {
    if (this.draining.begun) return 'the instance is draining';
    const { available, error, migrations } = await this.database.look();
    if (!available) return error;
    if ((migrations?.pending.length ?? 1) > 0) return 'the schema is behind';
    return this.database.ready ? null : 'the instance is starting';
  }
}

const uptimeSeconds = () => Math.floor(process.uptime());
