import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AgentsService, instanceOf } from '../agents/agents.service.js';
import { LeaseService } from '../commands/lease.service.js';
import type { CommandRow } from '../commands/commands.repository.js';
import type { Caller } from '../common/http/caller.js';
import { parsed } from '../common/http/validation.js';
import { conflict } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { bookOf, ReportsService } from '../positions/reports.service.js';
import { TradesService } from '../trades/trades.service.js';
import { DealsService } from './deals.service.js';
import { type ReconcileAnswer, type ReconcileBody, reconcileSchema } from './reconcile.schemas.js';
import { UnknownCommandsService } from './unknown-commands.service.js';

/** Whether the result of a command is meant as an answer to `reconcile`: one that lacks something is refused, not taken for nothing. */
export const tellsOfBroker = (result: unknown): boolean => result !== null && typeof result === 'object' && ('positions' in result || 'deals' in result);

const NO_DEALS: ReconcileAnswer['deals'] = { stored: 0, known: 0, tooOld: 0, adopted: [] };

/** Lays both books side by side: what the broker did, then what it shows, then what became of what nobody knew of. */
@Injectable()
export class ReconcileService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly agents: AgentsService,
    private readonly reports: ReportsService,
    private readonly deals: DealsService,
    private readonly unknown: UnknownCommandsService,
    private readonly trades: TradesService,
    leases: LeaseService,
  ) {
    leases.onComplete('reconcile', {
      hold: (tx, agentId) => this.trades.holdAccount(tx, agentId, 'alone'),
      took: (tx, caller, command, result) => this.tookAnswer(tx, caller, command, result),
    });
  }

  /** Unasked. @throws {Problem} 409 AGENT_INSTANCE_CONFLICT; as a report of positions and as fills */
  async reconcile(caller: Caller, agentId: string, body: ReconcileBody): Promise<ReconcileAnswer> {
    const outcome = await inTransaction(this.dataSource, async (tx) => {
      await this.trades.holdAccount(tx, agentId, 'alone');
      await this.agents.lock(tx, agentId);
      return this.reconcileWithin(tx, caller, agentId, body);
    });
    if ('holder' in outcome) throw await this.agents.otherInstance(caller, agentId, outcome.holder);
    return outcome;
  }

  /** The result of a command. One that says nothing of what the broker shows only ends it, as any other command. @throws {Problem} 400 naming what is wrong or left out */
  private async tookAnswer(tx: Tx, caller: Caller, { agent_id: agentId }: CommandRow, result: unknown): Promise<void> {
    if (!tellsOfBroker(result)) return;
    const outcome = await this.reconcileWithin(tx, caller, agentId, parsed(reconcileSchema, result, 'result'));
    if ('holder' in outcome) throw conflict('AGENT_INSTANCE_CONFLICT', `Another copy of this agent (${outcome.holder}) holds the trading lease.`);
  }

  /** The account and the agent must be locked. */
  private async reconcileWithin(tx: Tx, caller: Caller, agentId: string, { deals, ...shown }: ReconcileBody): Promise<ReconcileAnswer | { holder: string }> {
    const body = { ...shown, complete: true };
    const opened = await this.reports.open(tx, agentId, instanceOf(caller), body);
    if ('holder' in opened) return opened;
    const { context, refusal } = opened;
    if (refusal?.code === 'ACCOUNT_MISMATCH') return { ...refusal, deals: NO_DEALS, settled: [] };
    // Before the positions: what is gone from them has ended as its deals say.
    const taken = await this.deals.take(tx, caller, agentId, bookOf(agentId, context), context.margin_mode !== 'hedging', deals);
    const answer = refusal ?? (await this.reports.apply(tx, caller, agentId, body, context, deals.length > 0));
    const settled = answer.complete ? await this.unknown.settle(tx, caller, agentId, body, deals) : [];
    return { ...answer, deals: taken, settled };
  }
}
