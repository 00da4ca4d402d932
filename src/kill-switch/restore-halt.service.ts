import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { HaltRow } from '../halts/halt-rows.js';
import { HaltsRepository } from '../halts/halts.repository.js';
import { HaltEffect } from './halt-effect.service.js';

/** With which a system that came out of a backup comes up. It is a halt of everything like any other, and a person releases it. */
@Injectable()
export class RestoreHalt {
  constructor(
    private readonly halts: HaltsRepository,
    private readonly effect: HaltEffect,
  ) {}

  async impose(tx: Tx, reason: string): Promise<HaltRow> {
    const halt = await this.halts.impose(tx, { scope_type: 'global', scope_id: null, mode: 'halt', reason, source: 'restore', imposed_by: 'system' });
    await this.effect.record(tx, null, 'halt.imposed', halt, {});
    return halt;
  }

  /** After the commit: waits until it is carried through, or so long. False: it is not yet. */
  async within(id: string, ms: number): Promise<boolean> {
    await this.effect.within(id, ms);
    return (await this.halts.byId(id))?.effective_at !== null;
  }
}
