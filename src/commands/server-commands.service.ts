import { Injectable } from '@nestjs/common';
import { Exact } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import { afterCommit, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import type { ExitReason } from '../trades/trade-fields.js';
import { TradesService } from '../trades/trades.service.js';
import { COMMAND_TYPES, PRIORITIES } from './command-types.js';
import { type CommandRow, CommandsRepository, type NewCommand } from './commands.repository.js';
import { cancelEvent, checkedPayload, createdData, madeBy, newCommand } from './new-command.js';
import { Parking } from './parking.js';
import { Sweeper } from './sweeper.js';

/** Commands that nobody asked for by name: what follows from a decision, a halt, a rule, or from what is not known. Each is made in the transaction of its cause. */
@Injectable()
export class ServerCommands {
  constructor(
    private readonly commands: CommandsRepository,
    private readonly trades: TradesService,
    private readonly events: Events,
    private readonly parking: Parking,
    private readonly sweeper: Sweeper,
  ) {}

  /**
   * Queues what the gate has let through, in the transaction that decided so: the only way in which an opening is made.
   * @param by the caller; null: the server, for what somebody proposed earlier
   */
  queueOpening(tx: Tx, by: Caller | null, opening: { id: string; agentId: string; payload: Record<string, unknown>; expiresAt: string; correlationId: string | null }): Promise<CommandRow> {
    return this.queue(tx, by, {
      id: opening.id, agentId: opening.agentId, type: 'open_trade', class: 'opens', once: true, payload: checkedPayload('open_trade', opening.payload),
      priority: PRIORITIES.indexOf(COMMAND_TYPES.open_trade.priority), notBefore: null, expiresAt: opening.expiresAt, tradeId: null, maxAttempts: 1,
      ...madeBy(by, opening.correlationId),
    });
  }

  /** Queues the close of a part of a trade, in a transaction that holds its account; null when there is no more to close than is under way. */
  async queueClose(tx: Tx, by: Caller | null, { agentId, tradeId, size, reason, correlationId }: { agentId: string; tradeId: string; size: string; reason: string; correlationId: string | null }): Promise<CommandRow | null> {
    const trade = await this.trades.openSize(tx, agentId, tradeId);
    const closing = await this.commands.beingClosed(tx, tradeId);
    const left = closing.whole || !trade ? new Exact(0) : Exact.min(new Exact(trade.openSize).minus(closing.size), size);
    if (left.lte(0)) return null;
    return this.queue(tx, by, newCommand(madeBy(by, correlationId), agentId, { type: 'close_trade' }, 'reduces', { tradeId, size: left.toFixed(), reason }));
  }

  /**
   * Asks agents what their brokers show, unless they are asked already.
   * @param seconds in which one was not asked before
   */
  async askToReconcile(tx: Tx, caller: Caller | null, agentIds: readonly string[], seconds: number, payloadOf: (agentId: string) => Record<string, unknown>): Promise<void> {
    for (const agentId of await this.commands.withoutWaiting(tx, agentIds, 'reconcile', seconds)) {
      await this.queue(tx, caller, newCommand(madeBy(caller), agentId, { type: 'reconcile' }, 'neutral', payloadOf(agentId)));
    }
  }

  /** The agents are locked, in the order of their ids. */
  queueCancel(tx: Tx, agentId: string, payload: Record<string, unknown>, by: Caller | null = null): Promise<CommandRow> {
    return this.queue(tx, by, newCommand(madeBy(by), agentId, { type: 'cancel_order' }, 'reduces', payload));
  }

  /**
   * Queues the close of a trade, or of a part of it, for who wants it closed until it is. Null where nothing is to be sent: the
   * agent is retired, nothing is open, or something under way may close it. The trade is locked.
   * @param size null: all that is open
   */
  async closeWithin(tx: Tx, agentId: string, tradeId: string, { size, reason, exitReason, correlationId }: { size: string | null; reason: string; exitReason: ExitReason; correlationId: string | null }): Promise<CommandRow | null> {
    if ((await this.commands.agentTakesCommands(tx, agentId)) !== 'yes') return null;
    const trade = await this.trades.openSize(tx, agentId, tradeId);
    if (!trade || new Exact(trade.openSize).lte(0) || (await this.commands.isBeingClosed(tx, agentId, tradeId))) return null;
    const part = size !== null && new Exact(size).lt(trade.openSize) ? { size } : {};
    await this.trades.noteClosing(tx, tradeId, exitReason);
    return this.queue(tx, null, newCommand(madeBy(null, correlationId), agentId, { type: 'close_trade' }, 'reduces', { tradeId, ...part, reason }));
  }

  /** An opening that is not wanted any more: queued it ends, leased it is marked, and may be done all the same. False: it was over, or nobody knows. */
  async cancelOpening(tx: Tx, caller: Caller, id: string, reason: string): Promise<boolean> {
    const before = await this.commands.lock(tx, id);
    await this.cancelClose(tx, caller, id, reason);
    return before !== null && before.finished_at === null && before.status !== 'leased' && before.status !== 'unknown';
  }

  /** A close that is not wanted any more: queued it ends, leased it is marked. What nobody knows the outcome of stays. */
  async cancelClose(tx: Tx, caller: Caller | null, id: string, reason: string): Promise<void> {
    const command = await this.commands.lock(tx, id);
    if (!command || command.finished_at !== null || command.status === 'unknown' || command.cancel_requested) return;
    if (command.status === 'leased') await this.commands.requestCancel(tx, id, reason);
    else await this.commands.setStatus(tx, id, 'cancelled', { reason });
    await this.events.append(tx, caller, [cancelEvent(command.agent_id, command)]);
  }

  /** A close that waits takes no more than is left of what it was to close. */
  async shrinkClose(tx: Tx, id: string, size: string): Promise<void> {
    const command = await this.commands.lock(tx, id);
    const asked = command?.payload['size'];
    if (!command || !['queued', 'waiting_for_market'].includes(command.status) || typeof asked !== 'string' || new Exact(asked).lte(size)) return;
    await this.commands.setSize(tx, id, size);
  }

  /** After the commit of what changes what these agents should be doing: their polls end with it, with or without commands. */
  tellAtOnce(agentIds: readonly string[]): void {
    void this.parking.wakeAll(agentIds);
  }

  private async queue(tx: Tx, caller: Caller | null, command: NewCommand): Promise<CommandRow> {
    const row = await this.commands.insert(tx, command);
    await this.events.append(tx, caller, [{ type: 'command.created', subjectId: row.id, agentId: row.agent_id, data: createdData(command) }]);
    afterCommit(tx, () => {
      this.parking.wake(row.agent_id);
      if (row.expires_at !== null) this.sweeper.expectIn((Date.parse(row.expires_at) - Date.now()) / 1000);
    });
    return row;
  }
}
