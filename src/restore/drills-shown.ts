import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { type KeptLook, Looks } from '../database/kept-look.js';
import { type DrillFigures, drillFigures } from './drill-figures.js';

const time = () => z.iso.datetime().nullable();

export const drillShownSchema = z.object({
  lastAt: time().describe('null: none was ever run'), ok: z.boolean().nullable().describe('of the last'), lastGoodAt: time(), backup: z.string().nullable().describe('that the last one restored'),
  backupAt: time().describe('up to when that reaches'), seconds: z.number().nullable().describe('that the last one took'), error: z.string().nullable(), cron: z.string().nullable().describe('null: only the command line runs them'),
});
export type DrillShown = z.output<typeof drillShownSchema>;

@Injectable()
export class DrillsShown {
  private readonly look: KeptLook<DrillFigures>;

  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'RESTORE_DRILL_CRON'>,
    looks: Looks,
  ) {
    this.look = looks.of((client) => drillFigures((text) => client.query(text)));
  }

  /** Null: not known. */
  async get(): Promise<DrillShown | null> {
    const figures = await this.look.get();
    if (figures === null) return null;
    const { lastAt, lastOk, lastGoodAt, backup, backupAt, seconds, error } = figures;
    return { lastAt: iso(lastAt), ok: lastOk, lastGoodAt: iso(lastGoodAt), backup, backupAt: iso(backupAt), seconds, error, cron: this.env.RESTORE_DRILL_CRON ?? null };
  }
}

const iso = (seconds: number | null): string | null => (seconds === null ? null : new Date(seconds * 1_000).toISOString());
