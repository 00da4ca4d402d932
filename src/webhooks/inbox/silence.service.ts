import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Schedules } from '../../database/schedules.js';
import { inTransaction } from '../../database/transaction.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { SilenceRepository } from './silence.repository.js';

/** A minute is the shortest that a source can be expected within. */
const LOOK_EVERY_SECONDS = 30;

/** Sources that were to have sent something by now: a person is told once, until they do. */
@Injectable()
export class SilenceWatch {
  constructor(
    private readonly dataSource: DataSource,
    private readonly silence: SilenceRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'alerts.silence', () => this.look());
  }

  async look(): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      const silent = await this.silence.silent(tx);
      await this.incidents.openAll(tx, null, silent.map(({ id, name, executor_agent_id: agentId, expect_signal_within_seconds: seconds, last_at: lastAt }) => ({
        kind: 'SIGNAL_SILENCE' as const, severity: 'warning' as const, subjectId: id, agentId,
        summary: `${name} has sent nothing for ${seconds} s, its last alert ${lastAt === null ? 'is still to come' : `came at ${lastAt}`}: is its alert still active?`, data: { lastAlertAt: lastAt, expectedWithinSeconds: seconds },
      })));
      await this.incidents.resolve(tx, null, 'SIGNAL_SILENCE', await this.silence.heardAgain(tx), 'it is no longer silent');
    });
  }
}
