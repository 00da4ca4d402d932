import { Injectable } from '@nestjs/common';
import { Statements } from '../database/statements.js';
import type { Tx } from '../database/transaction.js';
import { BreakerConfigRepository } from './breaker-config.repository.js';
import { LossFactsRepository } from './loss-facts.repository.js';
import { baselineOf, referenceOf } from './loss-figures.js';
import type { Book } from './trade-figures.repository.js';

/** In the account's currency; null: nobody knows. */
export interface LossBases {
  /** What the day is measured from, flows since then taken in. */
  dayBaseline: string | null;
  drawdownReference: string | null;
  /** Where the floor of the drawdown stays once it has come up to it; null: it follows the reference for ever. */
  drawdownLockedAt: string | null;
}

/** From what losses are measured, as the breakers are set and were reset: one measure for them and for the gate. */
@Injectable()
export class LossBasesService {
  constructor(
    private readonly config: BreakerConfigRepository,
    private readonly losses: LossFactsRepository,
    private readonly statements: Statements,
  ) {}

  async of(tx: Tx, book: Book): Promise<LossBases> {
    const settings = await this.config.all(tx);
    const rows = await this.losses.facts(this.statements.within(tx), [book], ['daily_loss', 'drawdown']);
    const [daily, drawdown] = (['daily_loss', 'drawdown'] as const).map((breaker) => rows.find((row) => row.breaker === breaker));
    const { reference, lockAtInitial } = settings.drawdown.parameters;
    return {
      dayBaseline: (daily && baselineOf(daily, settings.daily_loss.parameters.baseline))?.toFixed() ?? null,
      drawdownReference: (drawdown && referenceOf(drawdown, reference))?.toFixed() ?? null,
      drawdownLockedAt: lockAtInitial ? (drawdown?.initial ?? null) : null,
    };
  }
}
