import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import { HOLDS_SECONDS, suspensionHolds } from './suspensions.sql.js';

export interface SuspensionRow {
  id: string;
  /** The part of the system that fails first, as the monitor names it. */
  cause: string;
  reason: string;
  began_at: string;
  /** It ends by itself then, unless it is renewed. */
  lapses_at: string;
  ended_at: string | null;
  ended_by: string | null;
  end_reason: string | null;
}

const BY_MONITOR = 'system';

/**
 * Whether openings are held for now: a flag of its own beside halts and switches, which are people's. It ends by itself, and
 * holds nothing but openings: what protects or closes goes on.
 */
@Injectable()
export class SuspensionsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Null: openings are not held. */
  async inForce(tx: Tx = this.dataSource.manager): Promise<SuspensionRow | null> {
    const [row] = await tx.sql<SuspensionRow[]>`select * from opening_suspensions where ${() => suspensionHolds()}`;
    return row ?? null;
  }

  /**
   * Begins one, or renews the one there is. Nothing happens where a person has ended one since `trouble`: he has seen it.
   * @param longer times as long as usual, 1 to LONGER_MOST
   * @returns whether it began
   */
  async hold(tx: Tx, trouble: string, cause: string, reason: string, longer: number): Promise<boolean> {
    const rows = await tx.sql<{ began: boolean }[]>`
      with held as (
        insert into opening_suspensions as s (cause, reason, lapses_at)
        select ${cause}, ${reason}, app_clock() + make_interval(secs => ${HOLDS_SECONDS * longer})
        where not exists (select from opening_suspensions where ended_at >= ${trouble}::timestamptz and ended_by <> ${BY_MONITOR})
        on conflict ((true)) where ended_at is null do update set lapses_at = excluded.lapses_at
        returning s.xmax = 0 as began
      ) select * from held`;
    return rows[0]?.began ?? false;
  }

  /** @param by `system`, or who ended it. @returns null where none is open */
  async end(tx: Tx, by: string, reason: string): Promise<SuspensionRow | null> {
    const [row] = await tx.sql<SuspensionRow[]>`
      with ended as (
        update opening_suspensions set ended_at = app_clock(), ended_by = ${by}, end_reason = ${reason} where ended_at is null returning *
      ) select * from ended`;
    return row ?? null;
  }
}
