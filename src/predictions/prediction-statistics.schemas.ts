import { z } from 'zod';
import { decimalText, symbol, text, uuid } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { PredictionFiguresRow } from './prediction-statistics.repository.js';

/** Every build of an agent may name a version of its own: the answer has an end, and says what it left out. */
export const MODELS_SHOWN_MAX = 500;

export const predictionStatisticsQuery = z.strictObject({
  agentId: uuid().optional(),
  symbol: symbol().optional(),
  model: text(100).optional(),
  modelVersion: text(100).optional(),
  ...timeWindow,
}).superRefine(inOrder);

const count = () => z.int();

const figures = {
  predictions: count(),
  byDirection: z.object({ long: count(), short: count(), hold: count() }),
  averageConfidence: decimalText().nullable().describe('rounded to 18 digits; null when there is no prediction'),
  minConfidence: decimalText().nullable(),
  maxConfidence: decimalText().nullable(),
  shouldTrade: count(),
  usedByAgent: count(),
  traded: count().describe('predictions that a trade names, whatever became of it; one with two trades counts once'),
  executionRate: decimalText().nullable().describe('traded / predictions, from 0 to 1; null when there is no prediction'),
  scored: count().describe('predictions whose horizon is over and had its prices'),
  right: count(),
  accuracy: decimalText().nullable().describe('right / scored, rounded to 18 digits; null when none was scored'),
  brierScore: decimalText().nullable().describe('the mean of (confidence - 1)² where right and confidence² where wrong: 0 is best, and always saying 0.5 gives 0.25'),
  waiting: count().describe('predictions that may still be scored: before their horizon, or while a price is looked for'),
  unscored: count().describe('predictions that will not be scored: without horizonSeconds, or without a price in 7 days'),
};

const calibration = z.array(z.object({
  from: decimalText(),
  to: decimalText().describe('not in it, but for 1'),
  count: count().describe('scored predictions with such a confidence'),
  right: count(),
  averageConfidence: decimalText().nullable(),
  accuracy: decimalText().nullable().describe('near averageConfidence where the confidence can be believed; of a few it says little'),
})).describe('ten classes of confidence, all of them');

export const predictionStatisticsSchema = z.object({
  ...figures,
  calibration,
  models: z.array(z.object({ model: z.string(), modelVersion: z.string().nullable(), ...figures })).describe(`the ${MODELS_SHOWN_MAX} with the most predictions`),
  modelsTotal: count().describe('models in their versions, also those not shown'),
}).meta({ id: 'PredictionStatistics' });

const toFigures = (row: PredictionFiguresRow) => ({
  predictions: row.predictions,
  byDirection: { long: row.long, short: row.short, hold: row.hold },
  averageConfidence: row.average_confidence,
  minConfidence: row.min_confidence,
  maxConfidence: row.max_confidence,
  shouldTrade: row.should_trade,
  usedByAgent: row.used_by_agent,
  traded: row.traded,
  executionRate: row.execution_rate,
  scored: row.scored,
  right: row.came_true,
  accuracy: row.accuracy,
  brierScore: row.brier_score,
  waiting: row.waiting,
  unscored: row.predictions - row.scored - row.waiting,
});

const tenth = (n: number) => (n === 10 ? '1' : n === 0 ? '0' : `0.${n}`);

const toCalibration = (rows: PredictionFiguresRow[]) => Array.from({ length: 10 }, (_, decile) => {
  const row = rows.find((each) => each.decile === decile);
  return { from: tenth(decile), to: tenth(decile + 1), count: row?.scored ?? 0, right: row?.came_true ?? 0, averageConfidence: row?.average_confidence ?? null, accuracy: row?.accuracy ?? null };
});

export function toPredictionStatistics(rows: PredictionFiguresRow[]): z.output<typeof predictionStatisticsSchema> {
  const [overall] = rows;
  if (overall?.of !== 'all') throw new Error('the sum over all predictions is missing');
  return {
    ...toFigures(overall),
    calibration: toCalibration(rows.filter((row) => row.of === 'decile')),
    models: rows.filter((row) => row.of === 'model').slice(0, MODELS_SHOWN_MAX).map((row) => ({ model: row.model ?? '', modelVersion: row.model_version, ...toFigures(row) })),
    modelsTotal: overall.models,
  };
}
