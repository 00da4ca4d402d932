import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';
import { drillFigures } from './drill-figures.js';

const time = () => z.iso.datetime().nullable();

export const drillShownSchema = z.object({
  lastAt: time().describe('null: none was ever run'), ok: z.boolean().nullable().describe('of the last'), lastGoodAt: time(), backup: z.string().nullable().describe('that the last one restored'),
  backupAt: time().describe('up to when that reaches'), seconds: z.number().nullable().describe('that the last one took'), error: z.string().nullable(), cron: z.string().nullable().describe('null: only the command line runs them'),
});
export type DrillShown = z.output<typeof drillShownSchema>;

@Injectable()
export class DrillsShown {
  constructor(
    @Inject(ENV) private readonly env: Pick<Env, 'RESTORE_DRILL_CRON'>,
    private readonly database: DatabaseService,
  ) {}

  /** Asked beside the pool. Null: not known. */
  async get(): Promise<DrillShown | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      const { lastAt, lastOk, lastGoodAt, backup, backupAt, seconds, error } = await askAside(url, 'tradewarden-drills', (client) => drillFigures((text) => client.query(text)));
      return { lastAt: iso(lastAt), ok: lastOk, lastGoodAt: iso(lastGoodAt), backup, backupAt: iso(backupAt), seconds, error, cron: this.env.RESTORE_DRILL_CRON ?? null };
    } catch {
      return null;
    }
  }
}

const iso = (seconds: number | null): string | null => (seconds === null ? null : new Date(seconds * 1_000).toISOString());
