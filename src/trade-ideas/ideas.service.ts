import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { toLeasedCommand } from '../commands/commands.schemas.js';
import { LeaseService } from '../commands/lease.service.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { badRequest, conflict, forbidden, notFound } from '../common/problem.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { DecisionsService } from '../decisions/decisions.service.js';
import { toDecision } from '../decisions/decisions.schemas.js';
import { SymbolLookup } from '../instruments/symbol-lookup.js';
import { type Decided, type GateRequest, GateService } from '../risk/gate/gate.service.js';
import { ExecutorsRepository } from './executors.repository.js';
import { decisionTypeOf, statusOf } from './idea-status.js';
import { type IdeaFilter, type IdeaRow, IdeasRepository } from './ideas.repository.js';
import { bound, IdeaOutcomes, priceNow } from './outcomes.service.js';
import { type checkedSchema, type ideaDetailSchema, type proposedSchema, type Proposal, toIdea, validSecondsOf } from './trade-ideas.schemas.js';
import type { z } from 'zod';

type Proposed = z.output<typeof proposedSchema>;

/** For an alert: which, and which of its runs. */
export interface ForAlert {
  id: string;
  run: number;
}

/** Who proposes, who executes, and what the gate is asked. */
interface Prepared {
  request: GateRequest;
  proposerId: string | null;
}

const LEASE_SECONDS = 30;
const DECISIONS_SHOWN = 100;

@Injectable()
export class IdeasService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ideas: IdeasRepository,
    private readonly executors: ExecutorsRepository,
    private readonly outcomes: IdeaOutcomes,
    private readonly gate: GateService,
    private readonly leases: LeaseService,
    private readonly symbols: SymbolLookup,
    private readonly decisions: DecisionsService,
  ) {}

  /**
   * Asks the gate, and stores the idea with what became of it.
   * @param lease hands the command over in the answer
   * @param alert one idea for each of its runs, whatever crashes between
   * @throws {Problem} 403 EXECUTOR_NOT_ALLOWED, 404 for agent, strategy, prediction or reference, 409 for another agent's prediction or reference
   */
  async propose(tx: Tx, caller: Caller, body: Proposal, lease: boolean, alert: ForAlert | null = null): Promise<Proposed> {
    const { request, proposerId } = await this.prepare(tx, caller, body);
    if (lease && (caller.principal.kind !== 'agent' || caller.principal.agentId !== request.executorId)) {
      throw forbidden('LEASE_NOT_YOURS', 'The command goes to the executor: only its own key takes it with lease=1.');
    }
    if (lease && caller.principal.kind === 'agent' && !caller.principal.scopes.includes('commands')) throw forbidden('SCOPE_MISSING', 'This key lacks the scope commands, which lease=1 takes.');
    const decided = await this.gate.decide(tx, request);
    const { idea, decisionId } = await this.record(tx, caller, body, { request, proposerId }, decided, alert);
    const leased = lease && idea.command_id !== null ? await this.leases.leaseNew(tx, caller, idea.executor_id, idea.command_id, LEASE_SECONDS) : null;
    const { verdict, reasons, rules } = decided.assessment;
    return { ...toIdea(idea), decision: { id: decisionId, verdict, reasons: [...reasons], rules: rules as Proposed['decision']['rules'] }, ...(lease ? { command: leased && toLeasedCommand(leased) } : {}) };
  }

  /** Whoever lost the answer asks again under the same key, perhaps after a halt, perhaps as another copy of the agent: neither takes an opening out of it. */
  async stillGiven(caller: Caller, stored: Proposed): Promise<Proposed> {
    if (!stored.command || (await this.leases.mayHoldStill(caller, stored.command))) return stored;
    return { ...stored, command: null };
  }

  /** The same verdict; nothing is locked, and nothing can be written. */
  check(caller: Caller, body: Proposal): Promise<z.output<typeof checkedSchema>> {
    return inTransaction(this.dataSource, async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      return this.checkWithin(tx, caller, body);
    });
  }

  async checkWithin(tx: Tx, caller: Caller, body: Proposal): Promise<z.output<typeof checkedSchema>> {
    const { request } = await this.prepare(tx, caller, body);
    const { input, assessment: { verdict, reasons, rules, price } } = await this.gate.preview(tx, request);
    return { verdict, reasons: [...reasons], rules: rules as Proposed['decision']['rules'], price, checkedAt: input.now };
  }

  /** @throws {Problem} 404, 403 for a key that neither proposed nor executes it */
  async get(caller: Caller, id: string): Promise<z.output<typeof ideaDetailSchema>> {
    const idea = await this.ideas.byId(id);
    if (!idea) throw notFound('idea');
    mayseeIdea(caller, idea);
    const decisions = await this.decisions.list({ agentId: null, ideaId: id }, DECISIONS_SHOWN, undefined);
    const reservation = idea.command_id === null ? null : await this.ideas.reservationOf(idea.command_id);
    return {
      ...toIdea(idea), decisions: decisions.map((row) => toDecision(row, this.decisions.check(row))),
      reservation: reservation && { held: reservation.held, endedAs: reservation.ended_as, tradeId: reservation.trade_id },
    };
  }

  async list(filter: IdeaFilter, limit: number, cursor: string | undefined): Promise<IdeaRow[]> {
    const spellings = filter.symbol === undefined ? [undefined] : await this.symbols.spellings(null, filter.symbol);
    const lists = await Promise.all(spellings.map((symbol) => this.ideas.list({ ...filter, symbol }, limit, cursor)));
    return lists.flat().sort((a, b) => b.seq - a.seq).slice(0, limit + 1);
  }

  private async record(tx: Tx, caller: Caller, body: Proposal, { request, proposerId }: Prepared, decided: Decided, alert: ForAlert | null) {
    const { input, assessment: { verdict, reasons }, agentVersion, configHash } = decided;
    const status = statusOf(verdict);
    const opens = status === 'auto_executed' && input.idea.lotSize !== '0';
    const content = {
      id: uuidv7(), account_id: request.accountId, execution_mode: request.executionMode, proposer_id: proposerId, executor_id: request.executorId, strategy_id: request.strategyId,
      strategy_version: input.strategy?.version ?? null, prediction_id: body.predictionId ?? null, snapshot_ref: body.snapshotRef ?? null, agent_version: agentVersion,
      config_hash: configHash, ...(await this.ideas.modelOf(tx, body.predictionId ?? null)),
      symbol: request.idea.symbol, broker_symbol: request.brokerSymbol, exchange: request.idea.exchange, product: request.idea.product, direction: body.direction, outcome: body.outcome ?? null,
      lot_size: body.lotSize, entry_price: body.entryPrice ?? null, entry_low: body.entryRange?.low ?? null, entry_high: body.entryRange?.high ?? null, stop_loss: body.stopLoss ?? null,
      take_profit: body.takeProfit ?? null, expected_hold: body.expectedHold ?? null, valid_for_seconds: validSecondsOf(body), rationale: body.rationale, confidence: body.confidence ?? null,
      status, approved_by: null, ended_reason: null, actor: actorOf(caller.principal), correlation_id: caller.correlationId,
      alert_id: alert?.id ?? null, alert_run: alert?.run ?? null,
    };
    const reduced = status === 'waiting' ? null : await this.outcomes.reduce(tx, caller, content, decided);
    const idea = await this.ideas.insert(tx, {
      ...content, ...bound(content, priceNow(decided)), command_id: opens ? uuidv7() : null, close_command_ids: reduced?.close_command_ids ?? [], reduced_size: reduced?.reduced_size ?? null,
      reasons, decided_by: status === 'waiting' || status === 'needs_approval' ? null : actorOf(caller.principal),
    });
    if (idea.command_id !== null) await this.outcomes.carryOut(tx, caller, idea, decided, idea.command_id);
    return { idea, decisionId: await this.outcomes.write(tx, caller, idea, { type: decisionTypeOf(status), decided }) };
  }

  private async prepare(tx: Tx, { principal }: Caller, body: Proposal): Promise<Prepared> {
    const proposerId = principal.kind === 'agent' ? principal.agentId : null;
    const executorId = body.executorAgentId ?? proposerId;
    if (executorId === null) throw badRequest('VALIDATION_FAILED', 'is required of a person: which agent trades it', 'executorAgentId');
    if (proposerId !== null && executorId !== proposerId && !(await this.executors.mayProposeFor(tx, proposerId, executorId))) {
      throw forbidden('EXECUTOR_NOT_ALLOWED', 'An administrator has not given this agent that executor.');
    }
    const executor = await this.ideas.agent(tx, executorId);
    if (!executor) throw notFound('agent');
    await this.mustBeOwn(tx, principal.kind === 'agent' ? principal.agentId : executorId, proposerId === null, body);
    const named = await this.symbols.named(tx, executor.account_id, body.symbol, body.exchange ?? null);
    return {
      proposerId,
      request: {
        accountId: executor.account_id, executionMode: executor.mode, executorId, proposerId: proposerId === executorId ? null : proposerId, strategyId: body.strategyId ?? null, brokerSymbol: named.brokerSymbol,
        idea: {
          symbol: named.symbol, exchange: named.exchange, product: body.product ?? null, direction: body.direction, outcome: body.outcome ?? null, lotSize: body.lotSize,
          entryPrice: body.entryPrice ?? null, entryRange: body.entryRange ?? null, stopLoss: body.stopLoss ?? null, takeProfit: body.takeProfit ?? [], confidence: body.confidence ?? null,
          approved: false,
        },
      },
    };
  }

  private async mustBeOwn(tx: Tx, agentId: string, isPerson: boolean, { predictionId = null, snapshotRef = null }: Proposal): Promise<void> {
    if (predictionId === null && snapshotRef === null) return;
    const owners = await this.ideas.owners(tx, predictionId, snapshotRef);
    if (predictionId !== null && owners.prediction === null) throw notFound('prediction');
    if (predictionId !== null && owners.prediction !== agentId) throw conflict('PREDICTION_OF_ANOTHER_AGENT', 'The prediction is another agent\'s.');
    if (snapshotRef !== null && !owners.ref) throw notFound('reference');
    if (snapshotRef !== null && !isPerson && owners.ref_owner !== agentId) throw conflict('REFERENCE_OF_ANOTHER_AGENT', 'The reference is another agent\'s.');
  }
}

function mayseeIdea({ principal }: Caller, { proposer_id, executor_id }: IdeaRow): void {
  if (principal.kind === 'agent' && principal.agentId !== proposer_id && principal.agentId !== executor_id) throw forbidden('NOT_YOUR_AGENT', 'An agent key sees the ideas that its agent proposed or executes.');
}
