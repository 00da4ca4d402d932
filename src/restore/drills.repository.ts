import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { Step } from './steps.js';

export interface DrillRow {
  id: string;
  backup: string | null;
  backup_at: string | null;
  started_at: string;
  finished_at: string;
  /** As text: exact. */
  seconds: string;
  ok: boolean;
  error: string | null;
  steps: Step[];
}

/** What was tried of restoring, in the database whose backups are tried. */
@Injectable()
export class DrillsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async store(tx: Tx, drill: Omit<DrillRow, 'finished_at' | 'seconds'> & { seconds: number }): Promise<void> {
    await tx.sql`
      insert into restore_drills (id, backup, backup_at, started_at, seconds, ok, error, steps)
      values (${drill.id}, ${drill.backup}, ${drill.backup_at}::timestamptz, ${drill.started_at}::timestamptz, ${drill.seconds}, ${drill.ok}, ${drill.error}, ${JSON.stringify(drill.steps)}::jsonb)`;
  }

  async last(): Promise<DrillRow | null> {
    const [row] = await this.dataSource.sql<DrillRow[]>`select * from restore_drills order by seq desc limit 1`;
    return row ?? null;
  }

  /** By the database's clock. */
  async clock(): Promise<string> {
    const [row] = await this.dataSource.sql<{ now: string }[]>`select app_clock() as now`;
    if (!row) throw new Error('the database did not tell the time');
    return row.now;
  }
}
