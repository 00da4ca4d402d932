import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { ENV } from '../config/env.token.js';
import type { Env } from '../config/env.js';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';
import { type BackupFigures, backupFigures } from './backup-figures.js';

const KEPT_MS = 2_000;
const SOON_MS = 90;

const time = () => z.iso.datetime().nullable();

export const backupShownSchema = z.object({
  verifiedAt: time().describe('up to when the last proven backup reaches; null: none was ever proven'), offsiteAt: time().describe('likewise of the last copy on another machine'),
  verifiedHours: z.number().nullable(), offsiteHours: z.number().nullable(),
  overdue: z.boolean().nullable().describe('older than BACKUP_MAX_AGE_HOURS, or never; null: that is 0'),
  name: z.string().nullable(), kind: z.enum(['dump', 'base']).nullable(), bytes: z.number().nullable(), seconds: z.number().nullable().describe('that the last proven one took, with its proof'),
  runningSince: time(), error: z.string().nullable().describe('of the last run; null: it was good'), offsiteError: z.string().nullable(), cron: z.string().nullable().describe('null: the server backs up nothing by itself'),
});
export type BackupShown = z.output<typeof backupShownSchema>;

/** Asks beside the pool, 0.9 s at most; those that ask together share one look, and the probes of a moment. */
@Injectable()
export class BackupsShown {
  private kept: BackupFigures | null = null;
  private keptAt = -Infinity;
  private looking: Promise<BackupFigures | null> | null = null;

  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly database: DatabaseService,
  ) {}

  /** Null: not known. */
  async get(): Promise<BackupShown | null> {
    const figures = await this.figures();
    return figures && this.shown(figures);
  }

  /** What anybody may read: ages. Null when it takes longer than a moment. */
  async soon(): Promise<{ lastVerifiedHours: number | null; lastOffsiteHours: number | null; overdue: boolean | null; failing: boolean } | null> {
    const enough = new AbortController();
    const late = pause(SOON_MS, null, { signal: enough.signal }).catch(() => null);
    const shown = await Promise.race([this.get(), late]).finally(() => enough.abort());
    return shown && { lastVerifiedHours: shown.verifiedHours, lastOffsiteHours: shown.offsiteHours, overdue: shown.overdue, failing: shown.error !== null || shown.offsiteError !== null };
  }

  private figures(): Promise<BackupFigures | null> {
    if (performance.now() - this.keptAt < KEPT_MS) return Promise.resolve(this.kept);
    this.looking ??= this.look().finally(() => (this.looking = null));
    return this.looking;
  }

  private shown({ verifiedAt, offsiteAt, verifiedAgeSeconds, offsiteAgeSeconds, runningSince, failures: _failures, ...rest }: BackupFigures): BackupShown {
    const most = this.env.BACKUP_MAX_AGE_HOURS;
    const verifiedHours = hours(verifiedAgeSeconds);
    return {
      verifiedAt: iso(verifiedAt), offsiteAt: iso(offsiteAt), verifiedHours, offsiteHours: hours(offsiteAgeSeconds),
      overdue: most === 0 ? null : verifiedAgeSeconds === null || verifiedAgeSeconds > most * 3_600, ...rest, runningSince: iso(runningSince), cron: this.env.BACKUP_CRON ?? null,
    };
  }

  private async look(): Promise<BackupFigures | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      this.kept = await askAside(url, 'tradewarden-backups', (client) => backupFigures((text) => client.query(text)));
    } catch {
      this.kept = null;
    }
    this.keptAt = performance.now();
    return this.kept;
  }
}

const iso = (seconds: number | null): string | null => (seconds === null ? null : new Date(seconds * 1_000).toISOString());
const hours = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds / 360) / 10);
