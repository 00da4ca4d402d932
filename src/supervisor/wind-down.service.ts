import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { gapSecondsOf } from '../agents/uptime.service.js';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { ClosuresService } from '../closures/closures.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { type SilentAgent, WindDownRepository } from './wind-down.repository.js';

const LOOK_EVERY_SECONDS = 5;

/** Closes the trades of agents that have fallen silent, where their policy says so: once for each silence. */
@Injectable()
export class WindDownService {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly repository: WindDownRepository,
    private readonly closures: ClosuresService,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'supervisor.wind-down', () => this.look());
  }

  async look(): Promise<void> {
    for (const agent of await this.repository.silent(gapSecondsOf(this.env))) await this.windDown(agent);
    const over = await this.repository.over();
    if (over.length > 0) await inTransaction(this.dataSource, (tx) => this.incidents.resolve(tx, null, 'WIND_DOWN', over, 'nothing of it is open any more'));
  }

  private windDown(agent: SilentAgent): Promise<void> {
    const { id, name, silent_seconds: seconds, trade_ids: tradeIds } = agent;
    return inTransaction(this.dataSource, async (tx) => {
      if (!(await this.repository.isSilentStill(tx, agent))) return;
      const made = await this.closures.wantAll(tx, null, tradeIds.map((tradeId) => ({ tradeId, cause: 'wind_down' as const, detail: { silentSeconds: seconds }, exitReason: 'flatten' as const })));
      if (made.length === 0) return;
      await this.incidents.open(tx, null, {
        kind: 'WIND_DOWN', severity: 'critical', subjectId: id, agentId: id, data: { silentSeconds: seconds, tradeIds: made.map(({ trade_id }) => trade_id).slice(0, 50), count: made.length },
        summary: `Agent ${name} has been silent for ${seconds} s: ${made.length} trade(s) are to be closed.`,
      });
    });
  }
}
