import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Schedules } from '../database/schedules.js';
import { inTransaction } from '../database/transaction.js';
import { Incidents } from '../incidents/incidents.service.js';
import { HaltsShownRepository } from './halts-shown.repository.js';

const LOOK_EVERY_SECONDS = 60;

/** An agent that is offline does not hear of a halt, and nobody manages what it holds: a person must see it until it is flat. */
@Injectable()
export class NotInControl {
  constructor(
    private readonly dataSource: DataSource,
    private readonly shown: HaltsShownRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'kill-switch.not-in-control', () => this.look());
  }

  look(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const found = await this.shown.notInControl(tx);
      await this.incidents.openAll(tx, null, found.map(({ id, name, account, positions, halt_id: haltId }) => ({
        kind: 'NOT_IN_CONTROL' as const, severity: 'critical' as const, subjectId: id, agentId: id, data: { positions, haltId },
        summary: `Agent ${name} is halted and offline, and the broker shows ${positions} position(s) on ${account}: nobody manages them. Stops at the broker are all there is.`,
      })));
      const open = await tx.sql<{ subject_id: string }[]>`select subject_id from incidents where kind = 'NOT_IN_CONTROL' and resolved_at is null`;
      const over = open.map(({ subject_id: id }) => id).filter((id) => !found.some((each) => each.id === id));
      await this.incidents.resolve(tx, null, 'NOT_IN_CONTROL', over, 'the positions are gone, the agent is back, or the halt is released');
    });
  }
}
