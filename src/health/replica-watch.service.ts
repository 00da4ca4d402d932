import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Replica } from '../database/replica/replica.service.js';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';

const LOOK_EVERY_SECONDS = 60;
const UNUSABLE_SECONDS = 60;
const SUBJECT = 'replica';

/** A replica that nobody can read from makes every report the primary's work, and nobody would notice. */
@Injectable()
export class ReplicaWatch {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly dataSource: DataSource,
    private readonly replica: Replica,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'replica.watch', () => this.look());
  }

  /** Also where no replica is configured any more: what was said of it is over. */
  look(): Promise<void> {
    const { reason, lagSeconds, unusableSeconds } = this.replica.state();
    const isOver = !this.replica.isConfigured || unusableSeconds === null;
    return inTransaction(this.dataSource, async (tx) => {
      if (isOver) return this.incidents.resolve(tx, null, 'REPLICA_BEHIND', [SUBJECT], this.replica.isConfigured ? 'the replica is new enough again' : 'no replica is configured any more');
      if (unusableSeconds < UNUSABLE_SECONDS) return;
      const state = reason === 'behind' ? `shows what was so ${Math.round(lagSeconds ?? 0)} s ago; ${this.env.REPLICA_LAG_MAX_SECONDS} s are allowed` : reason === 'away' ? 'cannot be reached' : 'does not say how far it is';
      await this.incidents.open(tx, null, {
        kind: 'REPLICA_BEHIND', severity: 'warning', subjectId: SUBJECT, agentId: null, data: { reason, lagSeconds },
        summary: `The replica ${state}: reports are read from the primary, for ${Math.round(unusableSeconds)} s by now.`,
      });
    });
  }
}
