import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Problem, unavailable } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { DatabaseService } from './database.service.js';
import { isDatabaseAway } from './sql-state.js';

/** What a mirror keeps for this server, each a file `<name>.json`. */
export type StaleName = 'risk-config' | 'strategies';

export interface StaleFile<T> {
  /** What it says was so then; by the clock of the machine that wrote it. */
  asOf: string;
  content: T;
}

/** A database that hangs is not waited for until the statement's own time is over: after a second it is looked for. */
const LOOK_AFTER_MS = 1_000;

/** What can still be read while the database is away: the mirror's files, said to be old. Only with MIRROR_URL, and nothing is ever written by it. */
@Injectable()
export class StaleReading {
  private readonly log = new Logger('StaleReading');
  private readonly folder: string | undefined;

  constructor(
    @Inject(ENV) env: Env,
    private readonly database: DatabaseService,
  ) {
    this.folder = env.MIRROR_URL?.ownFolder;
  }

  get isOn(): boolean {
    return this.folder !== undefined;
  }

  /** Does `work`, and gives up waiting for it when the database turns out to be away. */
  async whileThere<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    const over = new AbortController();
    const ended = running.then(() => true, () => true).finally(() => over.abort());
    const inTime = await Promise.race([ended, pause(LOOK_AFTER_MS, false, { signal: over.signal }).catch(() => true)]);
    if (!inTime && (await this.database.isAway())) throw unavailable('DATABASE_UNAVAILABLE', 'The database cannot be reached or did not answer in time.');
    return running;
  }

  /** Whether this failed because the database is not there: looked at, since a lock or an exhausted pool fails alike. */
  async isAway(error: unknown): Promise<boolean> {
    const said = error instanceof Problem ? error.code === 'DATABASE_UNAVAILABLE' : isDatabaseAway(error);
    return said && this.isOn && (await this.database.isAway());
  }

  /** Null when it is not there, or cannot be read. */
  async read<T>(name: StaleName): Promise<StaleFile<T> | null> {
    if (this.folder === undefined) return null;
    try {
      const file = JSON.parse(await readFile(join(this.folder, `${name}.json`), 'utf8')) as Partial<StaleFile<T>>;
      if (typeof file.asOf !== 'string' || !(Date.parse(file.asOf) > 0) || file.content == null) throw new Error('it is not as the mirror writes it');
      return { asOf: file.asOf, content: file.content };
    } catch (error) {
      this.log.warn(`the mirror's ${name}.json cannot be read: ${(error as Error).message}`);
      return null;
    }
  }
}
