import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Schedules } from '../../database/schedules.js';
import { inTransaction } from '../../database/transaction.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { MirrorsRepository } from './mirrors.repository.js';

const LOOK_EVERY_SECONDS = 60;
const BEHIND_SECONDS = 300;

/** A mirror that stands still is found on the day when it is needed, unless somebody looks. */
@Injectable()
export class MirrorWatch {
  constructor(
    private readonly dataSource: DataSource,
    private readonly mirrors: MirrorsRepository,
    private readonly incidents: Incidents,
    schedules: Schedules,
  ) {
    schedules.every(LOOK_EVERY_SECONDS, 'mirrors.watch', () => this.look());
  }

  look(): Promise<void> {
    return inTransaction(this.dataSource, async (tx) => {
      const behind = await this.mirrors.behind(tx, BEHIND_SECONDS);
      await this.incidents.openAll(tx, null, behind.map(({ id, place, behind_seconds: seconds, error, silent_seconds: silent }) => ({
        kind: 'MIRROR_BEHIND' as const, severity: 'warning' as const, subjectId: id, agentId: null, data: { place, behindSeconds: seconds, error },
        summary: `The mirror ${place} ${seconds === null ? 'has not been whole yet' : `was last whole ${seconds} s ago`}${silent > LOOK_EVERY_SECONDS ? `, and has said nothing for ${silent} s` : ''}${error === null ? '' : `: ${error}`}.`,
      })));
      const open = await tx.sql<{ subject_id: string }[]>`select subject_id from incidents where kind = 'MIRROR_BEHIND' and resolved_at is null`;
      const over = open.map(({ subject_id: id }) => id).filter((id) => !behind.some((each) => each.id === id));
      await this.incidents.resolve(tx, null, 'MIRROR_BEHIND', over, 'the mirror is whole again, or is no more');
    });
  }
}
