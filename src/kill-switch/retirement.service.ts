import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { conflict } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { constraintOf } from '../database/sql-state.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { HaltEffect } from './halt-effect.service.js';

/**
 * Stands aside for another system, for good. It is a halt of everything, so that whatever a halt holds it holds too, also
 * after a restart; no release, reset or time ends it. Whoever has both systems runs this on the one that is not to trade.
 */
@Injectable()
export class Retirement {
  constructor(
    private readonly dataSource: DataSource,
    private readonly halts: HaltsRepository,
    private readonly effect: HaltEffect,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** Null: this system is not retired. */
  async inForce(tx: Tx = this.dataSource.manager): Promise<HaltRow | null> {
    const [row] = await tx.sql<HaltRow[]>`select * from halts where source = 'retirement' and released_at is null`;
    return row ?? null;
  }

  /** Of all accounts and their agents, as a release takes them: while they are held no halt of everything ends. */
  async holdAll(tx: Tx): Promise<void> {
    await tx.sql`select id from accounts order by id for no key update`;
    await tx.sql`select id from agents where retired_at is null order by id for no key update`;
  }

  /** Again, it changes nothing, and the first reason stands. @param allowed throws unless it may be, with everything held */
  async retire(reason: string, allowed?: (tx: Tx) => Promise<void>): Promise<HaltRow> {
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        const before = await this.inForce(tx);
        if (allowed) {
          await this.holdAll(tx);
          await allowed(tx);
        }
        if (before) return before;
        const halt = await this.halts.impose(tx, { scope_type: 'global', scope_id: null, mode: 'halt', reason, source: 'retirement', imposed_by: 'system' });
        await this.effect.record(tx, null, 'halt.imposed', halt, {});
        return halt;
      });
    } catch (error) {
      if (constraintOf(error) !== 'halts_one_retirement') throw error;
      // Somebody else retired it at the same moment.
      return this.retire(reason, allowed);
    }
  }

  /**
   * Where no one person releases a halt, one takes its place that two release: this is one person at a terminal.
   * @returns that halt, or null
   * @throws {Problem} 409 NOT_RETIRED
   */
  unretire(reason: string): Promise<HaltRow | null> {
    return inTransaction(this.dataSource, async (tx) => {
      const halt = await this.inForce(tx);
      if (!halt) throw conflict('NOT_RETIRED', 'This system is not retired: there is nothing to end. "tradewarden status" says what halts, where something does.');
      const next = this.env.TWO_PERSON_RELEASE ? await this.instead(tx, reason) : null;
      if (!(await this.effect.releaseWithin(tx, null, halt.id, reason, 'retirement'))) throw conflict('NOT_RETIRED', 'This system is not retired: there is nothing to end. "tradewarden status" says what halts, where something does.');
      return next;
    });
  }

  private async instead(tx: Tx, reason: string): Promise<HaltRow> {
    const halt = await this.halts.impose(tx, { scope_type: 'global', scope_id: null, mode: 'halt', reason: `No longer retired: ${reason}`.slice(0, 1_000), source: 'person', imposed_by: 'system' });
    await this.effect.record(tx, null, 'halt.imposed', halt, {});
    return halt;
  }

  /** After the commit of `retire`: waits until it is carried through, or so long. */
  within(id: string, ms: number): Promise<void> {
    return this.effect.within(id, ms);
  }
}
