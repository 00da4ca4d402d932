import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import { BREAKERS } from './breakers.js';
import { BreakerConfigRepository } from './breaker-config.repository.js';
import { BreakerStatesRepository, type StateRow } from './breaker-states.repository.js';
import { type Resets, resetsOf } from './resets.js';
import { TradeFiguresRepository } from './trade-figures.repository.js';

export type StandingBreaker = StateRow & { resets: Resets };

/** What is not as it should be, as it was written down, without measuring anything anew. */
@Injectable()
export class BreakerStanding {
  constructor(
    private readonly config: BreakerConfigRepository,
    private readonly states: BreakerStatesRepository,
    private readonly trades: TradeFiguresRepository,
  ) {}

  /** Breakers in warning, tripped, cooling down or being tested, and what would reset them; those that hold something first. */
  async of(tx: Tx): Promise<StandingBreaker[]> {
    const rows = await this.states.standing(tx);
    if (rows.length === 0) return [];
    const settings = await this.config.all(tx);
    const trials = new Map((await this.trades.trials(tx, rows.filter(({ state }) => state === 'testing').map(({ id }) => id))).map((trial) => [trial.id, trial]));
    return rows.map((row) => ({ ...row, resets: resetsOf(row.state, row.resets_at, trials.get(row.id)?.ended ?? 0, settings[row.name], BREAKERS[row.name]) }));
  }
}
