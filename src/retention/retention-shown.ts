import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type KeptLook, Looks } from '../database/kept-look.js';
import { type RetentionFigures, retentionFigures } from './retention-figures.js';

export const retentionSchema = z.object({
  lastRun: z.object({
    asOf: z.iso.datetime(), status: z.enum(['running', 'finished', 'failed']), startedAt: z.iso.datetime(), finishedAt: z.iso.datetime().nullable(), error: z.string().nullable(),
    held: z.array(z.object({ table: z.string(), month: z.string(), why: z.string() })).describe('months that are old enough and stay'),
  }).nullable().describe('null: there was none yet'),
  lastSuccessAt: z.iso.datetime().nullable(),
  removed: z.array(z.object({ table: z.string(), rows: z.number(), lastAt: z.iso.datetime() })).describe('rows ever removed; of alerts, bodies; of decision_history, moved into archives'),
  archives: z.object({ files: z.int(), decisions: z.number(), bytes: z.number() }).describe('of decisions, that are nowhere else'),
}).nullable().describe('what is removed when it is old; null: not known');

@Injectable()
export class RetentionShown {
  private readonly look: KeptLook<RetentionFigures>;

  constructor(looks: Looks) {
    this.look = looks.of((client) => retentionFigures((text) => client.query(text)));
  }

  /** Null: not known. */
  get(): Promise<RetentionFigures | null> {
    return this.look.get();
  }
}
