import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { type KeptLook, Looks } from '../database/kept-look.js';
import { type BackupFigures, backupFigures } from './backup-figures.js';

const KEPT_MS = 2_000;

const time = () => z.iso.datetime().nullable();

export const backupShownSchema = z.object({
  verifiedAt: time().describe('up to when the last proven backup reaches; null: none was ever proven'), offsiteAt: time().describe('likewise of the last copy on another machine'),
  verifiedHours: z.number().nullable(), offsiteHours: z.number().nullable(),
  overdue: z.boolean().nullable().describe('older than BACKUP_MAX_AGE_HOURS, or never; null: that is 0'),
  name: z.string().nullable(), kind: z.enum(['dump', 'base']).nullable(), bytes: z.number().nullable(), seconds: z.number().nullable().describe('that the last proven one took, with its proof'),
  runningSince: time(), error: z.string().nullable().describe('of the last run; null: it was good'), offsiteError: z.string().nullable(), cron: z.string().nullable().describe('null: the server backs up nothing by itself'),
});
export type BackupShown = z.output<typeof backupShownSchema>;

@Injectable()
export class BackupsShown {
  private readonly look: KeptLook<BackupFigures>;

  constructor(
    @Inject(ENV) private readonly env: Env,
    looks: Looks,
  ) {
    this.look = looks.of((client) => backupFigures((text) => client.query(text)), KEPT_MS);
  }

  /** Null: not known. */
  async get(): Promise<BackupShown | null> {
    const figures = await this.look.get();
    return figures && this.shown(figures);
  }

  /** What anybody may read: ages. Null when it takes longer than a moment. */
  async soon(): Promise<{ lastVerifiedHours: number | null; lastOffsiteHours: number | null; overdue: boolean | null; failing: boolean } | null> {
    const figures = await this.look.soon();
    if (figures === null) return null;
    const { verifiedHours, offsiteHours, overdue, error, offsiteError } = this.shown(figures);
    return { lastVerifiedHours: verifiedHours, lastOffsiteHours: offsiteHours, overdue, failing: error !== null || offsiteError !== null };
  }

  private shown({ verifiedAt, offsiteAt, verifiedAgeSeconds, offsiteAgeSeconds, runningSince, failures: _failures, ...rest }: BackupFigures): BackupShown {
    const most = this.env.BACKUP_MAX_AGE_HOURS;
    const verifiedHours = hours(verifiedAgeSeconds);
    return {
      verifiedAt: iso(verifiedAt), offsiteAt: iso(offsiteAt), verifiedHours, offsiteHours: hours(offsiteAgeSeconds),
      overdue: most === 0 ? null : verifiedAgeSeconds === null || verifiedAgeSeconds > most * 3_600, ...rest, runningSince: iso(runningSince), cron: this.env.BACKUP_CRON ?? null,
    };
  }
}

const iso = (seconds: number | null): string | null => (seconds === null ? null : new Date(seconds * 1_000).toISOString());
const hours = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds / 360) / 10);
