import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { replaceFile } from '../../config/durable-file.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import type { StaleFile, StaleName } from '../../database/stale-reading.js';
import { RiskConfigRepository } from '../../risk/risk-config.repository.js';
import { toRiskConfig } from '../../risk/risk-config.schemas.js';
import type { KeptStrategy } from '../../strategies/kept-strategies.js';
import { StrategiesRepository } from '../../strategies/strategies.repository.js';
import { toStrategy } from '../../strategies/strategies.schemas.js';

const PAGE_ROWS = 500;
/** No secrets stand in them; whoever runs the server must be able to read them. */
const MODE = 0o644;

/** Limits and strategies as this system answers them, beside the mirror: what is read while the database is away. */
@Injectable()
export class OwnFiles {
  constructor(
    private readonly config: RiskConfigRepository,
    private readonly strategies: StrategiesRepository,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /** Each says the time before it was read: what it holds is at least as new. */
  async bring(folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    await this.put(folder, 'risk-config', async () => toRiskConfig(await this.config.get(), this.env.BASE_CURRENCY));
    await this.put(folder, 'strategies', () => this.allStrategies());
  }

  private async put<T>(folder: string, name: StaleName, read: () => Promise<T>): Promise<void> {
    const asOf = new Date().toISOString();
    const file: StaleFile<T> = { asOf, content: await read() };
    replaceFile(join(folder, `${name}.json`), `${JSON.stringify(file)}\n`, MODE);
  }

  private async allStrategies(): Promise<KeptStrategy[]> {
    const kept: KeptStrategy[] = [];
    for (let more = true; more; ) {
      const rows = await this.strategies.list({}, PAGE_ROWS, String(kept.at(-1)?.seq ?? 0));
      more = rows.length > PAGE_ROWS;
      kept.push(...rows.slice(0, PAGE_ROWS).map((row) => ({ seq: row.seq, strategy: toStrategy(row) })));
    }
    return kept;
  }
}
