import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Schedules } from '../database/schedules.js';
import { inTransaction, type Tx } from '../database/transaction.js';
import { Events, type NewEvent } from '../events/events.service.js';
import { type Counted, type DueScore, PredictionScoresRepository, type Scored, type Unscored } from './prediction-scores.repository.js';
import { decileOf, nextLookAfter, verdictOn } from './score.js';

/** Shorter than the schedules' own look, so that every look finds it due. */
const SCORE_EVERY_SECONDS = 30;
/** Of one transaction: short, since their rows are locked meanwhile. */
const BATCH = 200;
/** Of one run: what a replay of years left goes on with the next, and other schedules come in between. */
const BATCHES_MOST = 100;

/**
 * Scores each prediction once, when its horizon is over: by the first look that finds a price near enough. A price that is
 * not there is looked for as long as facts may be late. What was scored stays, whatever is corrected afterwards.
 */
@Injectable()
export class PredictionScoresService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly scores: PredictionScoresRepository,
    private readonly events: Events,
    schedules: Schedules,
  ) {
    schedules.every(SCORE_EVERY_SECONDS, 'predictions.score', () => this.scoreDue());
  }

  /** Any number of instances may: each row is looked at by one. */
  async scoreDue(): Promise<void> {
    for (let batch = 0; batch < BATCHES_MOST; batch++) {
      if ((await inTransaction(this.dataSource, (tx) => this.scoreBatch(tx))) < BATCH) return;
    }
  }

  private async scoreBatch(tx: Tx): Promise<number> {
    const due = await this.scores.due(tx, BATCH);
    if (due.length === 0) return 0;
    const scored = due.flatMap((each) => scoreOf(each) ?? []);
    const priceless = due.flatMap(pricelessOf);
    const unscored: Unscored[] = priceless.flatMap(({ prediction_id, reason, after_seconds }) => (after_seconds === null ? { prediction_id, reason } : []));
    const later = priceless.flatMap(({ prediction_id, after_seconds }) => (after_seconds === null ? [] : { prediction_id, after_seconds }));
    if (scored.length > 0) await this.scores.store(tx, scored);
    if (unscored.length > 0) await this.scores.giveUp(tx, unscored);
    if (later.length > 0) await this.scores.lookLater(tx, later);
    if (scored.length > 0) await this.scores.count(tx, countsOf(due, scored));
    await this.events.append(tx, null, eventsOf(due, scored, unscored));
    return due.length;
  }
}

function scoreOf({ direction, spread, prediction_id, start_price, start_at, start_source, end_price, end_at, end_source }: DueScore): Scored | null {
  if (start_price === null || start_at === null || start_source === null || end_price === null || end_at === null || end_source === null) return null;
  const costs = spread ?? '0';
  return {
    prediction_id, ...verdictOn(direction, start_price, end_price, costs), start_price, start_at, start_source, end_price, end_at, end_source, costs,
    costs_source: spread === null ? 'assumed' : 'spread',
  };
}

function pricelessOf({ prediction_id, start_price, end_price, late_seconds }: DueScore) {
  if (start_price !== null && end_price !== null) return [];
  const reason: Unscored['reason'] = start_price === null ? 'NO_PRICE_AT_START' : 'NO_PRICE_AT_HORIZON';
  return [{ prediction_id, reason, after_seconds: nextLookAfter(late_seconds) }];
}

function countsOf(due: DueScore[], scored: Scored[]): Counted[] {
  const outcomes = new Map(scored.map(({ prediction_id, outcome }) => [prediction_id, outcome]));
  const counts = new Map<string, Counted>();
  for (const { prediction_id, agent_id, model, model_version, confidence } of due) {
    const outcome = outcomes.get(prediction_id);
    if (outcome === undefined) continue;
    const decile = decileOf(confidence);
    const key = JSON.stringify([agent_id, model, model_version, decile]);
    const count = counts.get(key) ?? { agent_id, model, model_version: model_version ?? '', decile, scored: 0, came_true: 0 };
    counts.set(key, { ...count, scored: count.scored + 1, came_true: count.came_true + (outcome === 'right' ? 1 : 0) });
  }
  return [...counts.values()];
}

/** One for each agent of a batch: one for each prediction would drown the stream. */
function eventsOf(due: DueScore[], scored: Scored[], unscored: Unscored[]): NewEvent[] {
  const outcomes = new Map<string, string>([...scored.map(({ prediction_id, outcome }) => [prediction_id, outcome] as const), ...unscored.map(({ prediction_id }) => [prediction_id, 'unscored'] as const)]);
  return [...new Set(due.map(({ agent_id }) => agent_id))].flatMap((agentId): NewEvent[] => {
    const own = due.filter(({ agent_id, prediction_id }) => agent_id === agentId && outcomes.has(prediction_id));
    const count = (outcome: string) => own.filter(({ prediction_id }) => outcomes.get(prediction_id) === outcome).length;
    return own.length === 0 ? [] : [{ type: 'prediction.batch_scored', agentId, data: { right: count('right'), wrong: count('wrong'), unscored: count('unscored') } }];
  });
}
