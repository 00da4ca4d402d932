import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { agentOf, mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { conflict, notFound } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { type ExplainedTrade, type ExplanationFilter, type ExplanationRow, ExplanationsRepository } from './explanations.repository.js';
import type { createExplanationSchema } from './explanations.schemas.js';
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
    const row = await this.store(tx, body, { agent_id: trade.agent_id, trade_id: tradeId, prediction_id: body.predictionId ?? trade.prediction_id });
    await this.events.append(tx, caller, [
      { type: 'trade.explained', subjectId: tradeId, agentId: trade.agent_id, accountId: trade.account_id, data: { explanationId: row.id, kind: row.kind } },
    ]);
    return row;
  }

  /** Of a trade that was not made. @throws {Problem} 404, 409 for a prediction that is not this agent's */
  async createSkip(tx: Tx, caller: Caller, body: NewExplanationBody): Promise<ExplanationRow> {
    const { agentId } = agentOf(caller);
    if (body.predictionId != null) await this.mustBeOf(tx, agentId, body.predictionId);
    const row = await this.store(tx, body, { agent_id: agentId, trade_id: null, prediction_id: body.predictionId ?? null });
    await this.events.append(tx, caller, [
      { type: 'explanation.created', subjectId: row.id, agentId, data: { kind: row.kind, predictionId: row.prediction_id } },
    ]);
    return row;
  }

  async listOfTrade(caller: Caller, tradeId: string, limit: number, cursor: string | undefined): Promise<(ExplanationRow & Sized)[]> {
    const { agent_id: agentId } = await this.trade(caller, tradeId);
    return this.explanations.list({ agentId, tradeId }, limit, cursor);
  }

  list(filter: ExplanationFilter, limit: number, cursor: string | undefined): Promise<(ExplanationRow & Sized)[]> {
    return this.explanations.list(filter, limit, cursor);
  }

  private store(tx: Tx, body: NewExplanationBody, of: Pick<ExplanationRow, 'agent_id' | 'trade_id' | 'prediction_id'>): Promise<ExplanationRow> {
    return this.explanations.insert(tx, {
      id: uuidv7(),
      ...of,
      kind: body.kind,
      explanation: body.explanation,
      confidence_factors: body.confidenceFactors ?? null,
      risk_factors: body.riskFactors ?? null,
      llm_model: body.llmModel ?? null,
      prompt_hash: body.promptHash ?? null,
      prompt: body.prompt ?? null,
      raw_response: body.rawResponse ?? null,
      tokens: body.tokens ?? null,
      cost: body.cost ?? null,
    });
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
}
