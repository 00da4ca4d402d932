import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction.js';
import type { TradeRow } from './trades.repository.js';

/** Told of every trade that begins or moves, in its transaction, whoever moved it. The trade is locked then, its account perhaps not. */
export type TradeHook = (tx: Tx, trade: TradeRow) => Promise<void>;

/** Modules above know what follows from a trade; this one does not know them. */
@Injectable()
export class TradeWatch {
  private readonly hooks: TradeHook[] = [];

  onMoved(hook: TradeHook): void {
    this.hooks.push(hook);
  }

  async moved(tx: Tx, trade: TradeRow): Promise<void> {
    for (const hook of this.hooks) await hook(tx, trade);
  }
}
