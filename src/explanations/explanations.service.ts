import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { agentOf, mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { conflict, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type ExplainedTrade, type ExplanationFilter, type ExplanationRow, ExplanationsRepository } from './explanations.repository.js';
import type { createExplanationSchema, createSkipSchema } from './explanations.schemas.js';
import type { Sized } from '../common/page-bytes.js';

type NewExplanationBody = z.output<typeof createExplanationSchema>;

@Injectable()
export class ExplanationsService {
  constructor(
    private readonly explanations: ExplanationsRepository,
    private readonly events: Events,
  ) {}

  /** @throws {Problem} 404, 403 for the trade; 404, 409 for a prediction that is not this agent's */
  async create(tx: Tx, caller: Caller, tradeId: string, body: NewExplanationBody): Promise<ExplanationRow> {
    const trade = await this.trade(caller, tradeId, tx);
    if (body.predictionId != null) await this.mustBeOf(tx, trade.agent_id, body.predictionId);
    if (body.ideaId != null) await this.mustBeOfIdea(tx, trade.agent_id, body.ideaId);
    const row = await this.insert(tx, trade.agent_id, tradeId, { ...body, predictionId: body.predictionId ?? trade.prediction_id });
    await this.events.append(tx, caller, [
      { type: 'trade.explained', subjectId: tradeId, agentId: trade.agent_id, accountId: trade.account_id, data: { explanationId: row.id, kind: row.kind } },
    ]);
    return row;
  }

  /** Why something was not traded, or what is to be learned. @throws {Problem} 404, 409 for a prediction or idea that is not this agent's */
  async createAlone(tx: Tx, caller: Caller, body: z.output<typeof createSkipSchema>): Promise<ExplanationRow> {
    const { agentId } = agentOf(caller);
    if (body.predictionId != null) await this.mustBeOf(tx, agentId, body.predictionId);
    if (body.ideaId != null) await this.mustBeOfIdea(tx, agentId, body.ideaId);
    const row = await this.insert(tx, agentId, null, body);
    await this.events.append(tx, caller, [{
      type: 'explanation.created', subjectId: row.id, agentId, accountId: await this.explanations.accountOf(tx, agentId),
      data: { kind: row.kind, predictionId: row.prediction_id, ideaId: row.idea_id },
    }]);
    return row;
  }

  private insert(tx: Tx, agentId: string, tradeId: string | null, body: NewExplanationBody): Promise<ExplanationRow> {
    return this.explanations.insert(tx, {
      id: uuidv7(), agent_id: agentId, trade_id: tradeId, idea_id: body.ideaId ?? null, prediction_id: body.predictionId ?? null, kind: body.kind, explanation: body.explanation,
      confidence_factors: body.confidenceFactors ?? null, risk_factors: body.riskFactors ?? null, llm_model: body.llmModel ?? null, prompt_hash: body.promptHash ?? null,
      prompt: body.prompt ?? null, raw_response: body.rawResponse ?? null, tokens: body.tokens ?? null, cost: body.cost ?? null,
    });
  }

  async listOfTrade(caller: Caller, tradeId: string, limit: number, cursor: string | undefined): Promise<(ExplanationRow & Sized)[]> {
    const { agent_id: agentId } = await this.trade(caller, tradeId);
    return this.explanations.list({ agentId, tradeId }, limit, cursor);
  }

  list(filter: ExplanationFilter, limit: number, cursor: string | undefined): Promise<(ExplanationRow & Sized)[]> {
    return this.explanations.list(filter, limit, cursor);
  }

  private async trade(caller: Caller, id: string, tx?: Tx): Promise<ExplainedTrade> {
    const trade = await this.explanations.trade(id, tx);
    if (!trade) throw notFound('trade');
    mustOwn(caller, trade.agent_id);
    return trade;
  }

  private async mustBeOf(tx: Tx, agentId: string, predictionId: string): Promise<void> {
    const owner = await this.explanations.agentOfPrediction(tx, predictionId);
    if (owner === null) throw notFound('prediction');
    if (owner !== agentId) throw conflict('PREDICTION_OF_ANOTHER_AGENT', 'The prediction is another agent\'s.');
  }

  private async mustBeOfIdea(tx: Tx, agentId: string, ideaId: string): Promise<void> {
    const agents = await this.explanations.agentsOfIdea(tx, ideaId);
    if (agents.length === 0) throw notFound('idea');
    if (!agents.includes(agentId)) throw conflict('IDEA_OF_ANOTHER_AGENT', 'The idea is another agent\'s.');
  }
}
