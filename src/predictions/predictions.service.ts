import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import { agentOf } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import type { Attempted } from '../common/http/once.js';
import { actorOf } from '../common/principal.js';
import { badRequest, notFound } from '../common/problem.js';
import { spanOf } from '../common/span.js';
import type { Claim } from '../database/idempotency.js';
import { newestOf, type Place } from '../database/newest-first.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { SymbolLookup, symbolOf } from '../instruments/symbol-lookup.js';
import { AgentModels } from './agent-models.service.js';
import { MergedPredictions } from './merged-predictions.js';
import { type NewPrediction, type PredictionFilter, PredictionsRepository, type ScoreRow, type ShownPrediction } from './predictions.repository.js';
import { type createPredictionSchema, type predictionSchema, toPrediction } from './predictions.schemas.js';

type Prediction = z.output<typeof createPredictionSchema>;
type PredictionAnswer = z.output<typeof predictionSchema>;

@Injectable()
export class PredictionsService {
  constructor(
    private readonly predictions: PredictionsRepository,
    private readonly merged: MergedPredictions,
    private readonly events: Events,
    private readonly symbols: SymbolLookup,
    private readonly models: AgentModels,
    private readonly dataSource: DataSource,
  ) {}

  async create(tx: Tx, caller: Caller, body: Prediction): Promise<ShownPrediction> {
    const { agentId } = agentOf(caller);
    const [row] = await this.predictions.insert(tx, agentId, [rowOf(body)]);
    if (!row) throw new Error('the prediction was not stored');
    await this.events.append(tx, caller, [{ type: 'prediction.created', subjectId: row.id, agentId, data: { ...createdData(row), symbol: row.symbol, shouldTrade: row.should_trade } }]);
    await this.models.note(tx, caller, agentId, [row]);
    return row;
  }

  /** The same, merged with what other requests send now. */
  async createMerged(caller: Caller, body: Prediction, claim: Claim | null): Promise<Attempted<PredictionAnswer>> {
    const { agentId } = agentOf(caller);
    const prediction = rowOf(body);
    const { symbol: _symbol, brokerSymbol: _told, shouldTrade: _judged, thresholdUsed: _used, calibratedProbability: _known, agentVersion: _runs, configHash: _with, createdAt: _later, ...answer } =
      toPrediction({ ...prediction, ...NOT_SCORED, agent_id: agentId, agent_version: null, config_hash: null, seq: 0, should_trade: false, threshold_used: '', created_at: '' });
    const { principal, correlationId } = caller;
    const { attempted, isNews } = await this.merged.insert({ agentId, prediction, claim, answer, data: createdData(prediction), actor: actorOf(principal), correlationId });
    if (isNews) await inTransaction(this.dataSource, (tx) => this.models.note(tx, caller, agentId, [prediction]));
    return attempted;
  }

  /** All or none. One event for all of them: a thousand would drown the stream. */
  async createMany(tx: Tx, caller: Caller, items: Prediction[]): Promise<ShownPrediction[]> {
    const { agentId } = agentOf(caller);
    const rows = await this.predictions.insert(tx, agentId, items.map(rowOf));
    await this.events.append(tx, caller, [{ type: 'prediction.batch_created', agentId, data: { count: rows.length, ...spanOf(rows.map((row) => row.predicted_at)) } }]);
    await this.models.note(tx, caller, agentId, rows);
    return rows;
  }

  async list(filter: PredictionFilter, limit: number, cursor: string | undefined): Promise<ShownPrediction[]> {
    const after = cursor === undefined ? null : await this.predictions.placeOf(cursor);
    // Pruned since: an empty page would say that there is nothing older.
    if (cursor !== undefined && !after) throw badRequest('CURSOR_GONE', 'the row it stands for is gone: begin again', 'cursor');
    return this.page(filter, limit, after);
  }

  async latest(agentId: string | null, symbol: string): Promise<ShownPrediction> {
    const [row] = await this.page({ agentId, symbol }, 0, null);
    if (!row) throw notFound('prediction');
    return row;
  }

  /** A symbol finds what it is the symbol of, however it is spelled. */
  private async page(filter: PredictionFilter, limit: number, after: Place | null): Promise<ShownPrediction[]> {
    if (filter.symbol === undefined) return this.predictions.list(filter, limit, after);
    const spellings = await this.symbols.spellings(filter.agentId, filter.symbol);
    const lists = await Promise.all(spellings.map((symbol) => this.predictions.list({ ...filter, symbol }, limit, after)));
    return newestOf(lists, limit + 1, ({ predicted_at }) => predicted_at);
  }
}

const NOT_SCORED: ScoreRow = {
  outcome: null, reason: null, start_price: null, start_at: null, start_source: null, end_price: null, end_at: null, end_source: null, move: null, costs: null,
  costs_source: null, scored_at: null, calibrated_probability: null,
};

const createdData = ({ direction, confidence }: Pick<NewPrediction, 'direction' | 'confidence'>) => ({ direction, confidence });

function rowOf(body: Prediction): NewPrediction {
  return {
    id: uuidv7(),
    model: body.model,
    model_version: body.modelVersion ?? null,
    prompt_hash: body.promptHash ?? null,
    symbol: symbolOf(body.symbol),
    broker_symbol: body.symbol,
    predicted_at: body.timestamp,
    horizon_seconds: body.horizonSeconds ?? null,
    direction: body.direction,
    confidence: body.confidence,
    prob_up: body.probUp ?? null,
    prob_down: body.probDown ?? null,
    components: body.components ?? null,
    agreement_count: body.agreementCount ?? null,
    agreement_score: body.agreementScore ?? null,
    market_regime: body.marketRegime ?? null,
    market_price: body.marketPrice ?? null,
    agent_cycle_number: body.agentCycleNumber ?? null,
    used_by_agent: body.usedByAgent ?? false,
    source_time: body.sourceTime ?? null,
  };
}
