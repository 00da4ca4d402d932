import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { agentOf, mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest, conflict, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { newestOf } from '../database/newest-first.js';
import { Events } from '../events/events.service.js';
import { Incidents } from '../incidents/incidents.service.js';
import { SymbolLookup } from '../instruments/symbol-lookup.js';
import { BrokerTradesRepository } from './broker-trades.repository.js';
import { ClaimsService } from './claims.service.js';
import { differingFields, type Facts, factsOf, hashOf } from './request-facts.js';
import { eventOf } from './trade-change.js';
import { type Doubt, doubtsOf } from './trade-doubts.js';
import { differs } from './let-through.js';
import { type Opening, OpeningsRepository, UNTOLD } from './openings.repository.js';
import { EXECUTION_MODES, type ExitReason } from './trade-fields.js';
import type { TradeStatus } from './trade-state.js';
import { LATE_AFTER_SECONDS, secondsBetween } from './trade-times.js';
import { type TradeFilter, TradeListsRepository } from './trade-lists.repository.js';
import { type LinkedExplanation, type NewTrade, type TradeRow, TradesRepository, type TransitionRow } from './trades.repository.js';
import type { createTradeSchema } from './trades.schemas.js';
import { UngatedTrades } from './ungated.service.js';

type NewTradeBody = z.output<typeof createTradeSchema>;

/** A trade as it was told, and what the gate has to do with it. */
interface Told {
  trade: NewTrade;
  /** Why it did not pass the gate, in words for a person; null: it did. */
  ungated: string | null;
  /** What was made of it before its agent told it. */
  untoldId: string | null;
  doubts: Doubt[];
}

/** An answer to a request that may have been answered before. */
export interface Answered {
  trade: TradeRow;
  /** Null: this is the first time. Otherwise the fields in which it differs from the first. */
  repeats: string[] | null;
  /** Of a trade that was just told. */
  doubts?: Doubt[];
}

@Injectable()
export class TradesService {
  constructor(
    private readonly trades: TradesRepository,
    private readonly lists: TradeListsRepository,
    private readonly events: Events,
    private readonly claims: ClaimsService,
    private readonly brokerTrades: BrokerTradesRepository,
    private readonly symbols: SymbolLookup,
    private readonly openings: OpeningsRepository,
    private readonly ungated: UngatedTrades,
    private readonly incidents: Incidents,
  ) {}

  /**
   * Stores a trade, or answers the one that the agent has told under this clientOrderId. What was made in its place, since
   * the broker or the end of its command showed it earlier, becomes it.
   * @throws {Problem} 404 or 409 for a prediction or command that is not this agent's, 409 EXECUTION_MODE_MISMATCH
   */
  async create(tx: Tx, caller: Caller, body: NewTradeBody): Promise<Answered> {
    const { agentId } = agentOf(caller);
    // Before what it names: who adopts what the broker shows holds the account, and then looks at the same.
    if (body.commandId != null || body.ideaId != null) await this.brokerTrades.holdAccountOf(tx, agentId);
    const first = await this.trades.byClientOrder(tx, agentId, body.clientOrderId);
    if (first && first.request_hash !== UNTOLD) return this.repeated(tx, first, body);
    const told = await this.newTrade(tx, agentId, body, first?.command_id ?? null);
    const { trade, untoldId } = told;
    if (first && first.id !== untoldId) return this.repeated(tx, first, body);
    const claimed = await this.claims.claim(tx, caller, trade, requestFacts(body, trade.execution_mode), untoldId);
    if (claimed) return this.stored(tx, caller, claimed, told);
    const now = await this.trades.now(tx);
    const occurredAt = trade.status === 'open' && trade.entry_time !== null ? trade.entry_time : now;
    const row = await this.trades.insert(tx, trade, {
      from: null, to: trade.status, occurredAt, late: secondsBetween(occurredAt, now) > LATE_AFTER_SECONDS, brokerDealId: null,
      facts: requestFacts(body, trade.execution_mode), reason: null, actor: actorOf(caller.principal), correlationId: caller.correlationId,
    });
    // Somebody was faster, and is to be found now.
    if (!row) return this.create(tx, caller, body);
    await this.events.append(tx, caller, [
      {
        type: eventOf(null, row.status), subjectId: row.id, agentId, accountId: row.account_id,
        data: {
          version: 1, symbol: row.symbol, direction: row.direction, lotSize: row.lot_size, executionMode: row.execution_mode, origin: row.origin,
          // What names nothing is most of what is told outside live: there it goes without saying.
          ...(told.ungated !== null && row.command_id !== null ? { ungated: told.ungated } : {}),
        },
      },
    ]);
    return this.stored(tx, caller, row, told);
  }

  private async stored(tx: Tx, caller: Caller, trade: TradeRow, { ungated, doubts }: Told): Promise<Answered> {
    if (ungated !== null) await this.ungated.note(tx, caller, trade, ungated);
    if (doubts.length > 0) await this.doubtful(tx, caller, trade, doubts);
    return { trade, repeats: null, doubts };
  }

  /** One for its agent, however many: what is wrong with one is mostly wrong with all that its code tells. */
  private doubtful(tx: Tx, caller: Caller, { id, agent_id: agentId, symbol, client_order_id: clientOrderId }: TradeRow, doubts: Doubt[]): Promise<void> {
    return this.incidents.open(tx, caller, {
      kind: 'TRADE_DOUBTFUL', severity: 'warning', subjectId: agentId, agentId, data: { tradeId: id, clientOrderId, symbol, doubts },
      summary: `A trade in ${symbol} cannot be as it was told: ${doubts.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
    });
  }

  /** @param madeFor the command of what was made in its place, for one that names none */
  private async newTrade(tx: Tx, agentId: string, body: NewTradeBody, madeFor: string | null): Promise<Told> {
    const agent = await this.trades.agent(tx, agentId);
    if (!agent) throw notFound('agent');
    const mode = body.executionMode ?? agent.mode;
    if (mode !== agent.mode) throw conflict('EXECUTION_MODE_MISMATCH', `The agent is in mode ${agent.mode}, the trade in mode ${mode}.`);
    if (body.predictionId != null) mustBeOf(agentId, await this.trades.agentOfPrediction(tx, body.predictionId), 'prediction');
    if (body.strategyId != null && !(await this.brokerTrades.hasStrategy(tx, body.strategyId))) throw notFound('strategy');
    if (body.commandId != null) mustBeOf(agentId, await this.trades.agentOfCommand(tx, body.commandId), 'command');
    const named = await this.symbols.named(tx, agent.account_id, body.symbol, body.exchange ?? null);
    const opening = await this.opening(tx, agentId, { commandId: body.commandId ?? (body.ideaId == null ? madeFor : null), ideaId: body.ideaId });
    const ungated = notLetThrough(opening, body, named);
    const gated = ungated === null ? opening : null;
    // What was not handed out can still be: the trade does not take its place.
    const commandId = opening?.handed_out === false ? null : (body.commandId ?? opening?.command_id ?? null);
    const trade: NewTrade = {
      id: uuidv7(), agent_id: agentId, account_id: agent.account_id, client_order_id: body.clientOrderId, symbol: named.symbol,
      broker_symbol: named.brokerSymbol,
      exchange: named.exchange, product: body.product ?? gated?.product ?? null, direction: body.direction, outcome: body.outcome ?? null,
      lot_size: body.lotSize, entry_price: body.entryPrice ?? null, entry_time: body.entryTime ?? null, stop_loss: body.stopLoss ?? null,
      take_profit: body.takeProfit ?? null, execution_mode: mode,
      // A client cannot say that its trade passed the gate: it names what did, and the trade must be that.
      origin: gated ? 'gated' : 'ungated', order_tag: gated?.order_tag ?? null,
      broker: body.broker ?? null, broker_order_id: body.brokerOrderId ?? null, broker_position_id: body.brokerPositionId ?? null,
      broker_ticket: body.brokerTicket ?? null, prediction_id: body.predictionId ?? null, idea_id: body.ideaId ?? opening?.idea_id ?? null,
      command_id: commandId, strategy_id: body.strategyId ?? opening?.strategy_id ?? null, status: statusOf(body), source_time: body.sourceTime ?? null,
      request_hash: hashOf(requestFacts(body, mode)),
    };
    const doubts = doubtsOf(trade, await this.symbols.kindOf(tx, agent.account_id, trade));
    return { trade, ungated, untoldId: gated?.untold ? gated.trade_id : null, doubts };
  }

  /** What the gate let through and this trade names; null: nothing. */
  private async opening(tx: Tx, agentId: string, { commandId = null, ideaId = null }: Pick<NewTradeBody, 'commandId' | 'ideaId'>): Promise<Opening | null> {
    if (commandId === null && ideaId === null) return null;
    const executor = ideaId === null ? null : await this.openings.executorOfIdea(tx, ideaId);
    if (executor !== null) mustBeOf(agentId, executor, 'idea');
    return this.openings.find(tx, commandId, ideaId);
  }

  /** The trade has moved on since: what the first request said stands in the first line of its history. */
  private async repeated(tx: Tx, trade: TradeRow, body: NewTradeBody): Promise<Answered> {
    const facts = requestFacts(body, trade.execution_mode);
    if (hashOf(facts) === trade.request_hash) return { trade, repeats: [] };
    const first = await this.trades.firstTransition(tx, trade.id);
    return { trade, repeats: differingFields(first?.facts ?? {}, facts) };
  }

  /** @throws {Problem} 404, or 403 for a key of another agent */
  async get(caller: Caller, id: string): Promise<TradeRow> {
    const trade = await this.trades.byId(id);
    if (!trade) throw notFound('trade');
    mustOwn(caller, trade.agent_id);
    return trade;
  }

  async getWithExplanations(caller: Caller, id: string): Promise<{ trade: TradeRow; explanations: LinkedExplanation[] }> {
    return { trade: await this.get(caller, id), explanations: await this.trades.explanations(id) };
  }

  async list(filter: TradeFilter, limit: number, cursor: string | undefined): Promise<TradeRow[]> {
    const spellings = filter.symbol === undefined ? [undefined] : await this.symbols.spellings(filter.agentId, filter.symbol);
    const asked = spellings.flatMap((symbol) => byMode({ ...filter, symbol }));
    const lists = await Promise.all(asked.map((each) => this.listOne(each, limit, cursor)));
    return newestOf(lists, limit + 1, ({ entry_time }) => (filter.from === undefined && filter.to === undefined ? '' : (entry_time ?? '')));
  }

  private async listOne(filter: TradeFilter, limit: number, cursor: string | undefined): Promise<TradeRow[]> {
    if (filter.from === undefined && filter.to === undefined) return this.lists.list(filter, limit, cursor);
    const after = cursor === undefined ? null : await this.lists.placeOf(cursor);
    if (cursor !== undefined && !after) throw badRequest('VALIDATION_FAILED', 'is not a cursor that this list gave', 'cursor');
    return this.lists.listEntered(filter, limit, after);
  }

  async transitions(caller: Caller, id: string, limit: number, cursor: string | undefined): Promise<TransitionRow[]> {
    await this.get(caller, id);
    return this.trades.transitions(id, limit, cursor);
  }

  /**
   * What of an agent's trade may be closed, with the trade locked; null when it has no such trade. While nobody knows
   * whether it is open, it may still be closed: an exit is never refused for want of knowledge.
   */
  async openSize(tx: Tx, agentId: string, tradeId: string): Promise<{ status: TradeStatus; openSize: string; stopLoss: string | null; direction: 'long' | 'short' } | null> {
    const trade = await this.trades.lock(tx, tradeId);
    if (trade?.agent_id !== agentId) return null;
    return { status: trade.status, openSize: trade.open_size, stopLoss: trade.stop_loss, direction: trade.direction };
  }

  /** Why a close of it is sent, for an end that says no reason. The trade must be locked. */
  noteClosing(tx: Tx, tradeId: string, reason: ExitReason): Promise<void> {
    return this.brokerTrades.noteClosing(tx, tradeId, reason);
  }

  /** For who stores trades after taking other locks: the account comes first, everywhere. */
  holdAccount(tx: Tx, agentId: string, how: 'shared' | 'alone' = 'shared'): Promise<void> {
    return this.brokerTrades.holdAccountOf(tx, agentId, how === 'alone');
  }

  /** How many trades of an agent are pending, open, closing or unknown. */
  openCount(tx: Tx, agentId: string): Promise<number> {
    return this.trades.countUnfinished(tx, agentId);
  }
}

/** The index of an account's trades has the mode before the number: without a mode it is asked once for each. A window walks another. */
function byMode(filter: TradeFilter): TradeFilter[] {
  const isOne = filter.agentId !== null || filter.accountId === undefined || filter.executionMode !== undefined || (filter.from ?? filter.to) !== undefined;
  return isOne ? [filter] : EXECUTION_MODES.map((executionMode) => ({ ...filter, executionMode }));
}

const statusOf = ({ status, entryPrice, entryTime }: NewTradeBody) => status ?? (entryPrice != null && entryTime != null ? 'open' : 'pending');

/** With what goes without saying said, so that a client that says it repeats one that does not. */
function requestFacts(body: NewTradeBody, executionMode: string): Facts {
  const { clientOrderId: _key, ...said } = body;
  return factsOf({ ...said, executionMode: body.executionMode ?? executionMode, status: statusOf(body) });
}

/** Why a trade is not what was let through, or less of it; null: it is. The second one of a command is not. */
function notLetThrough(opening: Opening | null, body: NewTradeBody, { symbol, exchange }: { symbol: string; exchange: string | null }): string | null {
  if (!opening) return 'it names no idea that passed the gate, nor the command of one';
  if (!opening.handed_out) return 'its command was never handed out';
  if (opening.tag_taken && !opening.untold) return 'its command has a trade already';
  if (body.ideaId != null && body.ideaId !== opening.idea_id) return 'its command is of another idea';
  return differs(opening, { symbol, exchange, product: body.product ?? undefined, direction: body.direction, outcome: body.outcome ?? null, size: body.lotSize });
}

function mustBeOf(agentId: string, owner: string | null, what: 'prediction' | 'command' | 'idea'): void {
  if (owner === null) throw notFound(what);
  if (owner !== agentId) throw conflict(`${what.toUpperCase()}_OF_ANOTHER_AGENT`, `The ${what} is another agent's.`);
}
