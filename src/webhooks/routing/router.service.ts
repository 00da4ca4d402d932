import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction.js';
import type { Signal } from '../mapping/signal.js';
import type { Routed, RoutedAlert, RoutingSource } from './routed.js';

/** Makes of a signal an idea, closes, a command, or nothing. */
@Injectable()
export class AlertRouter {
  /**
   * All of it or nothing, in the transaction that also finishes the alert.
   * @throws {Problem} what a service refuses; nothing of this turn may be committed then
   */
  async route(tx: Tx, alert: RoutedAlert, signal: Signal, source: RoutingSource): Promise<Routed> {
    throw new Error(`not yet: ${tx.queryRunner?.constructor.name} ${alert.id} ${signal.intent} ${source.id}`);
  }
}
