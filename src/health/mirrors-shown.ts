import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { askAside } from '../database/aside.js';
import { DatabaseService } from '../database/database.service.js';
import { type MirrorFigures, mirrorFigures } from './mirror-figures.js';

const KEPT_MS = 2_000;
const SOON_MS = 90;

/** Asks beside the pool, 0.9 s at most; those that ask together share one look, and the probes of a moment. */
@Injectable()
export class MirrorsShown {
  private kept: MirrorFigures[] | null = null;
  private keptAt = -Infinity;
  private looking: Promise<MirrorFigures[] | null> | null = null;

  constructor(private readonly database: DatabaseService) {}

  /** Null: not known. */
  get(): Promise<MirrorFigures[] | null> {
    if (performance.now() - this.keptAt < KEPT_MS) return Promise.resolve(this.kept);
    this.looking ??= this.look().finally(() => (this.looking = null));
    return this.looking;
  }

  /** For whoever must answer now: null when it takes longer than a moment. */
  async soon(): Promise<MirrorFigures[] | null> {
    const enough = new AbortController();
    const late = pause(SOON_MS, null, { signal: enough.signal }).catch(() => null);
    return Promise.race([this.get(), late]).finally(() => enough.abort());
  }

  private async look(): Promise<MirrorFigures[] | null> {
    const { url } = this.database;
    if (url === undefined) return null;
    try {
      this.kept = await askAside(url, 'tradewarden-mirrors', (client) => mirrorFigures((text) => client.query(text)));
    } catch {
      this.kept = null;
    }
    this.keptAt = performance.now();
    return this.kept;
  }
}
