import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { ServerCommands } from '../commands/server-commands.service.js';
import { Exact, sumOf } from '../common/decimal.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import type { Tx } from '../database/transaction.js';
import type { DecisionType } from '../decisions/decision.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { Events } from '../events/events.service.js';
import type { Decided, GateRequest } from '../risk/gate/gate.service.js';
import { ReservationsRepository } from '../risk/reservations.repository.js';
import { type Approvable, bandOf, digestOf, slippageOf } from './idea-digest.js';
import { isOpen } from './idea-status.js';
import { type IdeaRow, type IdeaStep, IdeasRepository } from './ideas.repository.js';

/** What is done in place of a look at the gate, and goes into the history with it. */
export interface Written {
  type: DecisionType;
  decided: Decided | null;
  humanOverride?: Record<string, unknown> | null;
  reason?: string | null;
}

/** What a decision leaves behind, all in its transaction: the idea's state, the commands, the reservation, the history, the event. The account is locked. */
@Injectable()
export class IdeaOutcomes {
  constructor(
    private readonly ideas: IdeasRepository,
    private readonly commands: ServerCommands,
    private readonly reservations: ReservationsRepository,
    private readonly decisions: DecisionsService,
    private readonly events: Events,
  ) {}

  /** The command and the reservation of what opens, if it was let through; the idea must be stored. */
  async carryOut(tx: Tx, by: Caller | null, idea: IdeaRow, { input, assessment }: Decided, commandId: string): Promise<void> {
    if (assessment.verdict !== 'approved' || input.idea.lotSize === '0') return;
    const { correlation_id: correlationId } = idea;
    const orderTag = randomBytes(8).toString('hex').toUpperCase();
    await this.commands.queueOpening(tx, by, {
      id: commandId, agentId: idea.executor_id, correlationId, expiresAt: new Date(Date.parse(input.now) + idea.valid_for_seconds * 1_000).toISOString(),
      payload: given({
        ideaId: idea.id, orderTag, symbol: idea.symbol, brokerSymbol: input.instrument.terms?.brokerSymbol ?? idea.broker_symbol, exchange: idea.exchange, product: idea.product,
        outcome: idea.outcome, direction: idea.direction, lotSize: input.idea.lotSize, limitPrice: assessment.price, maxSlippage: assessment.price && slippageOf({ direction: idea.direction, entryRange: input.idea.entryRange, stopLoss: idea.stop_loss }, assessment.price), stopLoss: idea.stop_loss, takeProfit: idea.take_profit,
        validForSeconds: idea.valid_for_seconds, strategyId: idea.strategy_id,
      }),
    });
    await this.reservations.insert(tx, {
      id: uuidv7(), ideaId: idea.id, commandId, accountId: idea.account_id, executionMode: idea.execution_mode, agentId: idea.executor_id, proposerId: proposerOf(idea),
      strategyId: idea.strategy_id, symbol: idea.symbol, brokerSymbol: idea.broker_symbol, exchange: idea.exchange, product: idea.product, direction: idea.direction, outcome: idea.outcome,
      size: input.idea.lotSize, entryPrice: assessment.price, stop: idea.stop_loss,
    });
  }

  /** Closes what the idea goes against. Not while it waits for a price; whatever else the gate says, since an exit is never refused. */
  async reduce(tx: Tx, by: Caller | null, idea: Pick<IdeaRow, 'id' | 'executor_id' | 'correlation_id'>, { reduces }: Decided): Promise<Pick<IdeaRow, 'close_command_ids' | 'reduced_size'> | null> {
    if (reduces.length === 0) return null;
    const ids: string[] = [];
    for (const { tradeId, size } of reduces) {
      const command = await this.commands.queueClose(tx, by, { agentId: idea.executor_id, tradeId, size, reason: `idea ${idea.id}`, correlationId: idea.correlation_id });
      if (command) ids.push(command.id);
    }
    return { close_command_ids: ids, reduced_size: sumOf(reduces.map(({ size }) => size)) };
  }

  /** Moves an open idea on, and writes down why. */
  async step(tx: Tx, by: Caller | null, idea: IdeaRow, step: Omit<IdeaStep, 'decided_by'>, written: Written): Promise<{ idea: IdeaRow; decisionId: string }> {
    const decidedBy = isOpen(step.status) ? null : by ? actorOf(by.principal) : 'system';
    const row = await this.ideas.step(tx, idea, { ...step, decided_by: decidedBy, strategy_version: written.decided?.input.strategy?.version ?? idea.strategy_version });
    return { idea: row, decisionId: await this.write(tx, by, row, written) };
  }

  /** Another digest is to be approved from now on. */
  async tellMoved(tx: Tx, idea: IdeaRow, price: string | null): Promise<void> {
    await this.events.append(tx, null, [{
      type: 'idea.price_moved', subjectId: idea.id, agentId: idea.executor_id, accountId: idea.account_id,
      data: { price, digest: idea.digest, bandLow: idea.band_low, bandHigh: idea.band_high, strategyVersion: idea.strategy_version, approveUntil: idea.approve_until },
    }]);
  }

  /** Into the history of decisions, and told. */
  async write(tx: Tx, by: Caller | null, idea: IdeaRow, { type, decided, humanOverride = null, reason = null }: Written): Promise<string> {
    const { id } = await this.decisions.append(tx, by, {
      type, stream: idea.account_id, ideaId: idea.id, commandId: idea.command_id, agentId: idea.proposer_id ?? idea.executor_id, strategyId: idea.strategy_id, snapshotRef: idea.snapshot_ref,
      riskCheckResult: decided && { ...decided.assessment, checkedAt: decided.input.now, digest: idea.digest, reduces: decided.reduces }, humanOverride, reason,
    });
    await this.events.append(tx, by, [{
      type: `idea.${idea.status}`, subjectId: idea.id, agentId: idea.executor_id, accountId: idea.account_id,
      data: {
        symbol: idea.symbol, direction: idea.direction, lotSize: idea.lot_size, digest: idea.digest, decisionId: id, commandId: idea.command_id, closeCommandIds: idea.close_command_ids,
        proposerAgentId: idea.proposer_id, strategyId: idea.strategy_id, reasons: idea.reasons.map(({ code }) => code), approveUntil: idea.approve_until, waitsUntil: idea.waits_until,
      },
    }]);
    return id;
  }
}

/** Null when the executor proposes for itself: its limits count then. */
const proposerOf = ({ proposer_id, executor_id }: Pick<IdeaRow, 'proposer_id' | 'executor_id'>): string | null => (proposer_id === executor_id ? null : proposer_id);

/** What the idea would take now: the other side of the quote, else its entry; null: nobody knows. */
export const priceNow = ({ input: { quote, idea } }: Decided): string | null => {
  if (!quote) return idea.entryPrice;
  // Of a binary the quote is that of yes; no costs what is left to 1.
  if (idea.outcome === 'no') return new Exact(1).minus(idea.direction === 'long' ? quote.bid : quote.ask).toFixed();
  return idea.direction === 'long' ? quote.ask : quote.bid;
};

type Digested = Pick<IdeaRow, 'symbol' | 'exchange' | 'product' | 'direction' | 'outcome' | 'lot_size' | 'entry_price' | 'entry_low' | 'entry_high' | 'stop_loss' | 'take_profit'
  | 'valid_for_seconds' | 'executor_id' | 'account_id' | 'execution_mode' | 'strategy_id' | 'strategy_version'>;

/** The digest of an idea with the band in which an approval of it holds. */
export function bound(idea: Digested, price: string | null): Pick<IdeaRow, 'digest' | 'band_low' | 'band_high'> {
  const entryRange = idea.entry_low === null || idea.entry_high === null ? null : { low: idea.entry_low, high: idea.entry_high };
  const priceBand = bandOf({ entryRange, stopLoss: idea.stop_loss }, price);
  const what: Approvable = {
    symbol: idea.symbol, exchange: idea.exchange, product: idea.product, direction: idea.direction, outcome: idea.outcome, lotSize: idea.lot_size, entryPrice: idea.entry_price, entryRange,
    stopLoss: idea.stop_loss, takeProfit: idea.take_profit ?? [], validForSeconds: idea.valid_for_seconds, executorId: idea.executor_id, accountId: idea.account_id,
    executionMode: idea.execution_mode, strategyId: idea.strategy_id, strategyVersion: idea.strategy_version, priceBand,
  };
  return { digest: digestOf(what), band_low: priceBand?.low ?? null, band_high: priceBand?.high ?? null };
}

/** The gate's question about a stored idea. */
export const requestOf = (idea: IdeaRow, approved: boolean): GateRequest => ({
  accountId: idea.account_id, executionMode: idea.execution_mode, executorId: idea.executor_id, proposerId: proposerOf(idea), strategyId: idea.strategy_id, brokerSymbol: idea.broker_symbol,
  ...(idea.reduced_size === null ? {} : { reducedSize: idea.reduced_size }),
  idea: {
    symbol: idea.symbol, exchange: idea.exchange, product: idea.product, direction: idea.direction, outcome: idea.outcome, lotSize: idea.lot_size, entryPrice: idea.entry_price,
    entryRange: idea.entry_low === null || idea.entry_high === null ? null : { low: idea.entry_low, high: idea.entry_high }, stopLoss: idea.stop_loss, takeProfit: idea.take_profit ?? [],
    confidence: idea.confidence, approved,
  },
});

const given = (fields: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
